"""ALL STOP and resume: two steps, a typed phrase for the first, a one-time token for both, the answer as a push."""

import unicodedata

from flask import Blueprint, abort, g, request

from domain.readmodel import ReadModel
from webui.desk import Stage, Ticket, TokenSpent
from webui.live import Live
from webui.mirror import Link
from webui.visitor import language

STOPS = {"keep": "stop_all", "liquidate": "stop_all_liquidate"}
PHRASES = ("정지", "STOP")

Answer = tuple[str, int]


def command_views(live: Live) -> Blueprint:
    """The dialogs of the commands, and the POSTs that send them."""
    views = Blueprint("commands", __name__)
    views.add_url_rule("/stop", view_func=lambda: _stop_choose(live), endpoint="stop")
    views.add_url_rule("/stop/choose", view_func=lambda: _stop_confirm(live), endpoint="choose", methods=["POST"])
    views.add_url_rule("/stop/execute", view_func=lambda: _stop_execute(live), endpoint="execute", methods=["POST"])
    views.add_url_rule("/resume", view_func=lambda: _resume_confirm(live), endpoint="resume")
    views.add_url_rule("/resume/execute", view_func=lambda: _resume_execute(live), endpoint="go", methods=["POST"])
    views.add_url_rule("/commands/<token>", view_func=lambda token: _ticket(live, token), endpoint="ticket")
    return views


def _stop_choose(live: Live) -> str:
    return _dialog(live, "stop_choose", gone=live.mirror.view().link is Link.GONE)


def _stop_confirm(live: Live) -> str:
    mode = request.form.get("mode", "")
    if mode not in STOPS:
        abort(400)
    token = live.desk.offer(STOPS[mode], g.browser)
    return _dialog(live, "stop_confirm", token=token, mode=mode, wrong=False)


def _stop_execute(live: Live) -> Answer:
    token = request.form.get("token", "")
    modes = {name: mode for mode, name in STOPS.items()}
    try:
        ticket = live.desk.offered(token, g.browser)
    except TokenSpent:
        abort(409)
    if ticket.name not in modes:
        abort(409)
    if not phrase_matches(request.form.get("phrase", "")):
        return _dialog(live, "stop_confirm", token=token, mode=modes[ticket.name], wrong=True), 422
    return _send(live, token)


def _resume_confirm(live: Live) -> str:
    return _dialog(live, "resume_confirm", token=live.desk.offer("resume", g.browser))


def _resume_execute(live: Live) -> Answer:
    token = request.form.get("token", "")
    try:
        if live.desk.offered(token, g.browser).name != "resume":
            abort(409)
    except TokenSpent:
        abort(409)
    return _send(live, token)


def _ticket(live: Live, token: str) -> str:
    ticket = live.desk.ticket(token)
    if ticket is None or ticket.browser != g.browser:
        abort(404)
    return live.ticket_text(ticket, language())


def _send(live: Live, token: str) -> Answer:
    try:
        ticket: Ticket = live.desk.execute(token, g.browser)
    except TokenSpent:
        abort(409)
    return live.ticket_text(ticket, language()), 503 if ticket.stage is Stage.LOST else 202


def _dialog(live: Live, name: str, **inputs: object) -> str:
    model = live.mirror.view().model
    return live.renderer.text(f"partials/{name}.html", language(), **_holdings(model), **inputs)


def _holdings(model: ReadModel | None) -> dict[str, object]:
    """What a command would act on: None where the engine has not told."""
    if model is None:
        return {"positions": None, "exposure": None, "orders": None, "state": None}
    return {
        "positions": len(model.positions),
        "exposure": None if model.kpis is None else model.kpis.exposure,
        "orders": len(model.orders),
        "state": model.state,
    }


def phrase_matches(typed: str) -> bool:
    """Whether the confirmation was typed: one of PHRASES, in any letter case and any Unicode composition."""
    return unicodedata.normalize("NFC", typed.strip()).upper() in PHRASES
