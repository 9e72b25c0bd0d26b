"""Lets the actors of the markets that are watched live, and tells each what it must know of the session."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from actors.runtime import Actor
from domain.config import UniverseSettings
from domain.messages import (
    LedgerCorrected,
    MarketsWatched,
    OrderChanged,
    PositionChanged,
    SessionOpened,
    SettingsChanged,
)
from domain.order_state import FINAL
from domain.orders import Side

DUST = "DUST"  # the state of a position that is too small to be sold


@dataclass(slots=True)
class Reared:
    """Whose actors live, and why; with the newest session and settings, for those that begin.

    `markets` may be entered: those named, in the session's order, or those chosen, by name; `candidates` could be
    chosen. `held` has a position, `pending` an order by its intent, `bought` one that is filled and whose position was
    not told yet, `coins` something from outside.
    """

    watched: list[str] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)
    markets: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    pending: dict[str, str] = field(default_factory=dict)
    bought: list[str] = field(default_factory=list)
    coins: list[str] = field(default_factory=list)
    opened: SessionOpened | None = None
    settings: SettingsChanged | None = None


S = TypeVar("S", bound=Reared)


class Rearing(Actor[S]):
    """Begins and retires market actors, and publishes MarketsWatched on `markets`."""

    rears = "market"

    @property
    def _settings(self) -> UniverseSettings:
        settings = self.state.settings
        return settings.settings.universe if settings else UniverseSettings()

    @property
    def _chooses(self) -> bool:
        return self.state.opened is not None and self.state.opened.chooses

    def _hear(self, message: SessionOpened | SettingsChanged) -> None:
        """Keep the newest of its kind, and tell those who live."""
        if isinstance(message, SessionOpened):
            self.state.opened = message
        else:
            self.state.settings = message
        self._tell_markets(self.state.watched, message)

    def _recover(self, living: Iterable[str]) -> None:
        """The start knows who lives; where a birth or a retirement was lost, the session's opening sets it right."""
        self.state.watched = [name.partition(":")[2] for name in living]

    def _reset(self, held: Iterable[str]) -> None:
        """Begin with what the books hold: what was told of positions and orders before may have an end nobody heard."""
        state = self.state
        state.held, state.pending, state.bought, state.coins = [], {}, [], list(held)

    def _on_position(self, position: PositionChanged) -> None:
        state, market = self.state, position.market
        state.bought = [one for one in state.bought if one != market]
        others = [one for one in state.held if one != market]
        if position.volume and position.state != DUST:
            state.held = [*others, market]
        else:
            state.held = others
            state.coins = [one for one in state.coins if one != market]
        self._follow()

    def _on_order(self, order: OrderChanged) -> None:
        """Until an order is over its market stays, and after a buy until the position is told of."""
        state, over = self.state, order.stage in FINAL
        state.pending.pop(order.intent_id, None)
        if not over:
            state.pending[order.intent_id] = order.market
        elif order.executed_volume and order.side == Side.BUY and order.market not in (*state.held, *state.bought):
            state.bought.append(order.market)
        self._follow()

    def _on_corrected(self, corrected: LedgerCorrected) -> None:
        """Coins that came from outside must be priced, where the exchange has a market for them."""
        market = f"KRW-{corrected.currency}"
        if corrected.amount > 0 and market in self.state.candidates and market not in self.state.coins:
            self.state.coins.append(market)
            self._follow()

    def _wanted(self) -> list[str]:
        """The markets whose actors must live: named or chosen, watched, and wherever something is held or ordered."""
        state, opened = self.state, self.state.opened
        if opened is None:
            return state.watched
        named = () if opened.chooses else opened.markets
        there = (*state.held, *state.pending.values(), *state.bought, *state.coins)
        return list(dict.fromkeys((*named, *state.markets, *opened.watched, *self._settings.watched, *there)))

    def _follow(self, *, again: bool = False) -> None:
        """Begin and retire who is or is not wanted any more."""
        wanted = self._wanted()
        if again or set(wanted) != set(self.state.watched):
            self._watch(wanted)

    def _watch(self, wanted: Iterable[str]) -> None:
        """Let the actors of exactly these markets live: the new ones are told all they need, the others retired."""
        state = self.state
        before, state.watched = state.watched, list(dict.fromkeys(wanted))
        new = [market for market in state.watched if market not in before]
        for market in new:
            self.begin(self._actor(market))
        for known in (state.settings, state.opened):
            if known is not None:
                self._tell_markets(new, known)
        self.publish("markets", MarketsWatched(tuple(state.watched), tuple(state.candidates)))
        for market in before:
            if market not in state.watched:
                self.retire(self._actor(market))

    def _tell_markets(self, markets: Iterable[str], message: SessionOpened | SettingsChanged) -> None:
        for market in markets:
            self.send(self._actor(market), message)

    def _actor(self, market: str) -> str:
        return f"{self.rears}:{market}"
