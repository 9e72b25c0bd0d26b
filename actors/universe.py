"""Says which markets have an actor that lives, and which of them may be entered."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from actors.runtime import Actor, Recovered, Restarted
from domain.listings import objections
from domain.messages import (
    IncidentRaised,
    ListingStates,
    MarketsWatched,
    SessionOpened,
    SettingsChanged,
    StepsCompared,
    UniverseChanged,
)

Accepted: TypeAlias = Recovered | Restarted | SessionOpened | SettingsChanged | StepsCompared | ListingStates


@dataclass(slots=True)
class UniverseState:
    """The markets that may be entered, in the session's order, and what is against some of them just now.

    `steps` says where the exchange moves prices in other steps than the rule book, `listed` what it says of a market.
    `watched` are the markets whose actors live; `opened` and `settings` are the newest of each, for those that begin.
    """

    markets: list[str] = field(default_factory=list)
    steps: dict[str, str] = field(default_factory=dict)
    listed: dict[str, str] = field(default_factory=dict)
    watched: list[str] = field(default_factory=list)
    opened: SessionOpened | None = None
    settings: SettingsChanged | None = None


class Universe(Actor[UniverseState]):
    """Owns which markets there are and may be entered.

    Begins and retires the market actors, tells them of settings and the session, and publishes MarketsWatched on
    `markets`. Publishes UniverseChanged on `universe`, and IncidentRaised on `incidents` when a market is barred or
    free again: a reading bars, and a later one that objects to nothing frees. Blocks on nothing; a restart loses
    nothing: a start of the process says which actors live, and the opening of the session brings it to those wanted.
    """

    State = UniverseState
    rears = "market"

    def handle(self, message: Accepted) -> None:
        """Hand each message to its handler."""
        match message:
            case SessionOpened():
                self._on_opened(message)
            case SettingsChanged():
                self._on_settings(message)
            case StepsCompared():
                self._on_steps(message)
            case ListingStates():
                self._on_listings(objections(message.states))
            case Recovered():
                self._on_recovered(message.living)
            case Restarted():
                self._tell()
            case _:
                assert_never(message)

    def _on_opened(self, opened: SessionOpened) -> None:
        """Begin with what the start compared; of the listings count those of before until they are read again."""
        state = self.state
        state.opened = opened
        self._tell_markets(state.watched, opened)
        self._watch((*opened.markets, *opened.watched))
        state.markets = list(opened.entries or opened.markets)
        state.steps = dict(opened.halted)
        state.listed = {market: text for market, text in state.listed.items() if market in state.watched}
        for market, reason in self._reasons():
            self._bar(market, reason)
        self._tell()

    def _on_settings(self, changed: SettingsChanged) -> None:
        self.state.settings = changed
        self._tell_markets(self.state.watched, changed)

    def _on_recovered(self, living: Iterable[str]) -> None:
        """The start knows who lives; where a birth or a retirement was lost, the session's opening sets it right."""
        self.state.watched = [name.partition(":")[2] for name in living]
        self._tell()

    # --- whose actors live

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
        self.publish("markets", MarketsWatched(tuple(state.watched)))
        for market in before:
            if market not in state.watched:
                self.retire(self._actor(market))

    def _tell_markets(self, markets: Iterable[str], message: SessionOpened | SettingsChanged) -> None:
        for market in markets:
            self.send(self._actor(market), message)

    def _actor(self, market: str) -> str:
        return f"{self.rears}:{market}"

    # --- what may be entered

    def _on_steps(self, compared: StepsCompared) -> None:
        """Take over what was compared; the numbers of a fault follow the price, so it is told once as an incident."""
        before, faults = self.state.steps, dict(compared.faults)
        others = {market: fault for market, fault in before.items() if market not in compared.markets}
        self.state.steps = others | faults
        for market in compared.markets:
            if market in faults and market not in before:
                self._bar(market, faults[market])
            elif market in before and market not in faults:
                self._free(market, "its price steps are the rule book's again")
        if self.state.steps != before:
            self._tell()

    def _on_listings(self, now: dict[str, str]) -> None:
        before, self.state.listed = self.state.listed, now
        for market in sorted(before.keys() | now.keys()):
            was, text = before.get(market, ""), now.get(market, "")
            if text and text != was:
                self._bar(market, text)
            elif was and not text:
                self._free(market, f"no longer: {was}")
        if now != before:
            self._tell()

    # --- what follows

    def _reasons(self) -> list[tuple[str, str]]:
        """Every market that may not be entered, with all reasons in words."""
        state = self.state
        found: dict[str, list[str]] = {market: [fault] for market, fault in state.steps.items()}
        for market, text in state.listed.items():
            found.setdefault(market, []).append(text)
        return [(market, "; ".join(reasons)) for market, reasons in sorted(found.items())]

    def _tell(self) -> None:
        """Tell it all, once a session was opened."""
        state = self.state
        if state.markets:
            self.publish("universe", UniverseChanged(tuple(state.markets), tuple(self._reasons())))

    def _bar(self, market: str, reason: str) -> None:
        self.publish("incidents", IncidentRaised(self.now, "market_halt", market, reason))

    def _free(self, market: str, reason: str) -> None:
        """One reason is over; the market is free if it was the last."""
        if still := dict(self._reasons()).get(market):
            self._bar(market, f"{reason}; still: {still}")
        else:
            self.publish("incidents", IncidentRaised(self.now, "market_free", market, reason))
