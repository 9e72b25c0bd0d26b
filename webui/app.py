"""The dashboard's Flask application: joins engine, renderer, guard, pages and socket."""

import logging

from flask import Flask, request
from werkzeug.exceptions import HTTPException, InternalServerError

from webui.engine import EngineClient
from webui.fragments import Hints
from webui.live import Live
from webui.pages import Frame
from webui.render import Renderer
from webui.security import Guard
from webui.views import commands, home, visit
from webui.visitor import language, palette
from webui.ws import add_socket

log = logging.getLogger(__name__)

PAGES = (home.PAGE,)
"""Every page of the dashboard, in the order of its navigation."""

STATIC_MAX_AGE_S = 365 * 24 * 3600  # the address holds a hash of the content


def create_app(engine: EngineClient, hints: Hints | None = None) -> Flask:
    """The application on top of an engine client. Nothing runs before `live_of(app).start()`."""
    app = Flask("webui", template_folder=None)
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = STATIC_MAX_AGE_S
    live = Live(engine, Renderer(hints or Hints()))
    guard = Guard()
    guard.install(app)
    frame = Frame(live, guard, PAGES)
    app.register_blueprint(home.home_page(live, frame))
    app.register_blueprint(commands.command_views(live))
    app.register_blueprint(visit.visit_views())
    add_socket(app, live, {page.name: page.fragments for page in PAGES}, guard.boot)
    app.extensions["live"] = live
    _explain_errors(app, live.renderer)
    return app


def live_of(app: Flask) -> Live:
    """The live part of an application made by `create_app`: start and close it."""
    live = app.extensions["live"]
    if not isinstance(live, Live):
        raise TypeError("this application was not made by create_app")
    return live


def _explain_errors(app: Flask, renderer: Renderer) -> None:
    """Errors as words: inside the dialog for what a button asked, as a page otherwise."""

    @app.errorhandler(HTTPException)
    def explain(error: HTTPException) -> tuple[str, int]:
        code = error.code or InternalServerError.code
        in_dialog = request.blueprint == "commands" or "HX-Request" in request.headers
        template = "partials/problem.html" if in_dialog else "pages/error.html"
        words = renderer.words[language()]
        reason = words.maybe(f"error.{code}", words("error.other"))
        return renderer.text(template, words.lang, code=code, reason=reason, palette=palette()), code
