"""Whatever comes over the wire is a value or a BadPayload: no other exception, no hang."""

import contextlib
import json
from dataclasses import is_dataclass
from decimal import Decimal as D

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from actors.upbit import account_wire, order_wire, quotes, rows, wire
from actors.upbit.calls import each, keys_of, one
from actors.upbit.frames import TickerFrame, _read_by_name, read_all
from domain.errors import BadPayload, OutcomeUnknown
from domain.market import MINUTE
from domain.money import parse, strict_decimals
from domain.transfers import TransferKind
from tests.actors.upbit.conftest import Answer
from tests.actors.upbit.forms import FORMS
from tests.actors.upbit.rows import BUY, ORDER, candle
from tests.actors.upbit.samples import BOOK, EVERY, TICKER
from tests.actors.upbit.test_rest_account import CHANCE, DEPOSIT, HOLDING, MOVE
from tests.actors.upbit.test_rest_cancels import BATCH
from tests.actors.upbit.test_rest_candles import DAY_ROW
from tests.actors.upbit.test_rest_trades import ROW

strict_decimals()

FRAMES = [form(raw) for form in FORMS.values() for raw in EVERY.values()]
FILL = {"uuid": "t", "price": "3", "volume": "2", "funds": "6", "created_at": "2026-11-22T15:05:00+09:00"}
KEY = {"access_key": "k", "expire_at": "2026-11-22T15:00:00+09:00", "permissions": ["withdraw"]}
READERS = {
    "order": (order_wire.order_report, ORDER | {"executed_volume": "2", "paid_fee": "0.003", "trades": [FILL]}),
    "replacement": (order_wire.replacement, ORDER | {"new_order_uuid": "n", "new_order_identifier": "i"}),
    "cancels": (order_wire.cancel_batch, BATCH),
    "balance": (account_wire.balance, HOLDING),
    "policy": (account_wire.policy, CHANCE),
    "pocket": (account_wire.pocket, {"uuid": "p", "name": "x", "type": "main"}),
    "move": (account_wire.pocket_transfer, MOVE),
    "transfer": (account_wire.transfer, DEPOSIT),
    "wallet": (account_wire.wallet, {"currency": "BTC", "wallet_state": "working", "block_height": 3}),
    "listing": (quotes.listing, {"market": "KRW-BTC", "market_event": {"warning": True, "caution": {"A": True}}}),
    "ticker": (quotes.ticker, json.loads(TICKER) | {"market": "KRW-BTC"}),
    "instrument": (quotes.instrument, {"market": "KRW-BTC", "tick_size": "1000", "supported_levels": ["0", "10"]}),
    "past trade": (quotes.trade, json.loads(ROW)[0]),
    "book": (rows.book, json.loads(BOOK) | {"market": "KRW-BTC"}),
    "candle": (rows.bar, candle(0)),
    "day candle": (rows.day_candle, json.loads(DAY_ROW)[0]),
}
SPELT = some.sampled_from([
    b"1E400", b"-1E400", b"1E-400", b"1e99999999999999999999", b"1E999999999", b"9" * 400, b"9" * 5_000, b"-0",
    b"0." + b"1" * 400, b"true", b"null", b"[]", b"{}", b'""', b'"NaN"', b'"Infinity"', b'"1_0"', b'"\xff"', b"-5",
    b"18446744073709551616", b'"2026-13-45T99:00:00"', b'"\\ud800"', b'"9999-12-31T23:59:59-23:59"',
])  # fmt: skip
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
often = settings(max_examples=300)


def told(reader, raw: bytes):
    """What a message says to a reader, a ticker by its exact numbers; None when it is a BadPayload."""
    try:
        frames = tuple(reader(raw))
        return tuple(frame.exact() if isinstance(frame, TickerFrame) else frame for frame in frames)
    except BadPayload:
        return None


def read(raw: bytes) -> None:
    """Read a message straight into structs if it can be, and name by name: both say the same.

    But for what is garbled in a field that structs pass over: name by name it is seen.
    """
    structs, by_name = told(read_all, raw), told(_read_by_name, raw)
    assert by_name is None or structs == by_name
    assert structs is None or all(isinstance(frame, msgspec.Struct | tuple) for frame in structs)


def ask(reader, raw: bytes) -> None:
    """Read an answer as the calls do, alone and in a list."""
    with contextlib.suppress(BadPayload):
        loaded = wire.load(raw)
        assert isinstance(one(loaded, reader), msgspec.Struct | tuple)
        assert len(tuple(each([loaded], reader))) == 1
    with contextlib.suppress(BadPayload):
        tuple(each(wire.load(raw), reader))


# --- sockets


@often
@given(some.binary(max_size=80) | some.text(max_size=80).map(str.encode) | JSON.map(json.dumps).map(str.encode))
def test_any_bytes_are_frames_or_a_bad_payload(raw):
    read(raw)


@often
@given(some.sampled_from(FRAMES), some.data())
def test_a_frame_may_be_cut_anywhere(raw, data):
    read(raw[: data.draw(some.integers(0, len(raw)))])


@settings(max_examples=1_500)
@given(some.sampled_from(FRAMES), some.data())
def test_any_bits_of_a_frame_may_be_flipped(raw, data):
    flipped = bytearray(raw)
    for at in data.draw(some.lists(some.integers(0, len(raw) - 1), min_size=1, max_size=3)):
        flipped[at] ^= 1 << data.draw(some.integers(0, 7))
    read(bytes(flipped))


@settings(max_examples=1_500)
@given(some.sampled_from(FRAMES), some.data())
def test_any_value_of_a_frame_may_be_another(raw, data):
    """Values are replaced where they stand, by what JSON can spell and no exchange should say."""
    ends = [at for at in range(len(raw)) if raw[at : at + 1] in {b",", b"}"} and raw.rfind(b":", 0, at) > 0]
    end = data.draw(some.sampled_from(ends or [len(raw)]))
    start = raw.rfind(b":", 0, end) + 1
    read(raw[:start] + data.draw(SPELT) + raw[end:])


@often
@given(some.sampled_from([json.loads(raw) for raw in EVERY.values()]), some.data())
def test_any_field_may_be_any_json(row, data):
    name = data.draw(some.sampled_from(sorted(row)))
    read(json.dumps(row | {name: data.draw(JSON)}).encode())
    read(json.dumps({key: value for key, value in row.items() if key != name}).encode())


@pytest.mark.parametrize("depth", [10, 1_000, 100_000])
@pytest.mark.parametrize("open_", [b"[", b'{"type":', b'{"type":"trade","code":', b'[{"ty":"orderbook","obu":['])
def test_deep_brackets_end_in_a_bad_payload(depth, open_):
    with pytest.raises(BadPayload):
        read_all(open_ * depth)
    with contextlib.suppress(BadPayload):
        read_all(b"[" * depth + b"]" * depth)


# --- REST


@pytest.mark.parametrize("kind", READERS)
def test_the_sample_of_a_reader_is_read(kind):
    reader, row = READERS[kind]
    value = one(wire.load(json.dumps(row).encode()), reader)
    assert isinstance(value, msgspec.Struct | tuple) or is_dataclass(value)


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=120)
@given(data=some.data())
def test_any_field_of_an_answer_may_be_any_json(kind, data):
    reader, row = READERS[kind]
    name = data.draw(some.sampled_from(sorted(row)))
    ask(reader, json.dumps(row | {name: data.draw(JSON)}).encode())
    ask(reader, json.dumps({key: value for key, value in row.items() if key != name}).encode())


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=120)
@given(data=some.data())
def test_any_value_of_an_answer_may_be_spelt_in_any_way(kind, data):
    reader, row = READERS[kind]
    name = data.draw(some.sampled_from(sorted(row)))
    mark = json.dumps(row | {name: "(here)"}).encode()
    ask(reader, mark.replace(b'"(here)"', data.draw(SPELT)))


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=60)
@given(raw=JSON.map(json.dumps).map(str.encode) | some.binary(max_size=40))
def test_any_answer_is_a_value_or_a_bad_payload(kind, raw):
    ask(READERS[kind][0], raw)


CALLS = {
    "market_all": lambda rest: rest.market_all(),
    "candles": lambda rest: rest.candle_range("KRW-BTC", 1, 0, MINUTE),
    "day_candles": lambda rest: rest.day_candles("KRW-BTC"),
    "trades": lambda rest: rest.trades("KRW-BTC"),
    "ticker": lambda rest: rest.ticker(["KRW-BTC"]),
    "ticker_all": lambda rest: rest.ticker_all("KRW", "BTC", "USDT"),
    "orderbook": lambda rest: rest.orderbook(["KRW-BTC"]),
    "instruments": lambda rest: rest.instruments(["KRW-BTC"]),
    "accounts": lambda rest: rest.accounts(),
    "chance": lambda rest: rest.chance("KRW-BTC"),
    "api_keys": lambda rest: rest.api_keys(),
    "key_expires_at": lambda rest: rest.key_expires_at(),
    "wallets": lambda rest: rest.wallets(),
    "transfers": lambda rest: rest.transfers(TransferKind.DEPOSIT),
    "transfer": lambda rest: rest.transfer(TransferKind.DEPOSIT, "t"),
    "pockets": lambda rest: rest.pockets(),
    "pocket_keys": lambda rest: rest.pocket_keys(),
    "pocket_assets": lambda rest: rest.pocket_assets("p"),
    "universal_transfers": lambda rest: rest.universal_transfers(),
    "pocket_transfers": lambda rest: rest.pocket_transfers(),
    "place": lambda rest: rest.place(BUY),
    "order": lambda rest: rest.order(identifier="i"),
    "orders_by": lambda rest: rest.orders_by(["i"]),
    "open_orders": lambda rest: rest.open_orders(),
    "closed_orders": lambda rest: rest.closed_orders(),
    "cancel": lambda rest: rest.cancel("i"),
    "cancel_orders": lambda rest: rest.cancel_orders(["i"]),
    "cancel_open": lambda rest: rest.cancel_open(),
    "cancel_and_new": lambda rest: rest.cancel_and_new(BUY, order_id="u"),
}
"""Every call that reads an answer."""


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_is_answered_with_nonsense_says_so(exchange, rest, name):
    """A GET has told nothing; a POST or DELETE may have worked."""
    for body in (b"5", b'"x"', b"null", b"[[]]", b"[5]", b"[{}]", b'{"error":{}}', b"[" * 50_000):
        exchange.says(Answer(200, body))
        with pytest.raises((BadPayload, OutcomeUnknown)) as caught:
            CALLS[name](rest)
        assert (caught.type is BadPayload) == (exchange.requests[-1].method == "GET")


@often
@given(JSON, some.sampled_from(sorted(KEY)), JSON)
def test_keys_that_cannot_be_read_are_a_bad_payload(row, name, value):
    for told in (row, [row], [KEY | {name: value}]):
        with contextlib.suppress(BadPayload):
            keys_of(told, account_wire.api_key)
        with contextlib.suppress(BadPayload):
            keys_of([{"uuid": "p", "keys": told}], account_wire.pocket_keys)


# --- numbers


@often
@given(
    some.decimals("-1E20", "1E20", places=8) | some.decimals("0", "1", places=25),
    some.sampled_from(["f", "e", "E", "g"]),
)
def test_a_decimal_field_holds_the_digits_that_were_written(value, spelling):
    """What msgspec does with a JSON number in a Decimal field: it reads the text, no float comes between."""
    text = format(value, spelling)
    told = msgspec.json.decode(f'{{"n":{text}}}', type=dict[str, D])["n"]
    assert str(told) == str(D(text))
    assert wire.load(f'{{"n":{text}}}')["n"] == parse(text) == told


@pytest.mark.parametrize(
    "text",
    ["1.45878E8", "0.00077720", "7.9276E-4", "1386929.37231066771348207123", "9.321120441151E10", "145878000", "1E-8"],
)
def test_the_spellings_of_the_exchange_keep_every_digit_in_a_frame(text):
    raw = (
        f'{{"type":"orderbook","code":"A","timestamp":1,"orderbook_units":[{{"ask_price":{text},"bid_price":0,'
        f'"ask_size":{text},"bid_size":0}}]}}'
    ).encode()
    for _ in range(2):
        (frame,) = read_all(raw)
        (level,) = frame.book.asks
        assert str(level.price) == str(level.size) == str(D(text))
