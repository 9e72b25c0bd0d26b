"""The exchange as a whole: markets and account, moved on together along the shared clock."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol

from actors.sandbox.desk import Desk, Outcome
from actors.sandbox.faults import Mischief
from actors.sandbox.listing import Listing
from actors.sandbox.live import LiveMarket, Print
from actors.sandbox.player import Player
from actors.sandbox.series import Series
from domain.market import Trade
from domain.matching import Refusal
from domain.orders import OrderReport, OrderRequest, Side

SLICE_S: Final = 0.02  # real seconds worked before others get their turn
_LOOK_EVERY: Final = 16  # events between two looks at the real clock


class SharedClock(Protocol):
    """The clock that the sandbox and its client share."""

    @property
    def speed(self) -> float:
        """Simulated seconds in a real second."""

    def now(self) -> int:
        """Microseconds UTC."""


class Watcher(Protocol):
    """Whoever is told what happens, in its order; `flush` ends a stretch that is durable and may be told to clients."""

    listeners: dict[Any, None]

    def turning(self, live: LiveMarket) -> None:
        """The forming candle of this market is over: the next trade opens another."""

    def printed(self, live: LiveMarket, trade: Print) -> None:
        """A public trade."""

    def happened(self, events: Outcome) -> None:
        """Something happened to the account."""

    def accepted(self, report: OrderReport) -> None:
        """An order was taken in."""

    def flush(self, now: int) -> None:
        """All of this may be told."""


@dataclass(slots=True)
class Counts:
    """What was done since the start of the process."""

    prints: int = 0
    requests: int = 0
    orders: int = 0
    frames: int = 0


class World:
    """Owns markets and account. `now` is the time up to which everything has happened."""

    def __init__(self, universe: Mapping[str, Series], desk: Desk, clock: SharedClock, mischief: Mischief) -> None:
        self.desk, self.clock, self.mischief = desk, clock, mischief
        self.now = desk.state.now
        self.markets = {market: LiveMarket(series, self.now) for market, series in universe.items()}
        self.listings = {market: Listing() for market in universe}
        self.player = Player(universe, self.now)
        self.counts = Counts()
        self.watcher: Watcher | None = None

    @property
    def lag_s(self) -> float:
        """Real seconds by which the markets are behind the clock."""
        return max(0.0, (self.clock.now() - self.now) / 1_000_000 / self.clock.speed)

    @property
    def next_at(self) -> int | None:
        """When something will happen by itself next; None when nothing will."""
        times = [at for at in (self.player.next_at(), self.desk.next_due) if at is not None]
        return min(times, default=None)

    def catch_up(self) -> bool:
        """Let happen what is due, for a slice of real time; make it durable, then tell it. True when all is done."""
        target = max(self.now, self.clock.now())
        until = time.monotonic() + SLICE_S
        steps = 0
        while (at := self.next_at) is not None and at <= target:
            if steps % _LOOK_EVERY == _LOOK_EVERY - 1 and at > self.now and time.monotonic() > until:
                break  # nothing at `self.now` is left undone: a restart goes on right after it
            steps += 1
            self.now = max(self.now, at)
            self._step()
        else:
            self.now = target
        self.tell()
        return self.now == target

    def tell(self) -> None:
        """Make everything so far durable, and let it be told."""
        self.desk.commit(self.now)
        if self.watcher is not None:
            self.watcher.flush(self.now)

    def place(self, request: OrderRequest, smp_type: str) -> OrderReport | Refusal:
        """Take an order in now; it is durable when this returns."""
        self._show(request.market)
        delay = int(self.mischief.faults.match_delay_ms * 1000)
        answer = self.desk.place(request, smp_type, self.now, self.now + delay)
        if isinstance(answer, OrderReport):
            self.counts.orders += 1
            if self.watcher is not None:
                self.watcher.accepted(answer)
        self.tell()
        return answer

    def test(self, request: OrderRequest) -> OrderReport | Refusal:
        """What placing this would be answered."""
        self._show(request.market)
        return self.desk.test(request, self.now)

    def cancel(self, order_id: str) -> OrderReport | Refusal:
        """Accept a cancel now; durable when this returns."""
        delay = int(self.mischief.faults.cancel_delay_ms * 1000)
        answer = self.desk.cancel(order_id, self.now, self.now + delay)
        self.tell()
        return answer

    def _show(self, market: str) -> None:
        live = self.markets.get(market)
        if live is not None:
            self.desk.show(market, live.last.sequential_id, live.book.book())

    def _step(self) -> None:
        due, at = self.desk.next_due, self.player.next_at()
        if due is not None and (at is None or due < at):
            self._happened(self.desk.duty())
            return
        market, trade = self.player.take()
        live = self.markets[market]
        if self.watcher is not None:
            if live.forming is not None and trade.at - live.forming.start >= 60_000_000:  # noqa: PLR2004 (one minute)
                self.watcher.turning(live)
            live.take(trade)
            self.watcher.printed(live, trade)
        else:
            live.take(trade)
        self.counts.prints += 1
        if self.desk.has_orders(market):
            self._happened(self.desk.print(market, exact_trade(trade)))
            self._show(market)

    def _happened(self, events: Outcome) -> None:
        if events and self.watcher is not None:
            self.watcher.happened(events)


def exact_trade(trade: Print) -> Trade:
    """The same trade in exact numbers."""
    return Trade(
        at=trade.at,
        price=Decimal(f"{trade.price:.8f}"),
        volume=Decimal(trade.units).scaleb(-8),
        taker=Side.BUY if trade.buys else Side.SELL,
        sequential_id=trade.sequential_id,
    )
