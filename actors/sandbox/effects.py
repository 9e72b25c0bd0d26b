"""What lasting faults do to the exchange while they hold, and what others do once."""

from dataclasses import replace
from datetime import date
from typing import Final

from actors.sandbox.listing import Announcement, Listing
from actors.sandbox.noise import uuid_of
from actors.sandbox.rules import Rule
from actors.sandbox.world import World
from domain.errors import ConfigError
from domain.market import US_PER_S
from domain.orders import Side

SIDES: Final = {"bid": Side.BUY, "ask": Side.SELL}


class Effects:
    """Owns what is not as usual at the exchange: skew of its Date header, maintenance, markets that reopen later."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._opening: dict[str, int] = {}
        self.skew_us = 0
        self.maintenance = False

    @property
    def next_at(self) -> int | None:
        """When the next market reopens, microseconds UTC."""
        return min(self._opening.values(), default=None)

    def check(self, rule: Rule) -> None:
        """Raise ConfigError when this exchange cannot do it."""
        markets = self._world.markets
        if rule.market and rule.market not in markets:
            raise ConfigError(f"market {rule.market!r} is none here; there are: {', '.join(markets)}")

    def begin(self, rule: Rule, now: int) -> None:
        """Let a fault hold from here on, or do what it does once."""
        match rule.fault:
            case "clock_skew":
                self.skew_us = int((rule.seconds or 0) * US_PER_S)
            case "maintenance":
                self._close(rule)
            case "announcement":
                self._tell(rule, now)
            case "cancel_orders":
                self._cancel(rule)
            case name if f"{name}_ms" in _LAGS:
                self._lag(f"{name}_ms", rule.ms or 0.0)
            case _:
                for listing in self._listings(rule):
                    _mark(listing, rule, begins=True)

    def end(self, rule: Rule, now: int) -> None:
        """Let everything be as usual again."""
        match rule.fault:
            case "clock_skew":
                self.skew_us = 0
            case "maintenance":
                self._reopen(rule, now)
            case name if f"{name}_ms" in _LAGS:
                self._lag(f"{name}_ms", 0.0)
            case _:
                for listing in self._listings(rule):
                    _mark(listing, rule, begins=False)

    def tick(self, now: int) -> None:
        """Open the markets whose turn it is."""
        for market in [market for market, at in self._opening.items() if at <= now]:
            del self._opening[market]
            self._world.listings[market].offline = False

    def _listings(self, rule: Rule) -> list[Listing]:
        listings = self._world.listings
        return [listings[rule.market]] if rule.market else list(listings.values())

    def _lag(self, name: str, milliseconds: float) -> None:
        mischief = self._world.mischief
        mischief.faults = replace(mischief.faults, **{name: milliseconds})
        self._world.desk.keep_past_us = int(mischief.faults.accounts_lag_ms * 1000)

    def _close(self, rule: Rule) -> None:
        """No orders in these markets; of the whole exchange nothing but market_offline is to be heard."""
        self.maintenance = not rule.market
        for listing in self._listings(rule):
            listing.offline = True

    def _reopen(self, rule: Rule, now: int) -> None:
        """One market after the other; first go the bids above and the asks below the last price (2026-07-06)."""
        self.maintenance = False
        markets = [rule.market] if rule.market else list(self._world.markets)
        for order_id in self._resting(markets, beyond_last=True):
            self._world.cancel(order_id)
        step = rule.reopen_s * US_PER_S / len(markets)
        self._opening |= {market: now + int(step * number) for number, market in enumerate(markets)}
        self.tick(now)

    def _cancel(self, rule: Rule) -> None:
        markets = [rule.market] if rule.market else list(self._world.markets)
        for order_id in self._resting(markets, side=SIDES.get(rule.side)):
            self._world.cancel(order_id)

    def _resting(self, markets: list[str], *, side: Side | None = None, beyond_last: bool = False) -> list[str]:
        """Ids of open orders in these markets: of one side, or those on the wrong side of the last price."""
        found = []
        for order_id, order in self._world.desk.exchange.orders.items():
            wish = order.request
            if wish.market not in markets or side not in {None, wish.side}:
                continue
            if beyond_last:
                last = self._world.markets[wish.market].last.price
                price = float(wish.price or 0)
                if not (price > last if wish.side is Side.BUY else price < last):
                    continue
            found.append(order_id)
        return found

    def _tell(self, rule: Rule, now: int) -> None:
        uuid = uuid_of(f"announcement:{now}:{rule.title}")
        url = f"https://upbit.com/service_center/notice?id={uuid}"
        self._world.announce(Announcement("CREATED", uuid, rule.title, rule.category, url, now, now, rule.body))


_LAGS: Final = frozenset({"order_lag_ms", "accounts_lag_ms", "match_delay_ms", "cancel_delay_ms"})


def _mark(listing: Listing, rule: Rule, *, begins: bool) -> None:
    """Change how a market is listed, or change it back."""
    match rule.fault:
        case "tick_change":
            listing.tick_factor = rule.factor if begins else 1
        case "warning":
            listing.warning = begins
        case "caution":
            listing.cautions = listing.cautions | {rule.flag} if begins else listing.cautions - {rule.flag}
        case "delisting":
            listing.delisting = date.fromisoformat(rule.date) if begins else None
        case "delisted":
            listing.state = "DELISTED" if begins else "ACTIVE"
        case _:
            raise AssertionError(f"{rule.fault} does not last")
