"""What happened, read from a journal: the supervisor's log as text, and the chain of causes of one record."""

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import assert_never

import msgspec

from actors.runtime.clock import SECOND_US
from actors.runtime.codec import decode_message
from actors.runtime.messages import ActorCrashed, ActorRestarted, DeadLetterFound
from actors.runtime.record import Record, Status, decode_boot
from actors.runtime.segments import read
from actors.runtime.supervisor import SUPERVISOR
from domain.errors import ConfigError
from domain.messages import HaltTrading

KST = timezone(timedelta(hours=9))
_BODY_CHARS = 200
_FATES = {
    Status.APPLIED: "",
    Status.CRASHED: "  CRASHED",
    Status.DEAD: "  DEAD LETTER",
    Status.EDGE: "  (edge)",
    Status.BOOT: "",
    Status.BORN: "  BORN",
    Status.RETIRED: "  RETIRED",
}
_LIVES = {Status.BORN: "begin", Status.RETIRED: "retire"}


def kst(at_us: int) -> str:
    """Give a time in microseconds UTC as Korean time with its offset."""
    moment = (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at_us)).astimezone(KST)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} +09:00"


def timeline(directory: Path, last_us: int | None = None) -> Iterator[str]:
    """Give the starts, births, retirements, crashes, restarts, give-ups and dead letters of a journal, oldest first.

    `last_us` limits it to so many microseconds before the journal's end. Raises JournalDamaged, StorageError.
    """
    end = 0
    halts: set[int] = set()
    found: list[tuple[int, str]] = []
    for record in read(directory):
        end = max(end, record.at)
        story = _story(record, halts)
        if story:
            found.append((record.at, f"{kst(record.at)}  #{record.seq}  {story}"))
    for at, line in found:
        if last_us is None or at >= end - last_us:
            yield from line.splitlines()


def _story(record: Record, halts: set[int]) -> str:
    if record.status is Status.BOOT:
        return _start(record)
    if record.status in _LIVES:
        return f"{_LIVES[record.status]}  {record.to} by {record.sender}  [cause #{record.cause}]"
    if record.type == HaltTrading.__name__ and record.sender == SUPERVISOR:
        if record.cause in halts:  # the same halt, at its next receiver or tried again
            return ""
        halts.add(record.cause)
        halt = msgspec.msgpack.decode(record.payload, type=HaltTrading)
        return f"GIVE-UP  supervisor {halt.reason}; trading halted"
    if record.to != SUPERVISOR:
        return ""
    if record.status is Status.DEAD:
        return f"dead letter  {record.type} from {record.sender} never reached the supervisor"
    return _report(record)


def _start(record: Record) -> str:
    note = decode_boot(record.payload)
    parts = [f"start {note.boot}  version {note.code_version}, {len(note.actors)} actors, seed {note.seed}"]
    if note.torn_bytes:
        parts.append(f"torn tail of {note.torn_bytes} bytes cut")
    if note.rebased:
        parts.append("states not folded from the journal")
    if not note.trusted:
        parts.append("NOT TRUSTED: reconciled before trading")
    return ", ".join(parts)


def _report(record: Record) -> str:
    if record.type not in {ActorCrashed.__name__, ActorRestarted.__name__, DeadLetterFound.__name__}:
        return ""
    message = decode_message(record.type, record.payload)
    match message:
        case ActorCrashed():
            again = f", try {message.tries + 1}" if message.tries else ""
            error = "\n".join(f"    {line}" for line in message.error.rstrip().splitlines())
            return f"crash  {message.actor} on {message.message_type}{again}\n{error}"
        case ActorRestarted():
            return f"restart  {message.actor} works again after {message.after_us / SECOND_US:.3f} s"
        case DeadLetterFound():
            count = f" (number {message.total})" if message.total > 1 else ""
            return f"dead letter  {message.message_type} from {message.sender} to {message.to}: {message.reason}{count}"
        case _:
            assert_never(message)  # type: ignore[arg-type]  # the three names above are these three classes


def chain(directory: Path, seq: int) -> Iterator[str]:
    """Give the chain of causes that led to record `seq`, that record, and what it directly caused, as lines.

    Raises ConfigError when the journal does not hold the record.
    """
    causes = array("Q")
    first = 0
    for record in read(directory):
        first = first or record.seq
        causes.append(record.cause)
    if not first <= seq < first + len(causes):
        raise ConfigError(f"the journal holds records {first} to {first + len(causes) - 1}, not {seq}")
    wanted = {seq}
    cause = causes[seq - first]
    while cause >= first and cause not in wanted:
        wanted.add(cause)
        cause = causes[cause - first]
    for record in read(directory, min(wanted) - 1):
        if record.seq in wanted:
            yield show(record)
        elif record.cause == seq:
            yield f"    -> {show(record)}"


def show(record: Record) -> str:
    """Give one record as a line: when, who to whom, what, because of which record, and what became of it."""
    when = f"#{record.seq}  {kst(record.at)}"
    if record.status is Status.BOOT:
        return f"{when}  {_start(record)}"
    plain = msgspec.msgpack.decode(record.payload)
    body = ", ".join(f"{key}={value}" for key, value in plain.items())
    body = body if len(body) <= _BODY_CHARS else f"{body[:_BODY_CHARS]}…"
    cause = f"  [cause #{record.cause}]" if record.cause else ""
    return f"{when}  {record.sender} -> {record.to}  {record.type}({body}){cause}{_FATES[record.status]}"
