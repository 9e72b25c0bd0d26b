"""The samples of the exchange's reference in all four formats."""

from decimal import Decimal as D

import pytest

from actors.upbit.fields import SHORT, SHORT_PARTS
from actors.upbit.frames import (
    LOOK_EVERY,
    AnnouncementFrame,
    AssetsFrame,
    BarFrame,
    ErrorFrame,
    StatusFrame,
    Subscribed,
    SubscriptionsFrame,
    read_all,
)
from actors.upbit.news import NEWS
from domain.errors import BadPayload
from domain.money import plain
from domain.orders import ExchangeState, Side
from tests.actors.upbit.forms import FORMS, comparable, one
from tests.actors.upbit.samples import (
    ANNOUNCEMENT,
    ASSETS,
    BOOK,
    CANDLE,
    EVERY,
    ORDER_EVENT,
    SIMPLE_BOOK,
    SUBSCRIPTIONS,
    TICKER,
    TRADE,
)


@pytest.fixture(autouse=True)
def nothing_told_before():
    """Each test hears what is new for itself."""
    NEWS.forget()


# --- every type in every format


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", EVERY)
def test_a_frame_is_the_same_in_every_format_and_nothing_in_it_is_new(kind, form):
    """Often enough that it is read both straight into structs and name by name."""
    wanted = comparable(one(EVERY[kind]))
    raw = FORMS[form](EVERY[kind])
    assert all(comparable(one(raw)) == wanted for _ in range(LOOK_EVERY + 1))
    assert NEWS.counts() == {}


def test_several_frames_in_one_list_are_read_one_by_one():
    raw = b"[" + b",".join((TRADE, BOOK, TICKER, CANDLE, ORDER_EVENT)) + b"]"
    for _ in range(2):
        told = read_all(raw)
        assert [comparable(frame) for frame in told] == [
            comparable(one(each)) for each in (TRADE, BOOK, TICKER, CANDLE, ORDER_EVENT)
        ]


def test_a_short_name_means_one_long_name_within_its_kind():
    for names in (*SHORT.values(), *SHORT_PARTS.values()):
        assert len(set(names.values())) == len(names)


# --- samples of the reference


def test_the_books_of_the_reference_are_one_book():
    assert one(BOOK) == one(SIMPLE_BOOK)
    book = one(BOOK).book
    assert [(plain(level.price), plain(level.size)) for level in book.asks] == [
        ("145879000", "0.02054761"),
        ("145881000", "0.0007772"),
    ]
    assert len(book.bids) == 1


def test_a_ticker_is_read_in_estimates_and_told_exactly_when_asked():
    frame = one(TICKER)
    assert (frame.market, frame.at, frame.price, frame.change_rate) == (
        "KRW-BTC",
        1_795_327_198_842_000,
        145_878_000.0,
        0.0067494824,
    )
    assert (frame.state, frame.delisting) == ("ACTIVE", "")
    exact = frame.exact()
    assert (exact.price, exact.value_24h, exact.change_rate) == (
        D(145878000),
        D("210934410020.93"),
        D("0.0067494824"),
    )


@pytest.mark.parametrize("told", [b'{"year":2026,"month":12,"day":1}', b'"2026-12-01"'])
def test_a_market_that_will_end_says_so(told):
    for _ in range(LOOK_EVERY):
        frame = one(TICKER.replace(b'"delisting_date":null', b'"delisting_date":' + told))
        assert (frame.delisting, frame.exact().delisting) == ("2026-12-01", "2026-12-01")


def test_a_ticker_without_the_fields_that_are_to_be_removed_is_read():
    raw = TICKER.replace(b'"is_trading_suspended":false,', b"").replace(b'"market_warning":"NONE",', b"")
    raw = raw.replace(b'"market_state":"ACTIVE",', b"")
    assert [one(raw).state for _ in range(2)] == [None, None]


def test_a_trade_is_the_takers():
    frame = one(TRADE)
    assert (frame.market, frame.trade.taker, frame.trade.sequential_id) == ("KRW-BTC", Side.BUY, 17953271988420000)
    assert (plain(frame.trade.price), str(frame.trade.volume)) == ("145878000", "0.00102831")
    assert frame.trade.at == 1_795_327_198_842_000
    assert one(TRADE.replace(b'"BID"', b'"ASK"')).trade.taker is Side.SELL


def test_a_candle_is_read_with_its_unit():
    frame = one(CANDLE)
    assert (frame.unit, frame.bar.start, frame.bar.close) == ("1m", 1_795_327_140_000_000, D(145878000))
    assert frame.bar.value == D("187902110.34881")
    tomorrow = one(CANDLE.replace(b"candle.1m", b"candle.1d"))
    assert isinstance(tomorrow, BarFrame)
    assert (tomorrow.unit, tomorrow.bar) == ("1d", frame.bar)


@pytest.mark.parametrize(
    ("sample", "name", "value"),
    [
        (BOOK, b"1.45881E8", b"1.4E8"),
        (BOOK, b"1.45881E8", b"-1"),
        (BOOK, b"1.45881E8", b'"x"'),
        (BOOK, b"1.45881E8", b'"NaN"'),
        (BOOK, b"1.45881E8", b"1E99"),
        (BOOK, b"0.00077720", b"-0.1"),
        (BOOK, b'"timestamp"', b'"time"'),
        (BOOK, b"1795327199106", b"-5"),
        (TRADE, b"1.45878E8", b"0"),
        (TRADE, b"0.00102831", b"1E-99"),
        (TRADE, b'"BID"', b'"LONG"'),
        (TRADE, b"17953271988420000", b"null"),
        (TRADE, b'"KRW-BTC"', b'""'),
        (CANDLE, b"1.45881E8", b"null"),
        (CANDLE, b"2026-11-22T05:59:00", b"yesterday"),
        (CANDLE, b'"code":"KRW-BTC",', b""),
        (TICKER, b"1.45878E8", b'"dear"'),
        (TICKER, b"1795327198842", b"1E999999999"),
        (TICKER, b"2.1093441002093E11", b"null"),
        (ORDER_EVENT, b'"BID"', b'"LONG"'),
        (ORDER_EVENT, b"116538000", b"0"),
        (ORDER_EVENT, b'"uuid"', b'"guid"'),
        (ASSETS, b'"KRW"', b"null"),
        (ASSETS, b"10329.67012706", b"true"),
        (SUBSCRIPTIONS, b'"type":"ticker"', b'"kind":"ticker"'),
        (ANNOUNCEMENT, b'"2026-11-22T15:00:00+09:00"', b"7"),
    ],
)
def test_a_frame_that_cannot_be_right_is_a_bad_payload_not_a_guess(sample, name, value):
    assert name in sample
    for form in FORMS.values():
        with pytest.raises(BadPayload):
            read_all(form(sample.replace(name, value, 1)))


def test_a_bad_payload_names_what_was_wrong():
    with pytest.raises(BadPayload, match="trade_price"):
        read_all(b'{"type":"trade","code":"A","trade_timestamp":1,"trade_volume":1,"ask_bid":"ASK"}')
    with pytest.raises(BadPayload, match="JSON"):
        read_all(b"<html>")


# --- the private socket


def test_a_fill_told_by_the_stream_carries_its_own_fee_and_counts_as_complete():
    report = one(ORDER_EVENT)
    (fill,) = report.fills
    assert (fill.price, fill.volume, fill.funds, fill.fee) == (D(116538000), D("0.0001"), D("11653.8"), D("5.8269"))
    assert (fill.trade_id, fill.at) == ("6831", 1_795_327_463_512_000)
    assert (report.state, report.price, report.volume) == (ExchangeState.WAIT, None, None)
    assert (report.complete, report.created_at) == (True, 1_795_327_445_000_000)


def test_a_fill_without_its_fee_is_left_for_rest_to_tell():
    report = one(ORDER_EVENT.replace(b'"trade_fee":5.8269', b'"trade_fee":null'))
    assert (report.fills, report.complete, report.executed_volume) == ((), False, D("0.0001"))


def test_the_end_of_a_partly_filled_order_is_not_complete_without_its_fills():
    report = one(ORDER_EVENT.replace(b'"trade"', b'"cancel"').replace(b'"trade_fee":5.8269', b'"trade_fee":null'))
    assert (report.state, report.price, report.volume) == (ExchangeState.CANCEL, D(116538000), D("0.0001"))
    assert not report.complete


def test_a_balance_keeps_every_digit():
    told = one(ASSETS)
    assert isinstance(told, AssetsFrame)
    assert str(told.balances[0].free) == "1386929.37231066771348207123"
    assert (told.balances[0].locked, told.at) == (D("10329.67012706"), 1_795_327_463_560_000)


def test_an_announcement_is_read_with_its_times():
    assert one(ANNOUNCEMENT) == AnnouncementFrame(
        event="CREATED",
        id="4711",
        title="점검 안내",
        category="maintenance",
        url="https://upbit.com/service_center/notice?id=4711",
        first_listed_at=1_795_327_200_000_000,
        listed_at=1_795_327_200_000_000,
        body="",
    )
    sparse = one(b'{"type":"announcement","event_type":"UPDATED","category":"of_tomorrow","title":"x"}')
    assert (sparse.event, sparse.category, sparse.listed_at) == ("UPDATED", "of_tomorrow", None)


def test_the_socket_says_what_it_is_subscribed_to():
    wanted = (Subscribed("ticker", ("KRW-BTC",)), Subscribed("orderbook", ("KRW-BTC",)))
    assert one(SUBSCRIPTIONS) == SubscriptionsFrame("x", wanted)
    raw = SUBSCRIPTIONS.replace(b'"level":0', b'"level":1E4').replace(b'"codes":["KRW-BTC"]', b'"codes":[]', 1)
    assert one(raw).subscriptions == (Subscribed("ticker", ()), Subscribed("orderbook", ("KRW-BTC",), D(10_000)))


@pytest.mark.parametrize(
    ("raw", "frame"),
    [
        (b'{"error":{"name":"WRONG_FORMAT","message":"Format"}}', ErrorFrame("WRONG_FORMAT", "Format")),
        (b'{"error":{"message":"x","name":"NO_TYPE"}}', ErrorFrame("NO_TYPE", "x")),
        (b'{"error":"teapot"}', ErrorFrame("teapot", "")),
        (b'{"status":"UP"}', StatusFrame("UP")),
    ],
)
def test_an_error_or_a_status_is_read_in_any_order(raw, frame):
    assert one(raw) == frame
