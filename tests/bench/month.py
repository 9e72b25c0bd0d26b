"""A month of a hundred markets at one minute behind a hostile wire: is the store the truth, candle for candle?

Real market actors, feed, REST edge, recorder, database, sealing every day. Drops, doubles, late trades, disorder, two
maintenance windows, kills of the process at the worst moment. The markets are shared out to processes.
"""

import argparse
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.market import MINUTE
from tests.simulation.judge import alike, memory_of
from tests.simulation.month import FIRST, Month
from tests.simulation.shelf import Shelf
from tests.simulation.truth import quotation

SHARE = 10  # markets simulated by one process at a time


@dataclass
class Found:
    """What one share of the markets, or all of them, came to; `wrong` tells what is not as it should be.

    `weather` is the same for all shares, so that it is not summed.
    """

    counts: Counter[str] = field(default_factory=Counter)
    weather: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


def simulate(markets: int, days: float, seed: int, share: tuple[int, int]) -> Found:
    """One share of the month, in a process of its own."""
    logging.disable(logging.CRITICAL)  # every call that fails on purpose is a warning
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="baeu-month-") as folder:
        shelf = Shelf(Path(folder))
        month = Month(shelf, markets=markets, days=days, seed=seed, share=share)
        month.run()
        found = compared(month)
        shelf.close()
    found.seconds = time.monotonic() - begin
    return found


def compared(month: Month) -> Found:
    """Look at all that is left of it."""
    judge, shelf, found = month.judge, month.shelf, Found()
    client = quotation(month.truth, lambda: month.now)
    for market in month.markets:
        state = month.host.state(f"market:{market}")
        found.wrong += shelf.differences(month.truth, market, FIRST, month.until)
        found.wrong["indicators"] += not alike(state.memory, memory_of(client, market, state.base_end))
        found.counts["candles"] += len(shelf.tiers.read(market, MINUTE, FIRST, month.until))
        found.counts["kept as seen"] += len(shelf.store.as_seen(market))
    found.wrong["views against MTF-01"] += len(judge.broken)
    found.wrong["decisions made again"] += judge.again
    found.wrong["decisions unexplained"] += sum(not shelf.explains(odd) for odd in judge.odd)
    found.counts["decisions"] += len(judge.told)
    found.counts["decisions marked incomplete"] += judge.marked
    found.counts["decisions on minutes revised later"] += len({(odd.market, odd.at) for odd in judge.odd})
    found.counts["trades"] += month.trades
    found.counts["turns"] += month.host.chaos.happened["turns"]
    found.weather["kills, of each share's process"] = month.host.chaos.happened["deaths"]
    found.weather["losses of the connection"] = len(month.weather.outages)
    return found


def main(arguments: Sequence[str] = ()) -> None:
    """Print what was found; exit code 1 on any difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench month", description=__doc__)
    parser.add_argument("--markets", type=int, default=100)
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    options = parser.parse_args(list(arguments))
    parts = -(-options.markets // SHARE)
    begin, whole = time.monotonic(), Found()
    tasks = [(options.markets, options.days, options.seed, (number, parts)) for number in range(parts)]
    with multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=1) as pool:
        running = [pool.apply_async(simulate, task) for task in tasks]
        for number, each in enumerate(running, 1):
            found = each.get()
            whole.counts += found.counts
            whole.weather |= found.weather
            whole.wrong += found.wrong
            print(
                f"share {number} of {parts}: {found.seconds:.0f} s, wrong: {dict(+found.wrong) or 'nothing'}",
                flush=True,
            )
    seconds = time.monotonic() - begin
    print(
        f"{options.markets} markets, {options.days:g} days, seed {options.seed}: {seconds:.0f} s on {options.jobs} jobs"
    )
    for name, count in (whole.counts + whole.weather).items():
        print(f"{count:14,} {name}")
    if wrong := +whole.wrong:
        sys.exit(f"differences: {dict(wrong)}")
    print("the store is the truth, candle for candle; every view obeyed MTF-01")


if __name__ == "__main__":
    main(sys.argv[1:])
