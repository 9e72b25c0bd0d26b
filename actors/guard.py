"""Watches every open position on traded prices, whatever the strategies do, and says when to sell."""

from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from actors.runtime import Actor, Recovered, Restarted
from domain.config import Settings
from domain.exits import Guarded, on_minute, on_price, watch
from domain.market import US_PER_S
from domain.messages import (
    ExitTriggered,
    GuardAlive,
    GuardPosition,
    LevelsMoved,
    MinuteClosed,
    PriceSeen,
    SessionOpened,
    SettingsChanged,
    WatchMarket,
)

REPEAT_S = 2.0  # real seconds until a trigger that still holds is told again: its first telling may have been lost

Accepted: TypeAlias = Recovered | Restarted | SessionOpened | SettingsChanged | GuardPosition | PriceSeen | MinuteClosed


@dataclass(slots=True)
class GuardState:
    """Positions under watch; `told` is when a market's trigger was last told, `seen` when it last showed a price."""

    speed: float = 1.0
    settings: Settings = field(default_factory=Settings)
    watched: dict[str, Guarded] = field(default_factory=dict)
    told: dict[str, tuple[str, int]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)


class Guard(Actor[GuardState]):
    """Owns the levels of every open position between its fills.

    Sends ExitTriggered and LevelsMoved to portfolio, WatchMarket to the markets it needs prices of; publishes
    GuardAlive on `guard`. It works on in every trading state. A restart loses nothing.
    """

    State = GuardState
    mailbox_limit = 50_000

    def handle(self, message: Accepted) -> None:
        """Hand each message to its handler."""
        match message:
            case PriceSeen():
                self._on_price(message)
            case MinuteClosed():
                self._on_minute(message)
            case GuardPosition():
                self._on_position(message)
            case SettingsChanged():
                self.state.settings = message.settings
            case SessionOpened():
                self.state.speed = message.speed
            case Recovered() | Restarted():
                self._on_back()
            case _:
                assert_never(message)

    def _on_back(self) -> None:
        """Mail may have died with the process: ask for prices again, and tell again where a stop has trailed to."""
        for market, guarded in self.state.watched.items():
            self.send(f"market:{market}", WatchMarket(True))
            if guarded.tp1_done:
                self.send("portfolio", LevelsMoved(market, guarded.stop, guarded.high))

    def _on_position(self, told: GuardPosition) -> None:
        state, market = self.state, told.market
        before = state.watched.pop(market, None)
        now = watch(before, told)
        if now is not None:
            state.watched[market] = now
        if before is None or (now is not None and now.opened_at != before.opened_at):
            state.told.pop(market, None)
        if (before is None) != (now is None):
            self.send(f"market:{market}", WatchMarket(now is not None))
        self._alive()

    def _on_price(self, seen: PriceSeen) -> None:
        guarded = self.state.watched.get(seen.market)
        if guarded is None:
            return
        self.state.seen[seen.market] = seen.at
        signal = on_price(guarded, seen.low, seen.high)
        if signal is None:
            return
        reason, at = self.state.told.get(seen.market, ("", 0))
        if reason == signal.reason and self.now - at < int(REPEAT_S * US_PER_S * self.state.speed):
            return
        self.state.told[seen.market] = (signal.reason, self.now)
        self.send("portfolio", ExitTriggered(seen.market, signal.reason, signal.price, seen.at))

    def _on_minute(self, closed: MinuteClosed) -> None:
        state = self.state
        guarded = state.watched.get(closed.market)
        if guarded is None:
            return
        raised = on_minute(guarded, closed.bar, closed.atr, state.settings, closed.end)
        state.watched[closed.market] = raised
        state.seen[closed.market] = closed.end
        if raised.stop > guarded.stop:
            self.send("portfolio", LevelsMoved(closed.market, raised.stop, raised.high))
        self._alive()

    def _alive(self) -> None:
        seen = tuple((market, self.state.seen.get(market, 0)) for market in sorted(self.state.watched))
        self.publish("guard", GuardAlive(self.now, seen))
