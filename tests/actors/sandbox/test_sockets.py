"""The sockets: formats, snapshots, replacement, errors, silence, and that nobody slow holds up the rest."""

import json
from decimal import Decimal

import pytest
import websocket

from actors.sandbox.sockets import next_up
from tests.actors.sandbox.client import ask, drain, frame, message, token, until

TICKER = {"type": "ticker", "codes": ["KRW-BTC"]}


def test_a_snapshot_of_every_type_comes_first_in_binary_frames(start):
    client = start()
    kinds = ("ticker", "trade", "orderbook", "candle.1m", "candle.240m")
    socket = client.socket(*({"type": kind, "codes": ["KRW-BTC"]} for kind in kinds))
    seen = [frame(socket) for _ in kinds]
    assert {code for code, _ in seen} == {websocket.ABNF.OPCODE_BINARY}
    assert [told["type"] for _, told in seen] == list(kinds)
    assert {told["stream_type"] for _, told in seen} == {"SNAPSHOT"}
    assert {told["code"] for _, told in seen} == {"KRW-BTC"}


def test_large_prices_have_an_exponent_in_the_default_format_and_none_in_simple(start):
    client = start()
    socket = client.socket({"type": "orderbook", "codes": ["KRW-BTC.1"]})
    text = socket.recv().decode()
    assert '"ask_price":1.5' in text
    assert "E8," in text
    long = json.loads(text, parse_float=Decimal)
    ask(socket, {"type": "orderbook", "codes": ["KRW-BTC.1"]}, {"format": "SIMPLE"})
    text = socket.recv().decode()
    assert "E8" not in text
    short = json.loads(text, parse_float=Decimal)
    assert short["obu"][0]["ap"] == long["orderbook_units"][0]["ask_price"]
    assert list(short) == ["ty", "cd", "tms", "tas", "tbs", "obu", "st", "lv"]
    for form, key in (("JSON_LIST", "type"), ("SIMPLE_LIST", "ty")):
        ask(socket, {"type": "orderbook", "codes": ["KRW-BTC.1"]}, {"format": form})
        (inside,) = message(socket)
        assert inside[key] == "orderbook"


def test_a_socket_shows_the_same_book_and_ticker_as_rest(start):
    client = start()
    socket = client.socket(TICKER, {"type": "orderbook", "codes": ["KRW-XRP"]})
    ticker, book = message(socket), message(socket)
    (row,) = client.public("/v1/ticker", {"markets": "KRW-BTC"}).json(parse_float=Decimal)
    for name in ("trade_price", "high_price", "acc_trade_volume_24h", "signed_change_rate", "highest_52_week_date"):
        assert ticker[name] == row[name]
    assert ticker["acc_ask_volume"] + ticker["acc_bid_volume"] == row["acc_trade_volume"]
    (row,) = client.public("/v1/orderbook", {"markets": "KRW-XRP"}).json(parse_float=Decimal)
    assert book["orderbook_units"] == row["orderbook_units"]


@pytest.mark.parametrize(("suffix", "levels"), [("", 30), (".1", 1), (".5", 5), (".15", 15), (".7", 30)])
def test_a_suffix_limits_the_levels_of_a_book(start, suffix, levels):
    socket = start().socket({"type": "orderbook", "codes": ["KRW-BTC" + suffix]})
    book = message(socket)
    assert (book["code"], len(book["orderbook_units"])) == ("KRW-BTC", levels)


def test_a_book_may_be_grouped_and_an_unsupported_level_is_silent(start):
    socket = start().socket(
        {"type": "orderbook", "codes": ["KRW-BTC"], "level": 7},
        {"type": "orderbook", "codes": ["KRW-BTC"], "level": 10000},
    )
    book = message(socket)
    assert book["level"] == 10000
    assert book["orderbook_units"][0]["ask_price"] % 10000 == 0


def test_realtime_follows_and_says_so(start):
    client = start(speed=600.0)
    socket = client.socket({"type": "trade", "codes": ["KRW-BTC"], "is_only_realtime": True})
    trades = [message(socket) for _ in range(20)]
    assert {trade["stream_type"] for trade in trades} == {"REALTIME"}
    ids = [trade["sequential_id"] for trade in trades]
    assert ids == sorted(set(ids))
    assert all(trade["best_bid_price"] < trade["best_ask_price"] for trade in trades)
    assert all(trade["sequential_id"] // 10_000 == trade["trade_timestamp"] for trade in trades)


def test_a_snapshot_only_subscription_says_nothing_more(start):
    client = start(speed=600.0)
    both = ({**TICKER, "is_only_snapshot": True}, {"type": "trade", "codes": ["KRW-BTC"]})
    socket = client.socket(*both)
    kinds = [message(socket)["type"] for _ in range(12)]
    assert kinds.count("ticker") == 1
    assert kinds.count("trade") == 11


def test_a_second_request_replaces_the_first(start):
    client = start(speed=600.0)
    socket = client.socket(TICKER)
    message(socket)
    ask(socket, {"type": "trade", "codes": ["KRW-XRP"]})
    until(socket, lambda told: told["type"] == "trade")
    assert {message(socket)["type"] for _ in range(20)} == {"trade"}


def test_unknown_and_lower_case_codes_are_silent(start):
    client = start()
    socket = client.socket({"type": "ticker", "codes": ["KRW-NOPE", "krw-btc", "KRW-XRP"]})
    assert message(socket)["code"] == "KRW-XRP"
    ask(socket, TICKER)
    assert message(socket)["code"] == "KRW-BTC"  # nothing came between, and the socket is open


def closed_after_error(socket, name):
    assert message(socket)["error"]["name"] == name
    code, data = socket.recv_data(control_frame=True)
    assert code == websocket.ABNF.OPCODE_CLOSE
    assert int.from_bytes(data[:2], "big") == 1000


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nonsense", "WRONG_FORMAT"),
        ('{"ticket":"x"}', "WRONG_FORMAT"),
        ('[{"ticket":"x"},{"type":"ticker","codes":"KRW-BTC"}]', "WRONG_FORMAT"),
        ('[{"ticket":"x"},{"type":"ticker","codes":["KRW-BTC"]},{"format":"XML"}]', "WRONG_FORMAT"),
        ('[{"ticket":"x"},{"type":"orderbook","codes":["KRW-BTC"],"level":NaN}]', "WRONG_FORMAT"),
        ("[" * 100_000, "WRONG_FORMAT"),
        ('[{"type":"ticker","codes":["KRW-BTC"]}]', "NO_TICKET"),
        ('[{"ticket":"x"}]', "NO_TYPE"),
        ('[{"ticket":"x"},{"type":"ticker"}]', "NO_CODES"),
        ('[{"ticket":"x"},{"type":"nope","codes":["KRW-BTC"]}]', "INVALID_PARAM"),
        ('[{"ticket":"x"},{"type":"myOrder"}]', "INVALID_PARAM"),
    ],
)
def test_an_error_is_told_by_name_and_ends_the_socket_with_1000(start, text, name):
    socket = start().socket()
    socket.send(text)
    closed_after_error(socket, name)


def test_codes_on_my_asset_are_a_wrong_format(start):
    socket = start().socket({"type": "myAsset", "codes": ["KRW-BTC"]}, private=True)
    closed_after_error(socket, "WRONG_FORMAT")


def test_too_many_messages_end_the_socket(start):
    socket = start().socket()
    for _ in range(6):
        ask(socket, {"type": "ticker", "codes": ["KRW-NOPE"]})
    closed_after_error(socket, "TOO_MANY_REQUEST")


def test_too_many_sockets_in_a_second_are_refused(start):
    client = start()
    for _ in range(5):
        client.socket()
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        client.socket()
    assert caught.value.status_code == 429


def test_a_signed_socket_counts_for_its_pocket(start):
    client = start()
    signed, forged = token(client.access, client.secret), "Bearer nonsense"
    for auth in (None, None, None, None, forged):
        client.socket(auth=auth)
    assert client.socket(auth=signed).headers["remaining-req"] == "group=websocket; min=300; sec=4"
    with pytest.raises(websocket.WebSocketBadStatusException):
        client.socket(auth=forged)


def test_the_upgrade_tells_its_limit_and_a_browser_gets_one_in_ten_seconds(start):
    client = start()
    socket = client.socket()
    assert socket.headers["remaining-req"] == "group=websocket; min=300; sec=4"
    first = websocket.create_connection(client.ready["ws"], origin="http://example.com", timeout=5)
    first.close()
    with pytest.raises(websocket.WebSocketBadStatusException):
        websocket.create_connection(client.ready["ws"], origin="http://example.com", timeout=5)


def test_a_bad_token_on_the_private_socket_is_an_error_frame_or_a_401(start):
    client = start()
    closed_after_error(client.socket(private=True, auth="Bearer nonsense"), "INVALID_AUTH")
    nonce = token(client.access, client.secret)
    client.socket(private=True, auth=nonce)
    closed_after_error(client.socket(private=True, auth=nonce), "INVALID_AUTH")
    client.faults(ws_auth_401=1)
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        client.socket(private=True, auth="Bearer nonsense")
    assert caught.value.status_code == 401


def test_a_text_ping_is_answered_up_and_a_real_one_by_a_pong(start):
    client = start(speed=600.0)
    socket = client.socket()
    socket.ping("beat")
    code, data = socket.recv_data(control_frame=True)
    assert (code, data) == (websocket.ABNF.OPCODE_PONG, b"beat")
    socket.send("PING")
    assert [message(socket) for _ in range(2)] == [{"status": "UP"}] * 2


@pytest.mark.parametrize(
    ("now", "speed", "expected"), [(3.2, 1.0, 10.0), (10.0, 1.0, 20.0), (7.9, 4.0, 10.0), (7.9, 60.0, 8.0)]
)
def test_the_beat_of_up_is_the_same_for_all(now, speed, expected):
    assert next_up(now, speed) == expected


def test_a_silent_socket_dies_without_a_close_frame(start):
    client = start(idle_s=0.3)
    socket = client.socket()
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionResetError)):
        socket.recv_data(control_frame=True)


def test_data_keeps_a_socket_alive(start):
    client = start(idle_s=0.3, speed=600.0)
    socket = client.socket({"type": "trade", "codes": ["KRW-BTC"], "is_only_realtime": True})
    first = message(socket)["trade_timestamp"]
    until(socket, lambda told: told["trade_timestamp"] - first > 600_000)  # a real second


def test_a_close_is_answered(start):
    socket = start().socket(TICKER)
    socket.send_close(1000, b"bye")
    code = None
    while code != websocket.ABNF.OPCODE_CLOSE:
        code, data = socket.recv_data(control_frame=True)
    assert data[:2] == (1000).to_bytes(2, "big")


def test_subscriptions_are_listed_and_a_list_can_change_the_format(start):
    socket = start().socket(TICKER, {"type": "orderbook", "codes": ["KRW-BTC.5"]})
    message(socket)
    message(socket)
    ask(socket, {"method": "LIST_SUBSCRIPTIONS"})
    book = {"type": "orderbook", "codes": ["KRW-BTC.5"], "level": 0}
    assert message(socket) == {"method": "LIST_SUBSCRIPTIONS", "result": [TICKER, book], "ticket": "test"}
    ask(socket, {"method": "LIST_SUBSCRIPTIONS"}, {"format": "SIMPLE"})
    assert message(socket)["rslt"][0] == {"ty": "ticker", "cds": ["KRW-BTC"]}


def test_candles_of_the_socket_end_as_the_candles_of_rest(start):
    client = start(speed=600.0, markets=("KRW-XRP",))
    socket = client.socket({"type": "candle.1m", "codes": ["KRW-XRP"], "is_only_realtime": True})
    last = {}
    until(socket, lambda told: last.update({told["candle_date_time_utc"]: told}) or len(last) == 8)
    whole = sorted(last)[1:-1]
    found = client.public("/v1/candles/minutes/1", {"market": "KRW-XRP", "count": 30}).json(parse_float=Decimal)
    rest = {row["candle_date_time_utc"]: row for row in found}
    for start_time in whole:
        for name in ("opening_price", "high_price", "low_price", "trade_price", "candle_acc_trade_volume"):
            assert last[start_time][name] == rest[start_time][name]


def test_the_trades_of_the_socket_add_up_to_the_candles_of_rest(start):
    client = start(speed=600.0, markets=("KRW-XRP",))
    socket = client.socket({"type": "trade", "codes": ["KRW-XRP"], "is_only_realtime": True})
    first = message(socket)["trade_timestamp"] // 60_000
    trades = until(socket, lambda told: told["trade_timestamp"] // 60_000 > first + 5)
    found = client.public("/v1/candles/minutes/1", {"market": "KRW-XRP", "count": 30}).json(parse_float=Decimal)
    for row in found:
        minute = row["timestamp"] // 60_000
        if not first < minute <= first + 5:
            continue
        inside = [told for told in trades if told["trade_timestamp"] // 60_000 == minute]
        prices = [told["trade_price"] for told in inside]
        assert (prices[0], prices[-1]) == (row["opening_price"], row["trade_price"])
        assert (max(prices), min(prices)) == (row["high_price"], row["low_price"])
        assert sum(told["trade_volume"] for told in inside) == row["candle_acc_trade_volume"]
        value = sum(told["trade_volume"] * told["trade_price"] for told in inside)
        assert float(value) == pytest.approx(float(row["candle_acc_trade_price"]), rel=1e-12)
        assert inside[-1]["trade_timestamp"] == row["timestamp"]


def test_a_client_that_does_not_read_is_cut_off_and_nobody_waits_for_it(start):
    client = start(speed=8000.0, markets=(), days=28)
    codes = client.status()["markets"]
    slow = client.socket({"type": "orderbook", "codes": codes}, {"type": "ticker", "codes": codes})
    while (status := client.status())["sockets"]:
        assert not status["ended"], "the slow client was never cut off"
    assert client.get("/v1/accounts").status_code == 200
    with pytest.raises((websocket.WebSocketException, OSError)):
        drain(slow)
