"""Kills a session again and again on its way through one simulated day, and compares its books with the exchange's.

Each kill is a SIGKILL to engine and sandbox at once: anywhere, beside an order, or while a start still recovers. What
is on disk then is read from both sides: the engine's journal, and the exchange's own books. With `--children` only one
of the two is killed, in turn, and the other must come to a clear end.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from actors.runtime.codec import decode_message
from actors.runtime.record import Record, Status
from actors.runtime.segments import read
from actors.sandbox.store import FILE
from domain import messages as said
from domain.account import Ledger, book_fill, book_flow
from domain.decisions import OrderIntent
from domain.market import HOUR, US_PER_S
from domain.matching import Exchange
from domain.money import strict_decimals
from domain.orders import Fill, Side
from storage.home import Home
from tests.bench import sessions
from tests.bench._books import ZERO, BenchError, exchange_of, executions, orders_of, totals_of, unequal
from tests.bench.sessions import Running, looks

GREEN_WITHIN_S = 60.0  # real seconds from a start to books that agree
END_WITHIN_S = 30.0  # in which one process must notice that the other is dead
APART_MAX_S = 2.0  # real seconds by which the clocks of engine and exchange may differ after a start
BAD = ("books_corrected", "unexplained_coins", "foreign_order", "order_surfaced", "crash", "give_up", "venue_call")
BESIDE = ("OrderIntended", "OrderApproved", "SubmitAnswered", "OrderSeen", "FillBooked")
HEARD = (*BESIDE, "AccountLoaded", "LedgerTold", "ReconcileFinished", "LedgerCorrected", "IncidentRaised")
SQL_ORDERS = "select identifier, executed_volume from orders where order_id <> ''"
HEARERS = ("gateway", "portfolio", "reconciler", "recorder")


@dataclass
class Ours:
    """What the engine's journal knows. `compared` has the gaps of each comparison by the record that ended it, and
    `gaps` those of comparisons that the engine itself called equal."""

    last_seq: int = 0
    last_at: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    intents: dict[str, OrderIntent] = field(default_factory=dict)
    corrections: list[said.LedgerCorrected] = field(default_factory=list)
    incidents: Counter[str] = field(default_factory=Counter)
    accounts: dict[int, said.AccountLoaded] = field(default_factory=dict)
    compared: dict[int, list[str]] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)

    def take(self, record: Record) -> None:
        """Fold one record in."""
        self.last_seq, self.last_at = record.seq, record.at
        if record.to not in HEARERS or record.type not in HEARD or record.status not in {Status.APPLIED, Status.EDGE}:
            return
        match decode_message(record.type, record.payload):
            case said.OrderApproved(intent):
                self.intents[intent.intent_id] = intent
            case said.FillBooked(fill):
                book_fill(self.ledger, fill)
            case said.LedgerCorrected() as corrected if record.to == "portfolio":  # the recorder hears it as well
                self.corrections.append(corrected)
                book_flow(self.ledger, corrected.currency, corrected.amount, corrected.average_price)
            case said.AccountLoaded() as account:
                self.accounts[account.request] = account
            case said.LedgerTold(request, totals):
                theirs = {each.currency: each.free + each.locked for each in self.accounts[request].balances}
                self.compared[record.seq] = list(unequal(theirs, dict(totals)))
            case said.ReconcileFinished(green=True):
                self.gaps += self.compared.get(record.cause, [f"record {record.seq} is green without a comparison"])
            case said.IncidentRaised(kind=kind):
                self.incidents[kind] += 1


def ours_of(home: Home) -> Ours:
    """The journal of a home, folded from its first record."""
    ours = Ours()
    for record in read(home.journal):
        ours.take(record)
    return ours


def untold(ours: Ours, exchange: Exchange) -> list[Fill]:
    """Executions that have not reached our journal yet."""
    return [fill for fill in executions(exchange) if fill.trade_id not in ours.ledger.seen]


def differences(ours: Ours, exchange: Exchange, prefix: str) -> Iterator[str]:
    """All that must never be, whenever the kill came: books differ by fills not told yet, and by nothing else."""
    yield from ours.gaps
    yield from (f"taken for money from outside: {told}" for told in ours.corrections if not told.opening)
    yield from (f"{ours.incidents[kind]} times {kind}" for kind in BAD if ours.incidents[kind])
    entries = Counter((wish.market, wish.at) for wish in ours.intents.values() if wish.side is Side.BUY)
    yield from (f"{count} entries for the one decision {wish}" for wish, count in entries.items() if count > 1)
    yield from _wrong_orders(exchange, {f"{prefix}-{intent_id}": wish for intent_id, wish in ours.intents.items()})
    invented = ours.ledger.seen.keys() - {fill.trade_id for fill in executions(exchange)}
    yield from (f"booked and never executed: {trade_id}" for trade_id in sorted(invented))
    ledger = deepcopy(ours.ledger)
    for fill in untold(ours, exchange):
        book_fill(ledger, fill)
    if ours.corrections:
        coins = {market.partition("-")[2]: volume for market, volume in ledger.coins.items()}
        yield from unequal(totals_of(exchange), {"KRW": ledger.cash, **coins})


def _wrong_orders(exchange: Exchange, known: dict[str, OrderIntent]) -> Iterator[str]:
    orders = orders_of(exchange)
    used = Counter(order.request.identifier for order in orders)
    yield from (f"{count} orders carry {identifier}" for identifier, count in used.items() if count > 1)
    yield from (f"the exchange knows {one}, our journal does not" for one in exchange.identifiers if one not in known)
    for order in orders:
        asked, wish = order.request, known.get(order.request.identifier)
        if wish and (asked.market, asked.side, asked.volume) != (wish.market, wish.side, wish.volume):
            yield f"{asked} is another order than {wish}"
        executed = sum((fill.volume for fill in order.fills), ZERO)
        if executed != order.executed or (asked.volume is not None and executed > asked.volume):
            yield f"{asked.identifier} executed {executed} of {asked.volume}"


def final_differences(home: Home, ours: Ours, exchange: Exchange, out: Path) -> Iterator[str]:
    """What must hold as well once a session ended cleanly: nothing is under way, and summary and SQL agree."""
    if json.loads(out.read_text())["reconciled"] is not True:
        yield "the summary says that the books were not compared"
    yield from (f"still open: {order.request.identifier}" for order in exchange.orders.values())
    yield from (f"never booked: {fill}" for fill in untold(ours, exchange))
    yield from (f"summary: {gap}" for gap in unequal(totals_of(exchange), sessions.totals_told(out)))
    with closing(sqlite3.connect(home.database)) as database:
        trades = {(name, Decimal(text)) for name, text in database.execute("select trade_id, volume from trades")}
        orders = {(name, Decimal(text)) for name, text in database.execute(SQL_ORDERS)}
    trades ^= {(fill.trade_id, fill.volume) for fill in executions(exchange)}
    orders ^= {(order.request.identifier, order.executed) for order in orders_of(exchange)}
    yield from (f"only one of SQL and exchange has {each}" for each in trades | orders)


class Day:
    """One simulated day of starts and kills in one folder. `found` collects every difference."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.home, self.rng = Home(folder / "home"), random.Random(options.seed)
        self.pace = int(options.hours * HOUR / options.kills)
        self.ours, self.found, self.began_at = Ours(), list[str](), 0
        self.settings = ("--settings", str(options.settings)) if options.settings else ()
        self.running: Running | None = None

    def start(self, *more: str) -> Running:
        """Start a session in the same home."""
        self.running = Running(self.folder, self.options.candles, self.options.speed, *self.settings, *more)
        return self.running

    def green(self, running: Running) -> tuple[int, float]:
        """Wait until this start has compared its books: when that was, and the real seconds it took."""
        told = running.until(self._is_green, GREEN_WITHIN_S)
        with closing(sqlite3.connect(f"file:{self.home.sandbox / FILE}?mode=ro", uri=True)) as books:
            ((kept,),) = books.execute("SELECT now FROM clock")
        apart = (told.at - kept) / US_PER_S / self.options.speed
        if abs(apart) > APART_MAX_S:
            self.found.append(f"the engine's clock is {apart:+.1f} real seconds from the exchange's after a start")
        self.began_at = self.began_at or told.at
        return told.at, time.monotonic() - running.began

    def _is_green(self, record: Record) -> bool:
        new = record.seq > self.ours.last_seq and (record.to, record.type) == ("recorder", "ReconcileFinished")
        return new and decode_message(record.type, record.payload).green

    def drive(self) -> tuple[Running, str, float]:
        """Start, recover and run on to a random moment: the session, the kind of moment, real seconds to recover."""
        running = self.start()
        start, took_s = self.green(running)
        beside = self.rng.choice(BESIDE) if self.rng.random() < self.options.beside else ""
        end = start + (4 * self.pace if beside else self.rng.randrange(self.pace * 3 // 2))
        patience_s = (end - start) / US_PER_S / self.options.speed + GREEN_WITHIN_S
        hit = running.until(lambda one: one.at >= end or (one.type == beside and one.at > start), patience_s)
        deque(looks(time.monotonic() + self.rng.random() * 0.02), 0)  # not always right at the write
        return running, beside if hit.at < end else "anywhere", took_s

    def look(self, label: str, took_s: float) -> None:
        """Compare all that is on disk, with nobody running, and print a line."""
        self.ours, exchange = ours_of(self.home), exchange_of(self.home.sandbox)
        wrong = list(differences(self.ours, exchange, self.home.identifier_prefix))
        at = datetime.fromtimestamp(self.ours.last_at / US_PER_S, UTC)
        orders, missing = orders_of(exchange), untold(self.ours, exchange)
        figures = (len(self.ours.compared), len(orders), len(exchange.orders), len(missing))
        columns = (f"{took_s:8.1f}", *(f"{figure:8}" for figure in figures), "; ".join(wrong) or "equal")
        print(f"{label:32} {at:%m-%d %H:%M:%S}", *columns, flush=True)
        self.found += [f"{label}: {one}" for one in wrong]

    def kill_both(self) -> None:
        """Every kill of engine and sandbox together; some starts are killed before they have recovered."""
        for number in range(1, self.options.kills + 1):
            if self.rng.random() < self.options.early:
                running, end = self.start(), self.ours.last_seq + self.rng.randrange(1, 400)
                running.until(lambda one, end=end: one.seq >= end, GREEN_WITHIN_S)
                running.kill()
                self.look(f"{number:2} while it starts", time.monotonic() - running.began)
            running, where, took_s = self.drive()
            running.kill()
            self.look(f"{number:2} {where}", took_s)

    def kill_one(self) -> None:
        """Kill engine and sandbox in turn, each alone, and see what becomes of the other."""
        for number in range(1, self.options.kills + 1):
            running, where, took_s = self.drive()
            orphan, label = running.sandbox, f"{number:2} the {'engine' if number % 2 else 'sandbox'}, {where}"
            if number % 2:
                running.process.kill()
                if all(Path(f"/proc/{orphan}").exists() for _ in looks(time.monotonic() + END_WITHIN_S)):
                    self.found.append(f"{label}: the sandbox lives on without its engine")
            else:
                os.kill(orphan, signal.SIGKILL)
                self.found += (f"{label}: {one}" for one in self._outlived(running, orphan))
            running.kill()
            self.look(label, took_s)

    def _outlived(self, running: Running, orphan: int) -> Iterator[str]:
        """What is wrong with what an engine does after the death of its exchange: it must end clearly, or start it."""
        for _ in looks(time.monotonic() + END_WITHIN_S):
            if (code := running.process.poll()) is not None:
                print(f"   the engine ended with exit code {code}: {running.last_words()}")
                yield from () if code > 0 else (f"the engine ended with exit code {code}",)
                return
            if running.sandbox not in {0, orphan}:
                self.green(running)
                print("   the engine started the exchange again, and the books agreed")
                return
        yield f"the engine runs on without an exchange, {END_WITHIN_S:.0f} s later: {running.last_words()}"

    def last_stretch(self) -> None:
        """Run to the end of the day, an hour at least, end cleanly, compare everything, and replay the journal."""
        left = self.began_at + int(self.options.hours * HOUR) - self.ours.last_at
        running = self.start("--for", f"{max(left, HOUR) // US_PER_S}s")
        _, took_s = self.green(running)
        running.wait(max(left, HOUR) / US_PER_S / self.options.speed + GREEN_WITHIN_S)
        self.look("   the end", took_s)
        self.found += final_differences(self.home, self.ours, exchange_of(self.home.sandbox), running.out)
        command = [sys.executable, "run.py", "replay", str(self.home.root)]
        done = subprocess.run(command, cwd=sessions.ROOT, capture_output=True, text=True, check=False)
        print(f"   replay: {done.stdout.strip() or done.stderr.strip()}")
        if done.returncode or not done.stdout.strip().endswith(": identical"):
            self.found.append("the replay is not identical")

    def tell(self) -> None:
        """Print what the sessions said and the verdict."""
        spoken = (self.folder / "err").read_text(errors="replace").splitlines()
        lines = Counter(re.sub(r"[\d.]+", "#", line) for line in spoken if sessions.TROUBLE.search(line))
        print(*(f"   {count:4} x {line[:150]}" for line, count in lines.most_common(12)), sep="\n")
        print(f"   incidents: {dict(self.ours.incidents) or 'none'}")
        verdict = f"differences, see {self.folder}" if self.found else "no difference"
        print(f"VERDICT: {verdict}", *self.found, sep="\n   ")


def main(arguments: Sequence[str] = ()) -> None:
    """Run the day and print the verdict; exit code 1 on any difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench kills", description=__doc__)
    parser.add_argument("--children", action="store_true", help="kill only one of the two processes, in turn")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--hours", type=float, default=24.0, help="simulated length of the day")
    parser.add_argument("--speed", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--beside", type=float, default=0.4, help="share of kills beside an order")
    parser.add_argument("--early", type=float, default=0.25, help="share of starts that are killed while they recover")
    parser.add_argument("--settings", type=sessions.existing, help="TOML file for the sessions")
    parser.add_argument("--candles", type=sessions.existing, default=str(sessions.CANDLES))
    options = parser.parse_args(list(arguments))
    strict_decimals()
    day = Day(folder := Path(tempfile.mkdtemp(prefix="baeu-kills-")), options)
    print(f"{'killed':32} {'at':15} green s compared   orders     open   untold  books")
    try:
        day.kill_one() if options.children else day.kill_both()
        day.last_stretch()
    except BenchError as error:
        day.found.append(str(error))
    finally:
        if day.running:
            day.running.kill()
    day.tell()
    sys.exit(1) if day.found else shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
