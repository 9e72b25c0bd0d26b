"""The page everything is seen on: account, chart, positions, orders, decisions, risk, lamps, tape."""

import msgspec
from flask import Blueprint, Response

from webui import shapes
from webui.live import Live
from webui.pages import Frame, Page
from webui.security import is_cross_site
from webui.visitor import language

PAGE = Page("home", "/", ("kpis", "equity_point", "positions", "orders", "decisions", "risk", "lamps", "tape"))


def home_page(live: Live, frame: Frame) -> Blueprint:
    """GET / and the data of its chart."""
    views = Blueprint("home", __name__)

    @views.get(PAGE.path)
    def home() -> str:
        if is_cross_site():  # a link elsewhere: our cookie was kept back, a reload from here brings it along
            return live.renderer.text("pages/bounce.html", language())
        return frame.show(PAGE)

    @views.get("/api/equity")
    def equity() -> Response:
        model = live.mirror.view().model
        curve = shapes.curve(() if model is None else model.equity)
        return Response(msgspec.json.encode(curve), mimetype="application/json")

    return views
