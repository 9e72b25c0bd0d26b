"""What reading a frame of the exchange costs beside `json.loads` and a dataclass; CPU time, measured in one run.

The rival makes a plain dataclass with every field of the frame, its numbers floats, as most programs do; for a book a
dataclass for each level too. Ours makes the value that the engine works with.
"""

import argparse
import dataclasses
import functools
import itertools
import json
import operator
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from statistics import median

from actors.upbit.frames import TickerFrame, read_all
from tests.actors.upbit.forms import simple
from tests.actors.upbit.samples import TICKER, TRADE

COUNT = 4_000
ROUNDS = 15
LIMIT = 0.15
LEVELS = 15


def book() -> bytes:
    """A book of fifteen levels in the DEFAULT format."""
    units = ",".join(
        f'{{"ask_price":1.{45879 + n}E8,"bid_price":1.{45878 - n}E8,"ask_size":0.0{2054761 + n},"bid_size":1.{n:08d}}}'
        for n in range(LEVELS)
    )
    return (
        '{"type":"orderbook","code":"KRW-BTC","timestamp":1795327199106,"total_ask_size":2.51469375,'
        f'"total_bid_size":1.63815297,"orderbook_units":[{units}],"stream_type":"REALTIME","level":0}}'
    ).encode()


def rival(raw: bytes, number: type[float | Decimal] = float) -> Callable[[], object]:
    """`json.loads` and a plain dataclass with all its fields, one for each level of a book too."""
    parse = json.loads if number is float else functools.partial(json.loads, parse_float=number)
    row = parse(raw)
    plain = dataclasses.make_dataclass("Plain", [(name, object) for name in row])
    part = next((name for name, value in row.items() if isinstance(value, list)), "")
    if not part:
        return lambda: plain(**parse(raw))
    level = dataclasses.make_dataclass("Level", [(f"{name}_", object) for name in row[part][0]])

    def whole() -> object:
        told = parse(raw)
        told[part] = [level(*each.values()) for each in told[part]]
        return plain(**told)

    return whole


def narrow() -> Callable[[], object]:
    """`json.loads` and a plain dataclass with the dozen fields our ticker has: a rival that leaves out what we do."""
    names = (
        "code", "trade_timestamp", "trade_price", "opening_price", "high_price", "low_price", "prev_closing_price",
        "signed_change_rate", "acc_trade_volume_24h", "acc_trade_price_24h", "market_state", "delisting_date",
    )  # fmt: skip
    plain = dataclasses.make_dataclass("Plain", [(name, object) for name in names])
    pick = operator.itemgetter(*names)
    return lambda: plain(*pick(json.loads(TICKER)))


def cpu_us(call: Callable[[], object]) -> float:
    """CPU microseconds of one call."""
    start = time.process_time()
    for _ in itertools.repeat(None, COUNT):
        call()
    return (time.process_time() - start) / COUNT * 1e6


def compared(name: str, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """Print both in turns, and their ratio."""
    figures = [(cpu_us(ours), cpu_us(theirs)) for _ in range(ROUNDS)]
    mine, other = median(one for one, _ in figures), median(one for _, one in figures)
    print(f"{name:44} {mine:6.2f} us  {other:6.2f} us  x{mine / other:.3f}")


def exactly(raw: bytes) -> object:
    """A ticker in exact numbers."""
    (frame,) = read_all(raw)
    if not isinstance(frame, TickerFrame):
        raise TypeError(f"expected a ticker, found {frame!r:.80}")
    return frame.exact()


def main(arguments: Sequence[str] = ()) -> None:
    """Print the figures."""
    argparse.ArgumentParser(prog="python -m tests.bench decode", description=__doc__).parse_args(list(arguments))
    print(f"{'frame':44} {'ours':>6}     {'json':>6}     ratio (asked for: a ticker at most x{LIMIT})")
    for name, raw in (("ticker", TICKER), ("trade", TRADE), (f"book of {LEVELS} levels", book())):
        for form, text in (("DEFAULT", raw), ("SIMPLE", simple(raw))):
            label = f"{name}, {form}, {len(text)} bytes"
            compared(label, functools.partial(read_all, text), rival(text))
    compared("ticker, DEFAULT, beside a dozen fields only", functools.partial(read_all, TICKER), narrow())
    compared("ticker, DEFAULT, every number exact", functools.partial(exactly, TICKER), rival(TICKER))
    compared("the same beside json with Decimals", functools.partial(exactly, TICKER), rival(TICKER, Decimal))
    compared("book, DEFAULT, beside json with Decimals", functools.partial(read_all, book()), rival(book(), Decimal))


if __name__ == "__main__":
    main()
