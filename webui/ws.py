"""The live socket of a page; the only file that knows flask-sock. Browsers only listen: actions go over POST."""

import contextlib
import logging
import socket
import struct
from collections.abc import Mapping
from typing import Protocol

from flask import Flask, abort, request
from flask_sock import Sock

from webui.hub import TRY_AGAIN, Outbox
from webui.live import Live
from webui.visitor import language

log = logging.getLogger(__name__)

TAKE_S = 1.0
SEND_WITHIN_S = 10
PING_S = 20
MESSAGE_MAX = 4096


class Connection(Protocol):
    """What we use of simple-websocket's server side of a socket."""

    connected: bool
    sock: socket.socket

    def send(self, data: str) -> None:
        """Send a text message; blocks while the browser does not read."""

    def close(self, reason: int) -> None:
        """End the socket with this close code."""


def add_socket(app: Flask, live: Live, pages: Mapping[str, tuple[str, ...]], boot: str) -> None:
    """Serve `/ws?page=<name>`: the fragments of that page, whole at first and then whenever they change.

    The guard has checked host, origin and session before anything here runs.
    """
    app.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": PING_S, "max_message_size": MESSAGE_MAX}
    sock = Sock(app)

    @app.before_request
    def check_seat() -> None:
        """Refuse before the upgrade, while a status can still be told."""
        if request.endpoint == "ws":
            if request.args.get("page") not in pages:
                abort(404)
            if live.hub.full:
                abort(503)

    @sock.route("/ws")  # type: ignore[untyped-decorator]  # flask-sock has no types
    def ws(connection: Connection) -> None:
        """Take the seat first, then everything as it is now, then changes: nothing falls between."""
        outbox = live.hub.join(language(), pages[request.args["page"]])
        if outbox is None:
            connection.close(TRY_AGAIN)
            return
        try:
            outbox.put("boot", live.renderer.text("partials/boot.html", outbox.lang, boot=boot, push=True))
            live.welcome(outbox)
            _serve(connection, outbox)
        except OSError as error:
            log.info("browser left error=%s", error)
        finally:
            live.hub.leave(outbox)
            _hang_up(connection.sock)


def _hang_up(connection: socket.socket) -> None:
    """End both directions at once.

    Otherwise gunicorn's main loop lingers for the browser's end, on a socket that simple-websocket's reader closes
    under it: for two seconds nobody else is served.
    """
    with contextlib.suppress(OSError):  # the browser, or that reader, was faster
        connection.shutdown(socket.SHUT_RDWR)


def _serve(connection: Connection, outbox: Outbox) -> None:
    """The only thread that sends on this socket. A browser that reads nothing for SEND_WITHIN_S is given up."""
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_WITHIN_S, 0))
    while connection.connected:
        texts = outbox.take(TAKE_S)
        if texts:
            connection.send("\n".join(texts))
        if outbox.closing is not None:
            connection.close(outbox.closing)
            return
