"""Replays a whole session: rebuilds the core actors its journal names and runs every turn again."""

from pathlib import Path

from actors.runtime import ReplayReport, Status, Topology, replay
from actors.runtime.record import decode_boot
from actors.runtime.segments import read
from actors.system import core, topics
from domain.errors import StorageError

EXCHANGE = "Exchange"


def replay_home(journal: Path) -> ReplayReport:
    """Replay the journal in this folder; raises JournalDamaged, or StorageError when there is nothing to replay."""
    markets, exchange = _cast(journal)
    specs = core(markets, exchange=exchange)
    present = {spec.name for spec in specs}
    heard = {topic: tuple(name for name in names if name in present) for topic, names in topics(markets).items()}
    return replay(journal, Topology(specs, heard))


def last_time(journal: Path) -> int:
    """Time of the last record of a journal in microseconds UTC, 0 when there is none."""
    return max((record.at for record in read(journal)), default=0) if journal.is_dir() else 0


def _cast(journal: Path) -> tuple[tuple[str, ...], bool]:
    """Every market any start of this journal had, and whether any of them traded on the in-process exchange."""
    boots = [decode_boot(record.payload) for record in read(journal) if record.status is Status.BOOT]
    if not boots:
        raise StorageError(f"the journal in {journal} holds no start of a session")
    names = dict.fromkeys(name for boot in boots for name, _ in boot.actors if name.startswith("market:"))
    return tuple(name.partition(":")[2] for name in names), any(("venue", EXCHANGE) in boot.actors for boot in boots)
