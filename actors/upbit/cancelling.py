"""The private side of REST that cancels many orders, up to all there are."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from actors.upbit import order_wire
from actors.upbit.ordering import Ordering, taken
from actors.upbit.sign import Params
from domain.errors import BadPayload, ExchangeError, ExchangeUnavailable, OutcomeUnknown, RateLimited, RequestRefused
from domain.orders import OrderReport, Side
from domain.policy import CancelBatch, OrderName

log = logging.getLogger(__name__)

PAGE_CANCELS: Final = 20
MOST_CANCELS: Final = 300
MOST_MARKETS: Final = 20
KILL_PASSES: Final = 60
KILL_PAUSE_S: Final = 2.0  # real; the exchange cancels all once in two seconds, and needs a moment to do it
MARKET_OFFLINE: Final = "market_offline"
NOT_ALLOWED: Final = frozenset({401, 403})
PASSING: Final = (BadPayload, ExchangeUnavailable, OutcomeUnknown, RateLimited)


class Cancelling(Ordering):
    """Calls that cancel more than one order. A cancel that is accepted is not done yet: the order may still fill."""

    def cancel_orders(self, identifiers: Sequence[str] = (), *, order_ids: Sequence[str] = ()) -> CancelBatch:
        """Ask for the cancel of orders by our identifiers or by their uuids (one kind), twenty in one call.

        OutcomeUnknown means that any of them may be cancelled; asking again does no harm.
        """
        name, wanted = ("uuids", order_ids) if order_ids else ("identifiers", identifiers)
        accepted: list[OrderName] = []
        failed: list[OrderName] = []
        for at in range(0, len(wanted), PAGE_CANCELS):
            params: Params = {name: tuple(wanted[at : at + PAGE_CANCELS])}
            batch = self._cancel_many("/v1/orders/uuids", params, "default")
            accepted += batch.accepted
            failed += batch.failed
        return CancelBatch(tuple(accepted), tuple(failed))

    def cancel_open(  # noqa: PLR0913 (the exchange's filters, by name)
        self,
        *,
        markets: Sequence[str] = (),
        currencies: Sequence[str] = (),
        excluded: Sequence[str] = (),
        side: Side | None = None,
        count: int = MOST_CANCELS,
        oldest_first: bool = False,
    ) -> CancelBatch:
        """Ask for the cancel of up to 300 waiting orders, newest first, those that are not ours included.

        Only in these markets or quote currencies (one kind, all when none is named), never in `excluded` ones. The
        exchange takes one such call in two seconds. Raises ValueError for filters it would not take.
        """
        if markets and currencies:
            raise ValueError("orders are cancelled by market or by quote currency, not by both")
        if max(len(markets), len(excluded)) > MOST_MARKETS:
            raise ValueError(f"orders are cancelled in {MOST_MARKETS} markets at once at the most")
        params: Params = {
            "pairs": ",".join(markets) or None,
            "quote_currencies": ",".join(currencies) or None,
            "excluded_pairs": ",".join(excluded) or None,
            "cancel_side": "all" if side is None else order_wire.SIDE_NAMES[side],
            "count": min(count, MOST_CANCELS),
            "order_by": "asc" if oldest_first else "desc",
        }
        return self._cancel_many("/v1/orders/open", params, "order-cancel-all")

    def cancel_everything(self, passes: int = KILL_PASSES) -> tuple[OrderReport, ...]:
        """Cancel every open order of the pocket, those of people and other programs included, until none is open.

        Gives the orders still open after so many passes, two seconds apart: () is the good end. A busy exchange or an
        answer that is lost costs a pass; raises what kept the last pass from seeing which orders are open, and
        RequestRefused at once when the key may not do it.
        """
        left: tuple[OrderReport, ...] = ()
        blind: ExchangeError | None = None
        for number in range(passes):
            if number:
                self._pause(max(KILL_PAUSE_S, blind.retry_after_s if isinstance(blind, RateLimited) else 0.0))
            _passing(self.cancel_open)
            if left:
                _passing(partial(self.cancel_orders, order_ids=[report.order_id for report in left]))
            try:
                left, blind = self.open_orders(), None
            except PASSING as error:
                blind = error
            if blind is None and not left:
                return ()
        if blind is not None:
            raise blind
        return left

    def _cancel_many(self, path: str, params: Params, group: str) -> CancelBatch:
        return taken(self._http.send("DELETE", path, params, group), order_wire.cancel_batch)


def _passing(call: Callable[[], Any]) -> None:
    """Make a call whose failure the next pass makes good, unless the key may not make it at all."""
    try:
        call()
    except (*PASSING, RequestRefused) as error:
        if isinstance(error, RequestRefused) and error.status in NOT_ALLOWED and error.name != MARKET_OFFLINE:
            raise
        log.warning("cancel of all orders goes on after error=%s", error)
