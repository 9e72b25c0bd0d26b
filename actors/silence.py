"""Which silences of a stream mean something, once it is known what REST shows and when there were trades."""

import time
from collections.abc import Mapping
from typing import Final

from actors.public import CANDLES
from actors.rhythm import MarketStaleness, Staleness
from actors.tape import Tape
from domain.messages import StreamMeasured

CANDLE_LATE_S: Final = 5.0  # real seconds a trade may be ahead of the candle that has it


def measure(told: Staleness, tapes: Mapping[str, Tape], on_rest: tuple[str, ...], at: int) -> StreamMeasured:
    """Give how fresh the public stream is at `at`; what is merely quiet is not late."""
    types: dict[str, float] = {}
    for one in told.markets:
        if one.age_s is not None:
            types[one.type] = min(one.age_s, types.get(one.type, one.age_s))
    late = tuple(
        (one.type, one.market, one.age_s)
        for one in told.markets
        if one.age_s is not None and one.is_late and not _is_quiet(one, tapes.get(one.market))
    )
    return StreamMeasured(
        "public",
        told.connected,
        tuple(sorted(types.items())),
        late,
        told.unheard,
        on_rest,
        at,
        silent_s=told.connected_s if told.dataless_s is None else told.dataless_s,
        expected_s=min((one.expected_s for one in told.markets if one.expected_s is not None), default=None),
    )


def _is_quiet(one: MarketStaleness, tape: Tape | None) -> bool:
    """Whether REST was asked since, and had no newer trade either; a candle has nothing to tell without a trade."""
    if tape is None or one.type not in {"trade", CANDLES}:
        return False
    if one.type == CANDLES:
        heard = time.monotonic() - (one.age_s or 0.0)
        return (tape.rhythm.last or 0.0) <= heard + CANDLE_LATE_S
    return not tape.behind and tape.looked > (tape.rhythm.last or 0.0)
