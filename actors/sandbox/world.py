"""The exchange as a whole: markets and accounts, moved on together along the shared clock."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec

from actors.sandbox.choices import Choices
from actors.sandbox.desk import Desk
from actors.sandbox.display import Displayed
from actors.sandbox.faults import Mischief
from actors.sandbox.inputs import Flow, Outcome, Placed, ReplaceAsked
from actors.sandbox.listing import Announcement
from actors.sandbox.live import LiveMarket
from actors.sandbox.player import Player
from actors.sandbox.prints import Print
from actors.sandbox.series import Series
from domain.market import Trade
from domain.matching import Gate, Refusal, SelfMatch, Working, opened, would_take
from domain.orders import OrderReport, OrderRequest, Side, TimeInForce

CHOICES: Final = "choices"
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

    def turning(self, live: LiveMarket, at: int) -> None:
        """The next trade of this market comes at this time."""

    def printed(self, live: LiveMarket, trade: Print) -> None:
        """A public trade."""

    def quoted(self, live: LiveMarket) -> None:
        """A recorded book."""

    def announced(self, one: Announcement) -> None:
        """A notice of the exchange."""

    def happened(self, events: Outcome) -> None:
        """Something happened to the accounts."""

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
    """Owns markets and accounts. `now` is the time up to which everything has happened.

    `halted` is true while a request is worked on that is to find its market closed.
    """

    def __init__(self, universe: Mapping[str, Series], desk: Desk, clock: SharedClock, mischief: Mischief) -> None:
        self.desk, self.clock, self.mischief = desk, clock, mischief
        self.now = desk.state.now
        self.markets = {market: LiveMarket(series, self.now) for market, series in universe.items()}
        self.listings = {market: live.listing for market, live in self.markets.items()}
        self.announcements: list[Announcement] = []
        self.player = Player(universe, self.now)
        self.counts = Counts()
        self.choices = Choices()
        self.watcher: Watcher | None = None
        self.halted = False

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

    def choose(self, choices: Choices) -> None:
        """Behave like this from here on, also after a restart."""
        self.choices = choices
        self.desk.rule(choices.habits, choices.fee_elsewhere)
        self.desk.store.keep(CHOICES, msgspec.json.encode(asdict(choices)))
        self.tell()

    def wish(self, account: str, request: OrderRequest, smp_type: SelfMatch | None) -> Placed:
        """An order as this account would place it now, in a market that is as it is listed now."""
        self._show(request.market)
        delay = int(self.mischief.faults.match_delay_ms * 1000)
        return Placed(account, request, smp_type, self._gate(request.market), self.now, self.now + delay)

    def freeing(self, wish: Placed, old: Working) -> Placed:
        """The same order, as it could be placed once this one is cancelled."""
        gate = msgspec.structs.replace(wish.gate, freed=old.locked)
        return msgspec.structs.replace(wish, gate=gate)

    def place(self, account: str, request: OrderRequest, smp_type: SelfMatch | None) -> OrderReport | Refusal:
        """Take an order in now; it is durable when this returns."""
        wish = self.wish(account, request, smp_type)
        answer = self._barred(wish) or self.desk.place(wish)
        if isinstance(answer, OrderReport):
            self.counts.orders += 1
            self._happened(opened(self.desk.exchange, answer.order_id))
        self.tell()
        return answer

    def test(self, wish: Placed) -> Working | Refusal:
        """What placing this would be answered."""
        made = self._barred(wish, burns=False) or self.desk.draft(wish)
        if self.choices.test_burns == "yes":
            self.burn(wish.account, wish.request.identifier)
        return made

    def burn(self, account: str, identifier: str) -> None:
        """Use an identifier up for good."""
        self.desk.burn(account, identifier)
        self.tell()

    def cancel(self, order_id: str) -> OrderReport | Refusal:
        """Accept a cancel now; durable when this returns."""
        answer = self.desk.cancel(order_id, self.now, self._cancel_due())
        self.tell()
        return answer

    def replace(self, wish: Placed, replaced: str, *, remain_only: bool) -> str:
        """Accept a cancel now that is followed by this order; durable when this returns the new order's id."""
        gate = msgspec.structs.replace(wish.gate, claimed=True, freed=Decimal(0))
        due = self._cancel_due()
        asked = ReplaceAsked(wish.account, wish.request, wish.smp_type, gate, replaced, remain_only, due)
        order_id = self.desk.replace(asked)
        self.tell()
        return order_id

    def flow(self, flow: Flow) -> Flow:
        """Let money come, go or move now; durable when this returns it with its id. Raises NotEnough."""
        self._happened(self.desk.flow(flow))
        self.tell()
        return self.desk.state.flows[-1]

    def _barred(self, wish: Placed, *, burns: bool = True) -> Refusal | None:
        """The refusal of an order that would be taken in if it were not for what was chosen."""
        refusal = self._consentless(wish) or self._crossing(wish)
        if refusal is not None and burns:
            self.desk.burn(wish.account, wish.request.identifier)
        return refusal

    def _consentless(self, wish: Placed) -> Refusal | None:
        abroad = wish.request.market in self.desk.exchange.terms and not wish.request.market.startswith("KRW-")
        if not abroad or self.choices.consent == "given":
            return None
        return Refusal("thirdparty_agreement_required", "제3자 정보제공 동의가 필요합니다.")

    def _crossing(self, wish: Placed) -> Refusal | None:
        """That of a post-only order that would take."""
        if self.choices.post_only_crossing == "cancel" or wish.request.time_in_force is not TimeInForce.POST_ONLY:
            return None
        made = self.desk.draft(wish)
        if isinstance(made, Refusal) or not would_take(self.desk.exchange, made):
            return None
        return Refusal("invalid_post_only", "즉시 체결되는 post_only 주문입니다.")

    def _gate(self, market: str) -> Gate:
        listing = self.listings.get(market)
        first = self.choices.checks == "funds_first"
        if listing is None:
            return Gate(halted=self.halted, funds_first=first)
        return Gate(
            listed=listing.state != "DELISTED",
            halted=self.halted or listing.offline or listing.state != "ACTIVE",
            tick_factor=listing.tick_factor,
            funds_first=first,
        )

    def _cancel_due(self) -> int:
        return self.now + int(self.mischief.faults.cancel_delay_ms * 1000)

    def announce(self, one: Announcement) -> None:
        """Tell members something; it is kept."""
        self.announcements.append(one)
        if self.watcher is not None:
            self.watcher.announced(one)
        self.tell()

    def _show(self, market: str) -> None:
        live = self.markets.get(market)
        if live is not None:
            self.desk.show(market, live.book_event, live.book.book())

    def _step(self) -> None:
        due, at = self.desk.next_due, self.player.next_at()
        if due is not None and (at is None or due < at):
            self._happened(self.desk.duty())
            return
        market, happening = self.player.take()
        live = self.markets[market]
        if isinstance(happening, Displayed):
            self._quoted(live, happening)
        else:
            self._printed(live, happening)

    def _printed(self, live: LiveMarket, trade: Print) -> None:
        if self.watcher is not None:
            self.watcher.turning(live, trade.at)
        live.take(trade)
        if self.watcher is not None:
            self.watcher.printed(live, trade)
        self.counts.prints += 1
        if self.desk.has_orders(live.market) and not live.listing.offline:
            self._happened(self.desk.print(live.market, exact_trade(trade._replace(at=self.now))))
            self._show(live.market)

    def _quoted(self, live: LiveMarket, book: Displayed) -> None:
        live.show(book)
        if self.watcher is not None:
            self.watcher.quoted(live)
        if self.desk.has_orders(live.market) and not live.listing.offline:
            self._show(live.market)

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
