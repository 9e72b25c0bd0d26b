"""What concerns the browser itself: its preferences, and its reports of blocked content."""

import logging

from flask import Blueprint, Response, abort, redirect, request
from werkzeug import Response as AnyResponse

from webui.language import LANGUAGES
from webui.visitor import LANGUAGE_COOKIE, PALETTE_COOKIE, PALETTES

log = logging.getLogger(__name__)

A_YEAR_S = 365 * 24 * 3600
REPORTS_LOGGED_MAX = 20
REPORT_SHOWN = 500


def visit_views() -> Blueprint:
    """POST /preferences and POST /csp."""
    views = Blueprint("visit", __name__)
    reports = iter(range(REPORTS_LOGGED_MAX))

    @views.post("/preferences")
    def preferences() -> AnyResponse:
        """Keep one choice and show the page again."""
        cookie, allowed = (PALETTE_COOKIE, PALETTES) if "palette" in request.form else (LANGUAGE_COOKIE, LANGUAGES)
        chosen = request.form.get("palette", request.form.get("lang", ""))
        if chosen not in allowed:
            abort(400)
        answer = redirect("/", 303)
        answer.set_cookie(cookie, chosen, max_age=A_YEAR_S, samesite="Strict", httponly=True, path="/")
        return answer

    @views.post("/csp", endpoint="csp")
    def csp() -> Response:
        """A browser blocked something: a bug of ours or an injection. Logged, but not without end."""
        if next(reports, None) is not None:
            log.warning("content blocked report=%s", ascii(request.get_data(as_text=True)[:REPORT_SHOWN]))
        return Response(status=204)

    return views
