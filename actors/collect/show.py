"""Puts what is known of candles into words for people, and into plain values for JSON."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from domain.collection import Comparison, Conflict, FileImport, FrameInfo
from domain.market import DAY, HOUR, MINUTE, US_PER_S
from domain.message import Value

SHOWN: Final = 5
"""Differences shown of each market and frame; JSON holds all."""
INFO_TITLES: Final = (
    *("market", "frame", "from", "until", "candles", "not collected", "exchange down", "no trade", "spikes", "revised"),
)


def when(at: int) -> str:
    """A time as people write it, in UTC."""
    return datetime.fromtimestamp(at // US_PER_S, UTC).strftime("%Y-%m-%d %H:%M")


def lasting(length: int) -> str:
    """A length in the two largest units it has."""
    days, rest = divmod(length, DAY)
    hours, rest = divmod(rest, HOUR)
    parts = ((days, "d"), (hours, "h"), (rest // MINUTE, "m"))
    return " ".join([f"{count}{unit}" for count, unit in parts if count][:2]) or "-"


def import_lines(done: FileImport) -> Iterator[str]:
    """What became of a file, and the first stored candles it tells otherwise."""
    if done.error:
        yield f"refused: {done.error}"
        return
    parts = [f"{done.rows:,} candles, {done.new:,} new"]
    parts += [
        f"{count:,} {word}" for count, word in ((done.changed, "changed"), (done.completed, "completed")) if count
    ]
    if done.lacking:
        parts.append(f"{done.lacking:,} stored ones that it lacks are kept")
    if done.holes:
        parts.append(f"{done.holes:,} holes not collected ({lasting(done.uncollected)})")
    yield f"{done.path}: {done.frame}, {when(done.since)} to {when(done.until)}: {', '.join(parts)}"
    yield from _conflict_lines(done.conflicts, done.changed)


def comparison_lines(found: Comparison) -> Iterator[str]:
    """How many candles were compared, and the first of those that differ."""
    count = len(found.conflicts)
    verdict = f"{count:,} differ" if count else "all equal"
    yield f"{found.market} {found.frame}: {found.compared:,} candles beside {found.source}: {verdict}"
    yield from _conflict_lines(found.conflicts[:SHOWN], count)


def info_rows(found: Iterable[FrameInfo]) -> Iterator[tuple[str, ...]]:
    """A table: titles, and a row for each market and frame."""
    yield INFO_TITLES
    for one in found:
        yield (
            *(one.market, one.frame, when(one.since), when(one.until), f"{one.candles:,}"),
            *(lasting(one.uncollected), lasting(one.down), lasting(one.untraded)),
            *(str(len(one.spikes)), f"{one.revised / max(one.candles, 1):.3%}" if one.revised else "-"),
        )


def detail_lines(found: FrameInfo) -> Iterator[str]:
    """The holes and the suspect candles of one market and frame, by name."""
    words = {"uncollected": "not collected", "down": "exchange down", "untraded": "no trade"}
    for hole in found.stretches:
        yield (
            f"{found.market} {found.frame}  {when(hole.since)} to {when(hole.until)}  "
            f"{words[hole.kind]} ({lasting(hole.until - hole.since)})"
        )
    for spike in found.spikes:
        yield (
            f"{found.market} {found.frame}  {when(spike.start)}  spike: {spike.before:,.12g} -> {spike.close:,.12g} -> "
            f"{spike.after:,.12g}; suspect, kept as it is"
        )


def plain(value: Any) -> Any:
    """A report as what JSON can hold: a candle's unknown amounts are null."""
    if isinstance(value, Value):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 (NaN alone differs from itself)


def _conflict_lines(conflicts: Iterable[Conflict], count: int) -> Iterator[str]:
    shown = 0
    for one in conflicts:
        shown += 1
        yield f"  {when(one.start)}  {_difference(one)}"
    if count > shown:
        yield f"  … and {count - shown:,} more"


def _difference(one: Conflict) -> str:
    if one.told is None:
        return "stored, but told that nothing traded"
    if one.stored is None:
        return "not stored, but told"
    names = ("open", "high", "low", "close", "volume", "value")
    pairs = {name: (mine, its) for name, mine, its in zip(names, one.stored, one.told, strict=True)}
    return ", ".join(f"{name} {pairs[name][0]!r} stored, {pairs[name][1]!r} told" for name in one.fields)
