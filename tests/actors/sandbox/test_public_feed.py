"""The pace of what sockets are told, by the exchange's own clock: no candle end is lost, and quiet is quiet."""

import csv
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from actors.sandbox.answers import Refused
from actors.sandbox.listing import Announcement
from actors.sandbox.tape import minute_prints
from tests.actors.sandbox.worlds import SECOND, Listening, Stage

KINDS = ("candle.1s", "candle.1m", "candle.3m")


@pytest.fixture
def stage(tmp_path):
    staged = []

    def make(**options):
        staged.append(Stage(tmp_path / f"home{len(staged)}", **options))
        return staged[-1]

    yield make
    for each in staged:
        each.close()


def microseconds(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize("every", [0.02, 7.0])
def test_candles_are_told_once_a_second_at_most_and_each_one_to_its_end(stage, every):
    opened = stage(markets=("KRW-XRP",))
    socket = Listening(
        opened.world, *({"type": kind, "codes": ["KRW-XRP"], "is_only_realtime": True} for kind in KINDS)
    )
    opened.run(280, every)
    told = defaultdict(list)
    for _, row in socket.heard():
        told[row["type"]].append(row)
    live = opened.world.markets["KRW-XRP"]
    for kind in KINDS:
        rows = told[kind]
        assert len(rows) <= 281
        last = {row["candle_date_time_utc"]: row for row in rows}
        ends = {microseconds(start): row for start, row in list(last.items())[:-1]}
        assert list(ends) == sorted(ends)
        assert ends
        for start, row in ends.items():
            step = {"candle.1s": 1, "candle.1m": 60, "candle.3m": 180}[kind] * SECOND
            prints = [
                trade
                for index in range(live.done - 10, live.done + 1)
                for trade in minute_prints(live.series, index)
                if start <= trade.at < start + step
            ]
            assert row["candle_acc_trade_volume"] * 10**8 == sum(trade.units for trade in prints)
            assert float(row["trade_price"]) == prints[-1].price
            assert row["timestamp"] == prints[-1].at // 1000
    seconds = {row["candle_date_time_utc"] for row in told["candle.1s"]}
    traded = {trade.at // SECOND for trade in minute_prints(live.series, live.done - 1)}
    assert traded <= {microseconds(text) // SECOND for text in seconds}


def test_candles_of_one_market_and_length_are_a_second_apart(stage):
    opened = stage(markets=("KRW-BTC",))
    socket = Listening(opened.world, {"type": "candle.1m", "codes": ["KRW-BTC"], "is_only_realtime": True})
    opened.run(600)
    times = [at for at, _ in socket.heard()]
    assert len(times) > 50
    assert min(later - earlier for earlier, later in pairwise(times)) >= SECOND - 20_000  # a step of the clock


def test_books_of_a_market_are_a_tenth_of_a_second_apart_and_the_last_is_never_left_out(stage):
    opened = stage(markets=("KRW-BTC",))
    socket = Listening(opened.world, {"type": "orderbook", "codes": ["KRW-BTC.1"], "is_only_realtime": True})
    opened.run(600)
    heard = socket.heard()
    assert len(heard) > 50
    assert min(later - earlier for (earlier, _), (later, _) in pairwise(heard)) >= SECOND // 10
    assert heard[-1][1]["timestamp"] == opened.world.markets["KRW-BTC"].last.at // 1000


def test_a_taker_prints_at_the_best_price_the_socket_showed_before(stage):
    opened = stage(markets=("KRW-SOL",))
    wishes = ({"type": "orderbook", "codes": ["KRW-SOL.1"]}, {"type": "trade", "codes": ["KRW-SOL"]})
    socket = Listening(opened.world, *wishes)
    opened.run(600)
    shown, met = None, 0
    for _, row in socket.heard():
        if row["type"] == "orderbook":
            (shown,) = row["orderbook_units"]
        elif shown is not None:
            side = "ask" if row["ask_bid"] == "BID" else "bid"
            if row["stream_type"] == "REALTIME":
                assert row["trade_price"] == shown[f"{side}_price"]
                assert row["trade_volume"] <= shown[f"{side}_size"]
                met += 1
            shown = None  # the book it left behind may wait for its turn
    assert met > 20


def test_a_minute_without_a_candle_is_quiet_on_every_stream(stage, tmp_path):
    folder = tmp_path / "candles"
    folder.mkdir()
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for market, gaps in (("KRW-BTC", ()), ("KRW-XRP", (62, 63, 64))):
        with (folder / f"{market}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("time", "open", "high", "low", "close", "volume", "value"))
            rows.writerows(
                ((begin + timedelta(minutes=at)).isoformat(), 3000, 3010, 2990, 3005, 10, "")
                for at in range(70)
                if at not in gaps
            )
    opened = stage(candles=folder, start=int(begin.timestamp() + 3720) * SECOND)
    codes = list(opened.world.markets)
    kinds = ("trade", "ticker", "orderbook", "candle.1s", "candle.1m", "candle.5m")
    socket = Listening(opened.world, *({"type": kind, "codes": codes, "is_only_realtime": True} for kind in kinds))
    opened.run(180)
    heard = socket.heard()
    assert {row["code"] for at, row in heard if at > opened.world.now - 175 * SECOND} == {"KRW-BTC"}
    minutes = opened.get(opened.quotation.candles.days, "market=KRW-XRP")
    assert minutes[0]["timestamp"] < (opened.world.now - 175 * SECOND) // 1000
    opened.run(60)
    assert {row["type"] for _, row in socket.heard() if row["code"] == "KRW-XRP"} == set(kinds)


def test_a_thin_side_ends_in_zeros(stage):
    opened = stage(markets=("KRW-BTT",))
    socket = Listening(opened.world, {"type": "orderbook", "codes": ["KRW-BTT"]})
    opened.run(3600, every=1)
    padded = 0
    for _, row in socket.heard():
        sides = [
            [(unit[f"{side}_price"], unit[f"{side}_size"]) for unit in row["orderbook_units"]]
            for side in ("ask", "bid")
        ]
        for side in sides:
            full = [level for level in side if level[0]]
            assert side == [*full, *[(0, 0)] * (len(side) - len(full))]
            padded += len(full) < len(side)
        assert all(any(level[0] for level in pair) for pair in zip(*sides, strict=True))
    assert padded


def test_a_delisted_market_is_gone_from_every_list_and_its_streams_fall_silent(stage):
    opened = stage(markets=("KRW-BTC", "KRW-XRP"))
    kinds = ("ticker", "trade", "orderbook", "candle.1m")
    wishes = tuple({"type": kind, "codes": ["KRW-BTC", "KRW-XRP"]} for kind in kinds)
    socket = Listening(opened.world, *wishes)
    opened.run(60)
    assert {row["code"] for _, row in socket.heard()} == {"KRW-BTC", "KRW-XRP"}
    opened.world.listings["KRW-XRP"].state = "DELISTED"
    opened.run(60)
    assert {row["code"] for _, row in socket.heard()} == {"KRW-BTC"}
    quotation = opened.quotation
    assert [row["market"] for row in opened.get(quotation.markets)] == ["KRW-BTC"]
    assert [row["market"] for row in opened.get(quotation.all_tickers, "quote_currencies=KRW")] == ["KRW-BTC"]
    for handler in (quotation.tickers, quotation.books, quotation.instruments):
        with pytest.raises(Refused, match="Code not found"):
            opened.get(handler, "markets=KRW-XRP")
    socket.ask(*wishes)
    assert {row["code"] for _, row in socket.heard()} == {"KRW-BTC"}


def test_a_ticker_tells_how_its_market_is_listed(stage):
    opened = stage(markets=("KRW-BTC",))
    listing = opened.world.listings["KRW-BTC"]
    wish = {"type": "ticker", "codes": ["KRW-BTC"]}
    socket = Listening(opened.world, wish)
    socket.heard()

    def told():
        socket.ask(wish)
        ((_, row),) = socket.heard()
        return [row[name] for name in ("market_state", "delisting_date", "market_warning", "is_trading_suspended")]

    assert told() == ["ACTIVE", None, "NONE", False]
    listing.warning, listing.delisting, listing.offline = True, date(2026, 12, 4), True
    listing.cautions = frozenset({"PRICE_FLUCTUATIONS"})
    assert told() == ["ACTIVE", {"year": 2026, "month": 12, "day": 4}, "CAUTION", True]
    (row,) = opened.get(opened.quotation.markets, "is_details=true")
    assert row["market_event"]["warning"] is True
    assert [name for name, flag in row["market_event"]["caution"].items() if flag] == ["PRICE_FLUCTUATIONS"]
    listing.state = "PREVIEW"
    assert told()[0] == "PREVIEW"


def test_a_changed_step_is_told_by_instruments(stage):
    opened = stage(markets=("KRW-XRP",))
    (row,) = opened.get(opened.quotation.instruments, "markets=KRW-XRP")
    opened.world.listings["KRW-XRP"].tick_factor = 5
    (changed,) = opened.get(opened.quotation.instruments, "markets=KRW-XRP")
    assert (row["tick_size"], changed["tick_size"]) == ("1", "5")


NOTICE = Announcement(
    "CREATED",
    "0d7a",
    '점검 "안내"',
    "maintenance",
    "https://upbit.com/service_center/notice?id=1",
    1_767_225_600_000_000,
    1_767_225_660_000_000,
    "first\nsecond",
)


def test_an_announcement_reaches_those_who_asked_for_its_category(stage):
    opened = stage(markets=("KRW-BTC",))
    wish = {"type": "announcement", "categories": ["maintenance", "trade"], "include_body": True}
    full = Listening(opened.world, wish, private=True)
    bare = Listening(opened.world, {"type": "announcement"}, {"format": "SIMPLE"}, private=True)
    other = Listening(opened.world, {**wish, "categories": ["event"]}, private=True)
    opened.world.announce(NOTICE)
    opened.world.announce(NOTICE._replace(event="UPDATED", category="notice"))
    ((_, row),) = full.heard()
    assert row == {
        "type": "announcement",
        "event_type": "CREATED",
        "uuid": "0d7a",
        "title": '점검 "안내"',
        "category": "maintenance",
        "url": "https://upbit.com/service_center/notice?id=1",
        "first_listed_at": "2026-01-01T09:00:00+09:00",
        "listed_at": "2026-01-01T09:01:00+09:00",
        "body": "first\nsecond",
        "timestamp": opened.world.now // 1000,
        "stream_type": "REALTIME",
    }
    short = [row for _, row in bare.heard()]
    assert [row["et"] for row in short] == ["CREATED", "UPDATED"]
    assert list(short[0]) == ["ty", "et", "uid", "tt", "cat", "url", "flat", "lat", "bd", "tms", "st"]
    assert short[0]["bd"] is None
    assert not other.heard()
    assert [one.event for one in opened.world.announcements] == ["CREATED", "UPDATED"]
