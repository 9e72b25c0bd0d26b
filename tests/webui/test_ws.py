"""The live socket on a real server, as a browser uses it and as others try to."""

from collections.abc import Callable, Iterator

import pytest
import requests
import websocket

from tests.webui.fake_engine import WAIT_S, FakeEngine
from tests.webui.process import Dashboard
from tests.webui.samples import a_position, halted
from webui.security import COOKIE

Connect = Callable[..., websocket.WebSocket]


@pytest.fixture
def connect(engine: FakeEngine, dashboard: Dashboard) -> Iterator[Connect]:
    opened: list[websocket.WebSocket] = []
    visitor = dashboard.visit()

    def open_one(
        page: str = "home", *, cookie: bool = True, host: str | None = None, **changes: str | None
    ) -> websocket.WebSocket:
        headers = {"Origin": dashboard.url, **changes}
        given = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value is not None]
        opened.append(
            websocket.create_connection(
                f"{dashboard.url.replace('http', 'ws')}/ws?page={page}",
                timeout=WAIT_S,
                header=given,
                suppress_origin=True,
                host=host,
                cookie=f"{COOKIE}={visitor.cookies[COOKIE]}" if cookie else None,
            )
        )
        return opened[-1]

    yield open_one
    visitor.close()
    for one in opened:
        if one.sock:
            one.sock.close()


def hear(socket: websocket.WebSocket, text: str) -> str:
    """The first message that holds `text`."""
    while True:
        told = socket.recv()
        assert told, f"the socket ended before {text!r} came"
        if text in str(told):
            return str(told)


def test_the_first_message_holds_the_whole_page_and_the_name_of_the_process(connect: Connect) -> None:
    first = hear(connect(), "page-boot")
    for part in ("badge", "ticker", "clock", "status", "kpis", "positions", "decisions", "tape"):
        assert f'id="{part}"' in first
    assert first.count("hx-swap-oob") >= 12


def test_what_the_engine_tells_arrives(connect: Connect, engine: FakeEngine) -> None:
    socket = connect(Accept_Language="en")
    hear(socket, "page-boot")
    engine.push("positions", (a_position("KRW-DOGE"),))
    hear(socket, "pos-KRW-DOGE")
    engine.push("state", halted())
    hear(socket, "Trading is halted")


def test_a_browser_that_sends_something_is_not_answered_and_does_not_disturb(
    connect: Connect, engine: FakeEngine
) -> None:
    socket = connect()
    hear(socket, "page-boot")
    socket.send("<script>")
    engine.push("state", halted())
    hear(socket, "banner-state")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": None}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"host": "evil.example"}, 421),
    ],
)
def test_a_socket_of_another_site_is_refused_before_it_opens(
    connect: Connect, changes: dict[str, str | None], status: int
) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect(**changes)
    assert refused.value.status_code == status


def test_a_socket_without_a_session_or_a_page_is_refused(connect: Connect) -> None:
    for arguments, status in ((("home", False), 401), (("nowhere", True), 404)):
        page, cookie = arguments
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            connect(page, cookie=cookie)
        assert refused.value.status_code == status


def test_a_plain_request_to_the_socket_is_an_error_not_a_failure(dashboard: Dashboard) -> None:
    assert requests.get(f"{dashboard.url}/ws?page=home", timeout=WAIT_S).status_code in {400, 401, 404}


def test_at_the_stop_browsers_are_told_to_come_back(connect: Connect, dashboard: Dashboard) -> None:
    socket = connect()
    hear(socket, "page-boot")
    dashboard.process.terminate()
    code = None
    while code is None:
        kind, data = socket.recv_data(control_frame=True)
        if kind == websocket.ABNF.OPCODE_CLOSE:
            code = int.from_bytes(bytes(data)[:2], "big")
    assert code == 1012
