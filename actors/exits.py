"""Why a portfolio sells: closed bars, the guard, a person, and what the exchange says of a market."""

from actors.desk import Desk, ExitRetryDue
from domain.decisions import Evaluation
from domain.exits import close_exit
from domain.market import DAY
from domain.messages import ExitTriggered


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
            self._exit(held, trigger.reason, trigger.price)

    def _liquidate(self) -> None:
        """Sell all, and whatever an entry on its way still brings, until trading is no longer halted."""
        self.state.liquidating = True
        for market in sorted(self.state.held):
            held = self.state.held[market]
            self._exit(held, "FORCED", self.state.marks.get(market, held.entry))

    def _leave(self) -> None:
        """Sell what is held in markets that end soon."""
        days = self.state.settings.exits.delisting_days
        for market, end in self.state.leaving.items():
            held = self.state.held.get(market)
            if held is not None and self.now >= end - days * DAY:
                self._exit(held, "DELISTING", self.state.marks.get(market, held.entry))

    def _on_retry(self, due: ExitRetryDue) -> None:
        held = self.state.held.get(due.market)
        if held is not None and held.wanted == due.reason:  # else the timer is of a wish that was met since
            self._exit(held, due.reason, self.state.marks.get(due.market, held.entry))
