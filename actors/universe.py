"""Says which markets have an actor that lives, and which of them may be entered: chosen, or named by an operator."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TypeAlias, assert_never

from actors.rearing import Reared, Rearing
from actors.runtime import Recovered, Restarted
from domain.decisions import Gate
from domain.listings import Standing
from domain.messages import (
    IncidentRaised,
    LedgerCorrected,
    ListingStates,
    OrderChanged,
    PositionChanged,
    PositionClosed,
    SessionOpened,
    SettingsChanged,
    StepsCompared,
    SurveyTaken,
    UniverseChanged,
    UniverseJudged,
)
from domain.universe import (
    UNKNOWN_STEPS,
    Choice,
    MarketSurvey,
    excluding,
    is_tradable,
    judge,
    members_of,
    unlisted,
)

Accepted: TypeAlias = (
    Recovered
    | Restarted
    | SessionOpened
    | SettingsChanged
    | SurveyTaken
    | StepsCompared
    | ListingStates
    | PositionChanged
    | PositionClosed
    | OrderChanged
    | LedgerCorrected
)


@dataclass(slots=True)
class UniverseState(Reared):
    """What is known of the markets, and what is against some of them just now.

    `steps` says where the exchange moves prices in other steps than the rule book, `compared` where that was looked at
    in this session, `listed` what it says against a market, by its state. `survey` is the newest, of `surveyed_at`; it
    is 0 until one was taken in this session. `codes` is what the last verdict on each market was made of, `told` the
    newest word on which may be entered; a whole list of verdicts is `owed` until all of it is known.
    """

    steps: dict[str, str] = field(default_factory=dict)
    compared: list[str] = field(default_factory=list)
    listed: dict[str, Gate] = field(default_factory=dict)
    survey: dict[str, MarketSurvey] = field(default_factory=dict)
    surveyed_at: int = 0
    codes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    told: UniverseChanged | None = None
    owed: bool = False


class Universe(Rearing[UniverseState]):
    """Owns which markets there are and may be entered.

    Begins and retires the market actors, tells them of settings and the session, and publishes MarketsWatched on
    `markets`. Publishes UniverseJudged on `verdicts`, UniverseChanged on `universe`, and IncidentRaised on `incidents`
    when a market that is watched is barred or free again: a reading bars, and a later one that objects to nothing
    frees. A market that leaves is retired once nothing is held or ordered there. Blocks on nothing; a restart loses
    nothing: a start of the process says which actors live, and the opening of the session brings it to those wanted.
    """

    State = UniverseState

    def handle(self, message: Accepted) -> None:  # noqa: C901 (a table of contents has as many lines as messages)
        """Hand each message to its handler."""
        match message:
            case SessionOpened():
                self._on_opened(message)
            case SettingsChanged():
                self._hear(message)
                self._go_on()
            case SurveyTaken():
                self._on_survey(message)
            case StepsCompared():
                self._on_steps(message)
            case ListingStates():
                self._on_listings(message.states)
            case PositionChanged():
                self._on_position(message)
            case OrderChanged():
                self._on_order(message)
            case LedgerCorrected():
                self._on_corrected(message)
            case PositionClosed():
                pass  # PositionChanged has said so
            case Recovered():
                self._recover(message.living)
                self._tell(again=True)
            case Restarted():
                self._tell(again=True)
            case _:
                assert_never(message)

    # --- what is heard

    def _on_opened(self, opened: SessionOpened) -> None:
        """Begin with what the start compared; of the listings count those of before until they are read again.

        Whoever was chosen before stays chosen, and may be entered once this session has seen that it still is.
        """
        state = self.state
        self._hear(opened)
        state.steps, state.compared, state.surveyed_at = dict(opened.halted), [], 0
        self._reset(opened.held)
        if opened.chooses:
            state.candidates = sorted(opened.markets)
        else:
            state.markets = list(opened.entries or opened.markets)
        state.listed = {market: one for market, one in state.listed.items() if market in opened.markets}
        self._watch(self._wanted())
        for market, reasons in self._reasons(known=True).items():
            self._bar(market, reasons)
        self._tell(again=True)

    def _on_survey(self, taken: SurveyTaken) -> None:
        state, settings, before = self.state, self._settings, self.state.candidates
        state.survey = {row.market: row for row in taken.rows}
        state.surveyed_at = taken.at
        state.candidates = sorted(market for market in state.survey if is_tradable(market, settings))
        self._go_on(taken, again=before != state.candidates)

    def _on_steps(self, compared: StepsCompared) -> None:
        """Take over what was compared; the numbers of a fault follow the price, so it is told once as an incident."""
        before, faults = self.state.steps, dict(compared.faults)
        others = {market: fault for market, fault in before.items() if market not in compared.markets}
        self.state.steps = others | faults
        self.state.compared = sorted({*self.state.compared, *compared.markets})
        for market in compared.markets:
            if market in faults and market not in before:
                self._bar(market, faults[market])
            elif market in before and market not in faults:
                self._free(market, "its price steps are the rule book's again")
        self._go_on()

    def _on_listings(self, states: Iterable[Standing]) -> None:
        now = {one.market: Gate(one.state, one.text) for one in states if not one.may_enter}
        before, self.state.listed = self.state.listed, now
        for market in sorted(before.keys() | now.keys()):
            was, one = before.get(market), now.get(market)
            if one and one != was:
                self._bar(market, one.numbers)
            elif was and not one:
                self._free(market, f"no longer: {was.numbers}")
        self._go_on()

    # --- what follows

    def _go_on(self, taken: SurveyTaken | None = None, *, again: bool = False) -> None:
        """Judge, and let what was judged come into force; `taken` is a survey that has just come."""
        if self.state.opened is None:
            return
        if self.state.surveyed_at:
            self._judge(taken)
        self._follow(again=again)
        self._tell()

    def _judge(self, taken: SurveyTaken | None) -> None:
        """Judge every market by the newest survey; all numbers are told with each survey, other changes at once."""
        state = self.state
        choice = Choice(state.markets, None if self._chooses else state.markets)
        barriers = {market: tuple(self._barriers(market)) for market in state.survey}
        judged = judge(state.survey.values(), self._settings, barriers, choice, state.surveyed_at)
        gone = map(unlisted, state.codes.keys() - state.survey.keys())
        verdicts = tuple(sorted((*judged, *gone), key=attrgetter("market")))
        changed = tuple(one.market for one in verdicts if state.codes.get(one.market) != one.codes)
        state.codes = {one.market: one.codes for one in verdicts if one.market in state.survey}
        if self._chooses:
            state.markets = list(members_of(verdicts, state.markets))
        state.owed = state.owed or (taken is not None and taken.full)
        full = state.owed and (not self._chooses or set(state.candidates) <= set(state.compared))
        state.owed = state.owed and not full
        if taken or changed or full:
            self.publish("verdicts", UniverseJudged(self.now, full, verdicts, changed))

    def _barriers(self, market: str) -> Iterator[Gate]:
        """What protects from a market, whoever has named or chosen it."""
        state = self.state
        if fault := state.steps.get(market):
            yield Gate("STEPS", fault)
        if listed := state.listed.get(market):
            yield listed
        if not self._chooses or not is_tradable(market, self._settings):
            return
        if market not in state.compared:
            yield Gate(UNKNOWN_STEPS, "its listing and its price steps were not looked at in this session yet")
        if not state.surveyed_at:
            yield Gate("UNKNOWN", "it was not surveyed in this session yet")

    def _reasons(self, *, known: bool = False) -> dict[str, str]:
        """Every market watched that may not be entered, with all reasons; `known`: only those that are found faults."""
        found = {}
        for market in sorted(self.state.watched):
            gates = [gate for gate in self._barriers(market) if not (known and gate.code.startswith("UNKNOWN"))]
            if not known:
                gates = [*excluding(market, self._settings), *gates]
            if gates:
                found[market] = "; ".join(gate.numbers for gate in gates)
        return found

    def _tell(self, *, again: bool = False) -> None:
        """Tell it all, once a session was opened: when it is different from before, or `again`."""
        state = self.state
        if state.opened is None:
            return
        now = UniverseChanged(tuple(state.markets), tuple(self._reasons().items()))
        if again or now != state.told:
            state.told = now
            self.publish("universe", now)

    def _bar(self, market: str, reason: str) -> None:
        if market in self.state.watched:
            self.publish("incidents", IncidentRaised(self.now, "market_halt", market, reason))

    def _free(self, market: str, reason: str) -> None:
        """One reason is over; the market is free if it was the last."""
        if market not in self.state.watched:
            return
        if still := self._reasons(known=True).get(market):
            self._bar(market, f"{reason}; still: {still}")
        else:
            self.publish("incidents", IncidentRaised(self.now, "market_free", market, reason))
