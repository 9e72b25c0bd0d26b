"""Books, identifiers, keys and time outlive a kill -9 at any moment; another market than theirs is refused."""

import contextlib
import itertools
import json
import queue
import resource
import socket
import stat
import threading
from decimal import Decimal

import pytest
import requests

from actors.sandbox.store import Store
from domain.errors import ConfigError
from tests.actors.sandbox.process import Process, spawn

D = Decimal
MARKETS = ("--markets", "KRW-BTC,KRW-XRP")
RESTING = {"market": "KRW-BTC", "side": "bid", "ord_type": "limit", "price": "100000000", "volume": "0.001"}
NEXT = {"prev_order_identifier": "old", "new_ord_type": "limit", "new_price": "99000000", "new_volume": "0.002"}
BUY = {"market": "KRW-XRP", "side": "bid", "ord_type": "price", "price": "10000"}


@pytest.fixture
def run(tmp_path):
    processes = []

    def make(*options):
        processes.append(Process(tmp_path / "home", *MARKETS, *options))
        return processes[-1]

    yield make
    for process in processes:
        process.kill()


def balanced(books):
    """Whether the balances are what the fills make of the capital, and every fill is there once."""
    ids = [fill["trade_id"] for fill in books["fills"]]
    assert len(ids) == len(set(ids))
    krw, coins = D(10_000_000), {}
    for fill in books["fills"]:
        sign = 1 if fill["side"] == "buy" else -1
        krw -= sign * D(fill["funds"]) + D(fill["fee"])
        coin = fill["market"].partition("-")[2]
        coins[coin] = coins.get(coin, D(0)) + sign * D(fill["volume"])
    held = {name: D(row["free"]) + D(row["locked"]) for name, row in books["balances"].items()}
    assert held == {"KRW": krw} | {name: volume for name, volume in coins.items() if name in held}
    assert set(coins) <= set(held)


def without_time(books):
    return {name: part for name, part in books.items() if name != "now"}


def test_a_kill_loses_and_doubles_nothing_that_was_told(run):
    first = run("--speed", "0.001")
    client = first.client
    for n in range(4):
        assert client.order(**BUY, identifier=f"buy{n}").status_code == 201
    assert client.order(**RESTING, identifier="rest").status_code == 201
    gone = client.order(**RESTING, identifier="gone").json()["uuid"]
    assert client.delete("/v1/order", {"uuid": gone}).status_code == 200
    assert client.order(**BUY | {"price": "1"}, identifier="refused").status_code == 400
    before = client.books()
    assert len(before["fills"]) == 4
    first.kill()
    second = run("--speed", "0.001")
    after = second.client.books()
    assert without_time(after) == without_time(before)
    assert after["now"] >= before["now"]
    balanced(after)
    assert (second.ready["access_key"], second.ready["secret_key"]) == (client.access, client.secret)
    for identifier in ("buy0", "rest", "gone", "refused"):
        answer = second.client.order(**BUY, identifier=identifier)
        assert (answer.status_code, answer.json()["error"]["name"]) == (400, "duplicated_identifier")


def test_flows_replacements_prevention_and_choices_are_the_same_after_a_kill(run):
    first = run("--speed", "0.001", "--choice", "smp_era=after")
    client = first.client
    client.deposit("XRP", "50")
    client.outside("withdraw", currency="KRW", amount="100.5")
    client.choose(surplus_release="fill", smp_scope="pocket")
    client.order(**RESTING, identifier="old")
    wish = {
        "prev_order_identifier": "old",
        "new_ord_type": "limit",
        "new_price": "99000000",
        "new_volume": "remain_only",
    }
    new = client.post("/v1/orders/cancel_and_new", wish | {"new_identifier": "new"}).json()["new_order_uuid"]
    assert client.order(**BUY | {"ord_type": "limit", "price": "3000", "volume": "5"}).status_code == 201
    sale = BUY | {"side": "ask", "ord_type": "limit", "price": "9000", "volume": "7"}
    assert client.order(**sale).status_code == 201
    buy = BUY | {"ord_type": "limit", "price": "9000", "volume": "30"}
    assert client.order(**buy, smp_type="reduce").status_code == 201
    before = client.books(), client.get("/v1/deposits").json(), client.get("/v1/withdraws").json()
    first.kill()
    client = run("--speed", "0.001").client
    after = client.books(), client.get("/v1/deposits").json(), client.get("/v1/withdraws").json()
    assert (without_time(after[0]), *after[1:]) == (without_time(before[0]), *before[1:])
    assert client.get("/v1/order", {"uuid": new}).json()["identifier"] == "new"
    now = client.session.get(client.base + "/_sandbox/choices", timeout=5).json()["now"]
    assert (now["surplus_release"], now["smp_scope"], now["smp_era"]) == ("fill", "pocket", "after")


def test_an_order_that_is_to_follow_another_follows_it_after_a_kill(run):
    first = run("--speed", "0.001", "--fault", "cancel_delay_ms=1")
    first.client.order(**RESTING, identifier="old")
    new = first.client.post("/v1/orders/cancel_and_new", NEXT).json()["new_order_uuid"]
    first.kill()
    client = run("--speed", "1000").client
    while client.get("/v1/order", {"uuid": new}).status_code == 404:
        assert client.status()["lag_s"] < 5
    assert client.get("/v1/order", {"identifier": "old"}).json()["state"] == "cancel"


def test_an_order_accepted_but_not_yet_matched_is_matched_after_a_kill(run):
    first = run("--speed", "0.001", "--fault", "match_delay_ms=1")
    uuid = first.client.order(**BUY).json()["uuid"]
    first.kill()
    second = run("--speed", "1000")
    while second.client.get("/v1/order", {"uuid": uuid}).json()["state"] == "wait":
        assert second.client.status()["lag_s"] < 5
    assert len(second.client.books()["fills"]) == 1


def busy(client, round_, told):
    """Order after order until the sandbox dies; tells each order that was acknowledged."""
    kinds = ({"price": "20000"}, {"ord_type": "limit", "price": "3800", "volume": "5"}, {"price": "6000"})
    with contextlib.suppress(requests.ConnectionError):
        for n in itertools.count():
            answer = client.order(**BUY | kinds[n % 3], identifier=f"r{round_}n{n}")
            if answer.status_code == 201:
                told.put(answer.json()["uuid"])


def test_kills_at_any_moment_of_a_busy_day_leave_exact_books(run):
    acknowledged = set()
    for round_, count in enumerate((1, 7, 13, 20)):
        process = run("--speed", "600", "--fault", "match_delay_ms=400")
        told = queue.Queue()
        worker = threading.Thread(target=busy, args=(process.client, round_, told))
        worker.start()
        acknowledged |= {told.get(timeout=10) for _ in range(count)}
        process.kill()  # whatever it is in the middle of
        worker.join(10)
        assert not worker.is_alive()
        while not told.empty():
            acknowledged.add(told.get())
    books = run("--speed", "0.001").client.books()
    balanced(books)
    assert acknowledged <= {order["uuid"] for order in books["orders"]}
    assert len(acknowledged) >= 41
    assert len(books["fills"]) > 10


def test_the_tape_goes_on_where_it_stopped(run):
    first = run("--speed", "600")
    trades = []
    stream = first.client.socket({"type": "trade", "codes": ["KRW-XRP"], "is_only_realtime": True})
    while len(trades) < 40:
        trades.append(json.loads(stream.recv()))
    first.kill()
    second = run("--speed", "600")
    stream = second.client.socket({"type": "trade", "codes": ["KRW-XRP"]})
    after = [json.loads(stream.recv()) for _ in range(10)]
    assert after[0]["stream_type"] == "SNAPSHOT"
    assert after[1]["sequential_id"] > trades[-1]["sequential_id"]
    params = {"market": "KRW-XRP", "count": 200}
    known = {row["sequential_id"]: row for row in second.client.public("/v1/trades/ticks", params).json()}
    for one in trades:
        assert known[one["sequential_id"]]["trade_price"] == one["trade_price"]


def test_a_clean_end_keeps_everything_in_a_snapshot(run, tmp_path):
    first = run("--speed", "0.001")
    first.client.order(**BUY, identifier="one")
    before = first.client.books()
    assert first.terminate() == (0, "")
    with contextlib.closing(Store(tmp_path / "home")) as store:
        assert store.records() == []
        assert store.snapshot()
    assert without_time(run("--speed", "0.001").client.books()) == without_time(before)


def test_records_the_snapshot_knows_already_change_nothing(run, tmp_path):
    first = run("--speed", "0.001")
    first.client.order(**BUY, identifier="one")
    before = first.client.books()
    first.kill()
    with contextlib.closing(Store(tmp_path / "home")) as store:
        records, time = store.records(), store.time
    run("--speed", "0.001").terminate()
    with contextlib.closing(Store(tmp_path / "home")) as store:
        for number, record in enumerate(records):
            store.commit(time, number, record)
    after = run("--speed", "0.001").client.books()
    assert without_time(after) == without_time(before)


def test_a_full_disk_ends_it_and_what_was_not_kept_is_not_told(tmp_path):
    process = Process(tmp_path / "home", *MARKETS, "--speed", "0.001")
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))  # from now on no file can take another byte
    with pytest.raises(requests.ConnectionError):
        process.client.order(**BUY)
    code, errors = process.ended()
    assert code == 1
    assert "the sandbox cannot write" in errors.splitlines()[-1]


def test_it_ends_with_its_parent_if_told_to(run):
    assert run("--with-parent").orphan() == (0, "")


def test_the_keys_are_for_the_owners_eyes_only(run, tmp_path):
    run()
    for path in (tmp_path / "home").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_market_that_falls_silent_says_so_and_the_clock_goes_on(run):
    process = run("--speed", "10000", "--start", "2026-01-04T23:30:00", "--days", "2")
    while not process.client.status()["ended"]:
        pass
    end = process.client.status()
    assert end["now"] <= end["clock"]
    assert process.client.public("/v1/ticker", {"markets": "KRW-BTC"}).status_code == 200
    code, errors = process.terminate()
    assert code == 0
    assert "the candles have ended" in errors


def refusal(home, *options):
    process = spawn(home, *options)
    out, errors = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    (line,) = errors.splitlines()
    return line


def test_what_cannot_start_says_why_in_one_line_with_code_2(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"127.0.0.1:{port}" in refusal(tmp_path / "a", *MARKETS, "--port", port)
    assert "absent is not a folder" in refusal(tmp_path / "b", "--candles", str(tmp_path / "absent"))
    assert not (tmp_path / "b").exists()
    assert "KRW-NOPE" in refusal(tmp_path / "c", "--markets", "KRW-NOPE")
    assert "no fault is called" in refusal(tmp_path / "d", "--fault", "typo=1")


def test_a_folder_belongs_to_its_seed_candles_and_markets(start, tmp_path):
    start(markets=("KRW-XRP",))
    with pytest.raises(ConfigError, match="another sandbox is running"):
        start(markets=("KRW-XRP",))
    start.stop()
    for changed, expected in (
        ({"seed": 2}, "seed 1 instead of 2"),
        ({"days": 5}, "made up for 4 days from .* instead of made up for 5 days"),
        ({"markets": ("KRW-BTC",)}, "KRW-XRP.*instead of.*KRW-BTC"),
        ({"start": 1_767_402_000_000_000}, "start"),
    ):
        with pytest.raises(ConfigError, match=expected):
            start(**{"markets": ("KRW-XRP",)} | changed)
    assert start(markets=("KRW-XRP",), speed=2.0).status()["speed"] == 2.0


def test_a_home_of_the_time_before_the_database_is_refused_and_left_alone(start, tmp_path):
    start(markets=("KRW-XRP",))
    start.stop()
    (tmp_path / "home" / "exchange.log").write_bytes(b"old")
    with pytest.raises(ConfigError, match=r"another version of the sandbox \(exchange.log\)"):
        start(markets=("KRW-XRP",))
    assert (tmp_path / "home" / "exchange.log").read_bytes() == b"old"
