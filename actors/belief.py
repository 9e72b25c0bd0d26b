"""What the data is believed to be: per market, per stream, and the causes for which entries are blocked."""

from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from domain.blocks import Block
from domain.closes import BaseCloses
from domain.config import DataSettings
from domain.market import BASE_FRAME, HOUR
from domain.spans import Spans, joined, without

ASKED_KEPT: Final = 100  # doubts of one market remembered: far more than a day has


@dataclass(slots=True)
class Checks:
    """Candles compared with the exchange in the last hour: (checked, revised) by the base bar they belong to."""

    slots: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, at: int, checked: int, revised: int) -> None:
        """Count candles of the base bar that holds `at`."""
        slot = at - at % BASE_FRAME
        before = self.slots.get(slot, (0, 0))
        self.slots[slot] = before[0] + checked, before[1] + revised

    def hour(self, now: int) -> tuple[int, int]:
        """How many were checked and revised in the hour before `now`; older ones are forgotten."""
        self.slots = {slot: counts for slot, counts in self.slots.items() if slot > now - HOUR}
        return sum(checked for checked, _ in self.slots.values()), sum(revised for _, revised in self.slots.values())


@dataclass(slots=True)
class MarketBelief:
    """One market: until when its minutes were told, its closes, its checks of an hour.

    `doubted` are spans REST was asked for again, by the code of the block, as far as it has not answered; `asked_at`
    when. `asked` are the codes and starts of candles already asked for, once each.
    """

    told_until: int
    closes: BaseCloses = field(default_factory=BaseCloses)
    checks: Checks = field(default_factory=Checks)
    alerted: bool = False
    doubted: dict[str, Spans] = field(default_factory=dict)
    asked_at: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)

    def doubt(self, code: str, since: int, until: int, now: int) -> bool:
        """Put a candle in doubt; False when it was asked for before."""
        if (code, since) in self.asked:
            return False
        self.asked = [*self.asked[1 - ASKED_KEPT :], (code, since)]
        self.asked_at = now
        self.doubted[code] = joined((*self.doubted.get(code, ()), (since, until)))
        return True

    def answered(self, since: int, until: int) -> tuple[str, ...]:
        """Take REST's word on a span; gives the codes of which nothing is in doubt any more."""
        left = {code: without(spans, [(since, until)]) for code, spans in self.doubted.items()}
        self.doubted = {code: spans for code, spans in left.items() if spans}
        return tuple(code for code, spans in left.items() if not spans)


@dataclass(slots=True)
class StreamBelief:
    """One stream: since when it is down (0: it is not), and when its freshness was measured last (0: never yet)."""

    down_since: int = 0
    measured_at: int = 0


@dataclass(slots=True)
class Heartbeat:
    """The heartbeat market of the last hours: which minutes are known whole, and the starts of those that traded."""

    whole: Spans = ()
    minutes: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Cause:
    """A block and when it ends: None while its cause lasts."""

    block: Block
    ends_at: int | None = None


@dataclass(slots=True)
class Causes:
    """All causes by code and market. A cause that comes again before its block has ended goes on."""

    held: dict[str, Cause] = field(default_factory=dict)

    def hold(self, market: str, code: str, text: str, now: int) -> bool:
        """This is the case now; True when it was not before."""
        cause = self.held.get(f"{code} {market}")
        if cause is None:
            self.held[f"{code} {market}"] = Cause(Block(market, code, text, now))
            return True
        returned = cause.ends_at is not None
        if returned:
            cause.ends_at, cause.block = None, replace(cause.block, text=text)
        return returned

    def heal(self, market: str, code: str, ends_at: int, text: str | None = None) -> None:
        """This is not the case any more: the block ends then, unless the cause comes back; `text` replaces its own."""
        cause = self.held.get(f"{code} {market}")
        if cause is not None and cause.ends_at is None:
            cause.ends_at = ends_at
            if text is not None:
                cause.block = replace(cause.block, text=text)

    def settle(self, now: int) -> tuple[Block, ...]:
        """Let go of every block whose time is over; gives those."""
        over = {key for key, cause in self.held.items() if cause.ends_at is not None and cause.ends_at <= now}
        ended = tuple(self.held[key].block for key in sorted(over))
        self.held = {key: cause for key, cause in self.held.items() if key not in over}
        return ended

    def drop(self, markets: set[str]) -> None:
        """Let the blocks of these markets end at once: nobody enters them any more."""
        for cause in self.held.values():
            if cause.block.market in markets:
                cause.ends_at = 0

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, those of all markets first."""
        return tuple(sorted((cause.block for cause in self.held.values()), key=lambda one: (one.market, one.code)))


@dataclass(slots=True)
class QualityState:
    """All that quality remembers.

    `expected` are the markets whose minutes must come; `checks` and `alerted` are those of all markets together.
    `told` is the last set of blocks told, `retell` whether it must be told again in any case. `counts` holds what was
    counted by "market source" and name since `slot`, the last five minutes told of; `chain` numbers the timers that
    count.
    """

    speed: float = 1.0
    settings: DataSettings = field(default_factory=DataSettings)
    expected: list[str] = field(default_factory=list)
    markets: dict[str, MarketBelief] = field(default_factory=dict)
    checks: Checks = field(default_factory=Checks)
    alerted: bool = False
    streams: dict[str, StreamBelief] = field(default_factory=dict)
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    causes: Causes = field(default_factory=Causes)
    told: tuple[Block, ...] = ()
    retell: bool = False
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    slot: int = 0
    chain: int = 0
