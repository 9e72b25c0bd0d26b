"""How fresh a stream is: by its bytes, by its data, and by each type and market asked for."""

from actors.rhythm import Key, MarketStaleness, Rhythm, Staleness
from actors.upbit.frames import BarFrame, BookFrame, Frame, TickerFrame, TradeFrame
from actors.upbit.subscriptions import Request


def key_of(frame: Frame) -> Key | None:
    """Type and market of public data; None for anything else."""
    match frame:
        case TradeFrame():
            return ("trade", frame.market)
        case BookFrame():
            return ("orderbook", frame.market)
        case TickerFrame():
            return ("ticker", frame.market)
        case BarFrame():
            return (f"candle.{frame.unit}", frame.market)
        case _:
            return None


class Clocks:
    """Notes what comes. Written by the stream's thread alone; `measure` may be called by any: sets are replaced whole.

    `heard` is the last byte of any kind, `fed` the last data, `drifts` how often the set had to be sent again.
    """

    def __init__(self, snapshot_s: float, stray_s: float) -> None:
        self.heard: float | None = None
        self.fed: float | None = None
        self.drifts = 0
        self._snapshot_s = snapshot_s
        self._stray_s = stray_s
        self._rhythms: dict[Key, Rhythm] = {}
        self._awaited: frozenset[Key] = frozenset()
        self._strays: frozenset[Key] = frozenset()
        self._asked_at = self._opened_at = 0.0

    def opened(self, now: float) -> None:
        """A connection is new: nothing has come on it but the handshake."""
        self.heard, self.fed, self._opened_at = now, None, now
        self._rhythms, self._awaited, self._strays, self._asked_at = {}, frozenset(), frozenset(), now

    def closed(self) -> None:
        """The connection is gone."""
        self.heard = self.fed = None

    def asked(self, request: Request, now: float) -> None:
        """A request went out: from now on its types and markets are what should come."""
        old = self._rhythms
        self._rhythms = {key: old.get(key) or Rhythm() for key in request.keys}
        self._awaited = frozenset(key for key in request.snapshots if self._rhythms[key].last is None)
        self._strays, self._asked_at = frozenset(), now

    def note(self, frame: Frame, now: float) -> None:
        """A frame came."""
        if (key := key_of(frame)) is None:
            return
        if (rhythm := self._rhythms.get(key)) is not None:
            rhythm.note(now)
        elif now - self._asked_at > self._stray_s:
            self._strays = self._strays | {key}

    def unheard(self, now: float) -> tuple[Key, ...]:
        """What never got its snapshot, once the time for it is over; sorted."""
        if now - self._asked_at < self._snapshot_s:
            return ()
        return tuple(sorted(key for key in self._awaited if (one := self._rhythms.get(key)) and one.last is None))

    @property
    def strays(self) -> tuple[Key, ...]:
        """What came although the last request did not ask for it; sorted."""
        return tuple(sorted(self._strays))

    def measure(self, now: float) -> Staleness:
        """All of it at one moment."""
        heard, fed, rhythms = self.heard, self.fed, sorted(self._rhythms.items())
        return Staleness(
            connected_s=None if heard is None else now - self._opened_at,
            silent_s=None if heard is None else now - heard,
            dataless_s=None if fed is None else now - fed,
            markets=tuple(MarketStaleness(*key, one.silent_s(now), one.expected_s) for key, one in rhythms),
            unheard=self.unheard(now) if heard is not None else (),
            strays=self.strays,
            drifts=self.drifts,
        )
