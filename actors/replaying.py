"""Reads a session's journal: runs it again as a whole, and tells a start what it must know before its actors live."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from actors.portfolio import Portfolio
from actors.runtime import Record, ReplayReport, Status, replay
from actors.runtime.cast import Cast
from actors.runtime.past import FolderPast
from actors.runtime.record import decode_boot
from actors.runtime.recovery import recover
from actors.runtime.replay import ReplayContext
from actors.runtime.segments import listing, load, read, records
from actors.runtime.snapshots import SnapshotFolder
from actors.system import core_alone
from domain.errors import StorageError

EXCHANGE = "Exchange"
NEWEST = 1_000  # records among which the latest time is: turns of several threads are not quite in its order


def replay_home(journal: Path) -> ReplayReport:
    """Replay the journal in this folder; raises JournalDamaged, or StorageError when there is nothing to replay."""
    return replay(journal, core_alone(exchange=_traded_inside(journal)))


def last_time(journal: Path) -> int:
    """Time of the last record of a journal in microseconds UTC, 0 when there is none."""
    return max((record.at for record in islice(_newest_first(journal), NEWEST)), default=0)


@dataclass(frozen=True, slots=True)
class Books:
    """What a start will find in its books: the venue they are kept on, "" before the first, and where coins are."""

    venue: str = ""
    held: tuple[str, ...] = ()


def books_in(journal: Path, code_version: str, seed: int) -> Books:
    """The books that this code will start with; markets by name.

    Brings the portfolio alone back as a start does; raises JournalDamaged, StorageError, ReplayDivergence.
    """
    last = next(_newest_first(journal), None)
    if last is None:
        return Books()
    portfolio = Portfolio(ReplayContext(seed), "portfolio")
    past = FolderPast(journal, last.seq, code_version, seed)
    recover(Cast({portfolio.name: portfolio}), past, SnapshotFolder(journal / "snapshots"))
    state = portfolio.state
    return Books(state.venue, tuple(sorted(market for market, volume in state.ledger.coins.items() if volume)))


def _newest_first(journal: Path) -> Iterator[Record]:
    known = listing(journal)
    for segment in reversed(known):
        found = records(segment, load(segment), last=segment is known[-1])
        yield from reversed([record for _, record in found])


def _traded_inside(journal: Path) -> bool:
    """Whether any start of this journal traded on the in-process exchange."""
    boots = [decode_boot(record.payload) for record in read(journal) if record.status is Status.BOOT]
    if not boots:
        raise StorageError(f"the journal in {journal} holds no start of a session")
    return any(("venue", EXCHANGE) in boot.actors for boot in boots)
