"""The candle store beside parquet and SQLite: bytes a row, rows a second, the live minute, and kill -9.

    python -m tests.bench store [--markets 4] [--days 365] [--kills 20]

Markets are random walks on Upbit's price grid with volumes of 8 decimals; every fourth trades in two minutes of three.
The full size of the judgement is `--markets 100 --kills 200` (about 4 GB of disk, some ten minutes). All three keep the
same eight columns. SQLite is measured on at most two markets: it is slow, and grows by more than a gigabyte for ten.
"""

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from domain.market import DAY, MINUTE, Bar
from domain.messages import CandlesTold
from storage.candles import CandleStore
from storage.columns import COLUMNS, KINDS, REST, CandleArrays
from storage.database import open_database
from storage.projection import Projection
from tests.storage.conftest import NEW_YEAR
from tests.storage.kills import kill, require_all

LEVELS = ((150_000_000, 1_000), (6_000_000, 1_000), (280_000, 100), (4_000, 1), (300, 1), (2, 0.001))
SQLITE_MARKETS = 2
LOOKS = 15
YEAR = 365  # days: the limit of reading is one of a whole year
LIVE_MARKETS = 250
LIVE_MINUTES = 60
DDL = f"create table candles (market text, {', '.join(COLUMNS)}, primary key (market, time)) without rowid"


def main(arguments: list[str]) -> None:
    """Print each measurement; exit code 1 when a limit of the judgement is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench store", description=__doc__)
    parser.add_argument("--markets", type=int, default=4)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args(arguments)
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        missed += history(Path(folder), options.markets, options.days)
        missed += live_minute(Path(folder))
        kills(Path(folder) / "killed", options.kills)
    for text in missed:
        print(f"MISSED: {text}")
    raise SystemExit(1 if missed else 0)


def history(folder: Path, markets: int, days: int) -> list[str]:
    """Write and read years of minutes in all three; gives what missed its limit."""
    names = [f"KRW-M{number:03}" for number in range(markets)]
    store, rows = CandleStore(folder / "store"), 0
    times: dict[str, float] = dict.fromkeys(("store in", "parquet in", "sqlite in"), 0.0)
    with closing(sqlite3.connect(folder / "rival.sqlite3")) as database:
        database.execute(DDL)
        for number, name in enumerate(names):
            candles = walk(number, days)
            rows += len(candles)
            whole = ((NEW_YEAR, NEW_YEAR + days * DAY),)
            times["store in"] += timed(lambda c=candles, n=name, w=whole: store.put(n, MINUTE, c, w))
            times["parquet in"] += timed(lambda c=candles, n=name: write_parquet(folder / f"{n}.parquet", c))
            if number < SQLITE_MARKETS:
                times["sqlite in"] += timed(lambda c=candles, n=name: write_sqlite(database, n, c))
        few = names[:SQLITE_MARKETS]
        times["store out"] = timed(lambda: [len(store.load(name)) for name in names])
        times["parquet out"] = timed(lambda: [len(read_parquet(folder / f"{name}.parquet").time) for name in names])
        times["sqlite out"] = timed(lambda: [len(read_sqlite(database, name)) for name in few])
        few_rows = sum(len(store.load(name)) for name in few)
        assert all(store.load(name).same_as(read_parquet(folder / f"{name}.parquet")) for name in few)
        assert all(store.load(name).same_as(read_sqlite(database, name)) for name in few)
    sizes = {
        "store": sum(path.stat().st_size for path in (folder / "store").rglob("*.h5")),
        "parquet": sum(path.stat().st_size for path in folder.glob("*.parquet")),
        "sqlite": (folder / "rival.sqlite3").stat().st_size,
    }
    print(f"{markets} markets x {days} days, {rows:,} rows (sqlite: {few_rows:,})")
    for kind, size in sizes.items():
        count = few_rows if kind == "sqlite" else rows
        rates = [count / times[f"{kind} {way}"] / 1e6 for way in ("in", "out")]
        print(f"  {kind:8} {size / count:6.2f} bytes/row, {rates[0]:7.3f} M rows/s in, {rates[1]:7.3f} M rows/s out")
    size = sizes["store"] / sizes["parquet"]
    read = read_ratio(store, folder, names[: len(LEVELS)])
    print(f"  size / parquet {size:.2f} (limit 1.2)   market-year read time / parquet {read:.2f} (limit 1)")
    limits = {"file size": size <= 1.2, "read of a market-year": days < YEAR or read <= 1.0}
    return [name for name, kept in limits.items() if not kept]


def read_ratio(store: CandleStore, folder: Path, names: list[str]) -> float:
    """Median time of one market-year of ours over parquet's, read in turns so that both meet the same machine."""
    ours: list[float] = []
    its: list[float] = []
    for _ in range(LOOKS):
        for name in names:
            ours.append(timed(lambda n=name: store.load(n)))
            its.append(timed(lambda n=name: read_parquet(folder / f"{n}.parquet")))
    middle = statistics.median
    print(f"  a market-year: {middle(ours) * 1e3:.1f} ms (best {min(ours) * 1e3:.1f}), "
          f"parquet {middle(its) * 1e3:.1f} ms (best {min(its) * 1e3:.1f})")  # fmt: skip
    return middle(ours) / middle(its)


def live_minute(folder: Path) -> list[str]:
    """Store the closed minute of 250 markets as the recorder does, in one durable transaction each."""
    took = []
    with closing(open_database(folder / "live.sqlite3")) as database:
        projection = Projection(database)
        for minute in range(LIVE_MINUTES):
            batch = list(enumerate(told_of(minute), start=1 + minute * LIVE_MARKETS))
            took.append(timed(lambda b=batch: projection.apply(b)) * 1e3)
    middle, worst = statistics.median(took), max(took)
    print(f"a live minute of {LIVE_MARKETS} markets: {middle:.1f} ms, worst of {LIVE_MINUTES}: {worst:.1f} (limit 50)")
    return [] if middle < 50 else ["live minute"]


def told_of(minute: int) -> Iterator[CandlesTold]:
    start = NEW_YEAR + minute * MINUTE
    price, volume = Decimal(143_250_000), Decimal("0.12345678")
    bar = Bar(start, price, price + 1_000, price - 1_000, price, volume, price * volume)
    for number in range(LIVE_MARKETS):
        yield CandlesTold(f"KRW-M{number:03}", start, start + MINUTE, (bar,), "trades", "provisional")


def kills(folder: Path, count: int) -> None:
    """Kill sessions that store and seal; any lost row or file ends the benchmark with an AssertionError."""
    folder.mkdir()
    chance, known, sealed = random.Random(), 0, 0
    for _ in range(count):
        known = kill(folder, known, chance)
        sealed = require_all(folder, known)
    print(f"{count} kills while storing and sealing: {known} minutes acknowledged, {sealed} rows sealed, none lost")


def walk(seed: int, days: int) -> CandleArrays:
    """A year of minutes of one market, each of eight trades."""
    chance = np.random.default_rng(seed)
    level, tick = LEVELS[seed % len(LEVELS)]
    rows = days * DAY // MINUTE
    path = level * np.exp((chance.standard_t(4, rows * 8) * 0.0002).cumsum())
    prices = np.round(np.round(path / tick) * tick, 8).reshape(rows, 8)
    open_, high, low, close = prices[:, 0], prices.max(1), prices.min(1), prices[:, -1]
    volume = np.round(np.exp(chance.normal(0, 1.4, rows)) * 1e8 / level, 8)
    value = np.round((low + (high - low) * chance.random(rows)) * volume, 8)
    begins = NEW_YEAR + np.arange(rows, dtype=np.int64) * MINUTE
    every = CandleArrays(begins, open_, high, low, close, volume, value, np.full(rows, REST, np.uint8))
    kept = chance.random(rows) < (2 / 3 if seed % 4 == 3 else 0.995)
    return every.picked(kept)


def write_parquet(path: Path, candles: CandleArrays) -> None:
    """Write with zstd, everything else as pyarrow does it by itself."""
    pq.write_table(pa.table({name: getattr(candles, name) for name in COLUMNS}), path, compression="zstd")


def read_parquet(path: Path) -> CandleArrays:
    """Read into the same arrays, on as many threads as pyarrow likes."""
    table = pq.read_table(path)
    columns: list[Any] = [table[name].to_numpy() for name in COLUMNS]
    return CandleArrays(*columns)


def write_sqlite(database: sqlite3.Connection, market: str, candles: CandleArrays) -> None:
    """Write in one transaction."""
    columns = [getattr(candles, name).tolist() for name in COLUMNS]
    with database:
        database.executemany(f"insert into candles values (?{', ?' * len(COLUMNS)})", zip([market] * len(candles), *columns, strict=True))  # noqa: E501, S608 (column names of ours)  # fmt: skip


def read_sqlite(database: sqlite3.Connection, market: str) -> CandleArrays:
    """Read into the same arrays."""
    query = f"select {', '.join(COLUMNS)} from candles where market = ? order by time"  # noqa: S608 (as above)
    rows = database.execute(query, (market,)).fetchall()
    columns: list[Any] = [
        np.array(column, kind) for column, kind in zip(zip(*rows, strict=True), KINDS.values(), strict=True)
    ]
    return CandleArrays(*columns)


def timed(work: Callable[[], object]) -> float:
    """Seconds that it took."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
