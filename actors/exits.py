"""Why a portfolio sells: closed bars, the guard, a person, and what the exchange says of a market."""

from msgspec.structs import replace

from actors.desk import Desk, ExitRetryDue
from actors.held import Held
from domain.decisions import Evaluation
from domain.exits import close_exit
from domain.listings import HALTED, Standing
from domain.messages import ExitTriggered, IncidentRaised, ListingStates
from domain.orders import Side


class Exits(Desk):
    """The part of the portfolio that has the reasons to sell; `actors.portfolio` keeps the books and decides."""

    def _close_exits(self, at: int, evaluations: tuple[Evaluation, ...]) -> None:
        by_market = {each.market: each for each in evaluations}
        for market in sorted(self.state.held):
            held, seen = self.state.held[market], by_market.get(market)
            if seen is None or held.dust:
                continue
            reason = close_exit(
                entry=held.entry,
                tp1_done=held.tp1_done,
                bars_held=held.bars_held(at),
                evaluation=seen,
                settings=self.state.settings.exits,
            )
            if reason:
                self._exit(held, reason, seen.close)

    def _on_triggered(self, trigger: ExitTriggered) -> None:
        held = self.state.held.get(trigger.market)
        self.state.marks[trigger.market] = trigger.price
        if held is not None:
            self._exit(held, trigger.reason, trigger.price, traded=True)

    def _liquidate(self) -> None:
        """Sell all, and whatever an entry on its way still brings, until trading is no longer halted."""
        self.state.liquidating = True
        for market in sorted(self.state.held):
            held = self.state.held[market]
            self._exit(held, "FORCED", self.state.marks.get(market, held.entry))

    def _on_retry(self, due: ExitRetryDue) -> None:
        held = self.state.held.get(due.market)
        if held is None or held.wanted != due.reason:  # the timer is of a wish that was met since
            return
        if self._is_shut(held):
            self._await_opening(held, due.reason, timed=True)
        else:
            self._exit(held, due.reason, self.state.marks.get(due.market, held.entry))

    # --- what the exchange says of a market

    def _on_listings(self, told: ListingStates) -> None:
        """Do what follows for what is held: tighten its stop, sell it, or wait until it can be sold."""
        before, self.state.standings = self.state.standings, {one.market: one for one in told.states}
        for market in sorted(self.state.held):
            held = self.state.held[market]
            if not held.dust:
                self._move_on(held, before.get(market), self.state.standings.get(market))
        self._leave()

    def _move_on(self, held: Held, before: Standing | None, now: Standing | None) -> None:
        shut, is_shut = _halted(before), _halted(now)
        if is_shut and now is not None:
            self._alert(held, before, now)
        if shut and (not is_shut or (before and before.gone and now and not now.gone)):
            self._reopen(held)
        if now is not None and now.tighten is not None and now.tighten < held.tighten:
            self._tighten(held)

    def _alert(self, held: Held, before: Standing | None, now: Standing) -> None:
        """Tell a person once of coins that cannot be sold."""
        text, kind = f"{held.volume} are held there and nothing can be", ""
        if now.gone and not (before and before.gone):
            kind, text = "delisted_held", f"{text} traded any more: a person must take them out ({now.text})"
        elif not now.gone and not _halted(before):
            kind, text = "halted_held", f"{text} sold: {now.text}; a sale is tried again until the market takes it"
        if kind:
            self.publish("incidents", IncidentRaised(self.now, kind, held.market, text))

    def _reopen(self, held: Held) -> None:
        """What had to wait for the market may go."""
        held.retry_at = held.tries = 0
        if held.wanted and not self._under_way(held.market, Side.SELL):
            self._follow(held, held.wanted, 0)

    def _tighten(self, held: Held) -> None:
        """Bring the stop nearer, at once and for good; a target is left where it is."""
        tight = self._levels(held, self.now)
        if held.levels is not None:
            held.levels = replace(held.levels, stop=max(held.levels.stop, tight.stop))
        self._guard(held)
        self._show(held, "TIGHTENED")

    def _leave(self) -> None:
        """Sell what is held in markets that must be left by now."""
        for market, one in self.state.standings.items():
            held = self.state.held.get(market)
            if held is not None and one.leave_at is not None and self.now >= one.leave_at and not one.gone:
                self._exit(held, "DELISTING", self.state.marks.get(market, held.entry))


def _halted(one: Standing | None) -> bool:
    return one is not None and one.state == HALTED
