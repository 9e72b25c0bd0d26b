"""An exchange that answers exactly what a test tells it to, over real HTTP on loopback."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest

from actors.runtime import ScaledClock
from actors.upbit.line import Patience
from actors.upbit.rest import UpbitRest
from actors.upbit.retry import Timeouts
from actors.upbit.sign import Keys, Secret
from tests.actors.upbit.heard import Heard
from tests.actors.upbit.raw import Rig

ACCESS, SECRET = "access-key", "secret-key-of-the-test"


@dataclass
class Answer:
    """What to answer: a status with a body, or a cut connection after the request was read."""

    status: int = 200
    body: str | bytes = "[]"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass
class Request:
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def query(self) -> list[tuple[str, str]]:
        """The parameters in the order sent, decoded."""
        return parse_qsl(self.path.partition("?")[2])


class _Served(list):
    """Answers made when they are asked for."""

    def __init__(self, make: Callable[[], Answer]) -> None:
        super().__init__()
        self._make = make

    def __len__(self) -> int:
        return 1

    def __getitem__(self, _: object) -> Answer:
        return self._make()


class Exchange:
    """Answers in the order told, the last answer for ever; `requests` is what came in."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [Answer()]
        self.requests: list[Request] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.requests.append(Request(self.command, self.path, list(self.headers.items()), body))
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if answer.cut:
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.close_connection = True
                    self.connection.close()
                    return
                raw = answer.body if isinstance(answer.body, bytes) else answer.body.encode()
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(raw)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_DELETE = _serve  # noqa: N815 (the names http.server calls)

            def log_message(self, *_: object) -> None:
                pass

            def finish(self) -> None:
                if not self.wfile.closed and not self.close_connection:
                    super().finish()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def says(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def serves(self, answer: Callable[[Request], Answer]) -> None:
        """Let `answer` say what each request gets."""
        self.answers = _Served(lambda: answer(self.requests[-1]))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    server = Exchange()
    yield server
    server.close()


@pytest.fixture
def rest(exchange) -> UpbitRest:
    """A client of it that does not wait between two tries."""
    keys = Keys(ACCESS, Secret(SECRET))
    return UpbitRest(
        exchange.url,
        keys,
        ScaledClock(0, 0, 1000.0),
        pause=lambda _: None,
        timeouts=Timeouts(*[Patience(2.0, 2.0, 5.0)] * 4),
    )


@pytest.fixture
def rig() -> Iterator[Rig]:
    """Servers of bytes, and transports to them that end with the test."""
    made = Rig()
    yield made
    made.close()


@pytest.fixture
def listening(peer):
    """Opens streams to the peer, and stops them all."""
    opened = []

    def opening(url: str = peer.url, **more) -> Heard:
        opened.append(Heard(url, **more))
        return opened[-1]

    yield opening
    for one in opened:
        one.stream.stop()
