"""How the state of the streams is put into words for a person."""

from domain.messages import GapFilled, SourceChanged, StreamMeasured
from domain.readmodel import Lamp

SHOWN = 5


def source_lamp(changed: SourceChanged) -> Lamp:
    """The lamp of a stream whose trades come from elsewhere, or from itself again."""
    if changed.source == "stream":
        return Lamp(changed.stream, "ok", changed.reason, changed.at)
    return Lamp(changed.stream, "warn", f"REST stands in for {_some(changed.markets)}: {changed.reason}", changed.at)


def freshness_lamp(measured: StreamMeasured) -> Lamp:
    """The lamp of the data itself: the newest of each type, and what is silent, unheard, or told by REST."""
    troubles = []
    if measured.on_rest:
        troubles.append(f"by REST: {_some(measured.on_rest)}")
    if measured.late:
        troubles.append("late: " + _some(tuple(f"{kind} {market} {age:.0f} s" for kind, market, age in measured.late)))
    if measured.unheard:
        troubles.append("never heard: " + _some(tuple(f"{kind} {market}" for kind, market in measured.unheard)))
    newest = ", ".join(f"{kind} {age:.1f} s" for kind, age in measured.types) or "no data yet"
    state = "bad" if not measured.connected and not measured.on_rest else "warn" if troubles else "ok"
    return Lamp("data", state, "; ".join((newest, *troubles)), measured.at)


def gap_line(filled: GapFilled) -> str:
    """A gap that is over, in one sentence."""
    span = f"{max(filled.until - filled.since, 0) / 1e6:.1f} s"
    told = f"gap of {span} ({filled.reason}): {filled.trades} trades of {len(filled.markets)} markets by REST"
    return f"{told}, not filled: {_some(filled.unfilled)}" if filled.unfilled else told


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
