"""How the state of the streams is put into words for a person."""

from domain.blocks import Block
from domain.messages import DataBlocked, GapFilled, SourceChanged, StreamMeasured
from domain.readmodel import Lamp

SHOWN = 5


def source_lamp(changed: SourceChanged) -> Lamp:
    """The lamp of a stream whose trades come from elsewhere, or from itself again."""
    if changed.source == "stream":
        return Lamp(changed.stream, "ok", changed.reason, changed.at)
    return Lamp(changed.stream, "warn", f"REST stands in for {_some(changed.markets)}: {changed.reason}", changed.at)


def data_lamp(measured: StreamMeasured | None, blocks: tuple[Block, ...], at: int) -> Lamp:
    """The lamp of the data itself: what is blocked, the newest of each type, what is silent, unheard, or by REST.

    It is bad while nothing may be entered, or nothing is heard.
    """
    troubles = [f"no entries: {_blocks(blocks)}"] if blocks else []
    newest, dead = "no data yet", False
    if measured is not None:
        newest = ", ".join(f"{kind} {age:.1f} s" for kind, age in measured.types) or newest
        dead = not measured.connected and not measured.on_rest
        troubles += _stream_troubles(measured)
    bad = dead or any(not block.market for block in blocks)
    return Lamp("data", "bad" if bad else "warn" if troubles else "ok", "; ".join((newest, *troubles)), at)


def changes_text(told: DataBlocked) -> str:
    """What blocks entries from now on and what does not any more, in one line; "" when nothing changed."""
    begun = f"no entries: {_blocks(told.changed)}" if told.changed else ""
    ended = tuple(f"{block.market or 'all markets'} {block.code}" for block in told.ended)
    return "; ".join(filter(None, (begun, f"over: {_some(ended)}" if ended else "")))


def _blocks(blocks: tuple[Block, ...]) -> str:
    return _some(tuple(f"{block.market or 'all markets'} {block.numbers}" for block in blocks))


def _stream_troubles(measured: StreamMeasured) -> list[str]:
    troubles = []
    if measured.on_rest:
        troubles.append(f"by REST: {_some(measured.on_rest)}")
    if measured.late:
        troubles.append("late: " + _some(tuple(f"{kind} {market} {age:.0f} s" for kind, market, age in measured.late)))
    if measured.unheard:
        troubles.append("never heard: " + _some(tuple(f"{kind} {market}" for kind, market in measured.unheard)))
    return troubles


def gap_line(filled: GapFilled) -> str:
    """A gap that is over, in one sentence."""
    span = f"{max(filled.until - filled.since, 0) / 1e6:.1f} s"
    told = f"gap of {span} ({filled.reason}): {filled.trades} trades of {len(filled.markets)} markets by REST"
    return f"{told}, not filled: {_some(filled.unfilled)}" if filled.unfilled else told


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
