"""One look at the tickers by stream: what a market's state and the date of its end are, REST does not tell."""

import threading
from collections.abc import Sequence
from typing import Final

from actors.upbit.frames import Frame
from actors.upbit.limits import Limiter
from actors.upbit.streams import Stream
from actors.upbit.tickers import TickerFrame
from domain.errors import ExchangeUnavailable

WAIT_S: Final = 5.0  # real


def tickers_now(
    url: str, markets: Sequence[str], limiter: Limiter | None = None, *, wait_s: float = WAIT_S
) -> dict[str, TickerFrame]:
    """The present tickers of these markets, on a socket that is closed again; blocks `wait_s` real seconds at most.

    Markets of which nothing came in time are missing; raises ExchangeUnavailable when nothing came at all.
    """
    if not markets:
        return {}
    found: dict[str, TickerFrame] = {}
    missing, complete, reasons = set(markets), threading.Event(), ["no connection in time"]

    def on_frame(frame: Frame) -> None:
        if isinstance(frame, TickerFrame):
            found[frame.market] = frame
            missing.discard(frame.market)
            if not missing:
                complete.set()

    def on_state(connected: bool, reason: str) -> None:  # noqa: FBT001 (the stream's own signature)
        reasons.append("connected, no ticker came" if connected else reason)

    wanted = {"type": "ticker", "codes": list(markets), "is_only_snapshot": True}
    stream = Stream(url, (wanted,), on_frame=on_frame, on_state=on_state, limiter=limiter)
    stream.start()
    complete.wait(wait_s)
    why = reasons[-1]
    stream.stop()
    if not found:
        raise ExchangeUnavailable(f"no ticker of {len(markets)} markets came by stream in {wait_s:.0f} s: {why}")
    return dict(found)
