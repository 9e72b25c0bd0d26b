"""The edge to the exchange's private side: submits, cancels and looks up orders, and loads the account."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeAlias, assert_never

from actors.runtime import Actor, Context
from actors.upbit.breaker import Circuit, Position, Told
from domain.errors import (
    AuthError,
    AuthReason,
    BadTick,
    ExchangeError,
    ExchangeUnavailable,
    Forbidden,
    RateLimited,
    RequestRefused,
)
from domain.market import MINUTE, Terms
from domain.message import Message
from domain.messages import (
    AccountFailed,
    AccountLoaded,
    AccountWanted,
    CancelAnswered,
    CancelOrder,
    HaltTrading,
    IncidentRaised,
    ListingsWanted,
    LookUpAnswered,
    LookUpOrder,
    MarketsWatched,
    SubmitAnswered,
    SubmitOrder,
    TermsLoaded,
)
from domain.orders import Balance, OrderReport, OrderRequest

log = logging.getLogger(__name__)

WORKERS = 4  # calls of a kind in flight at once; the client's limiter orders those of all kinds by priority
ORDER_QUEUE_S = 5.0  # real; an order that waits longer for a worker is not sent: the gateway may have given it up
TERMS_RETRY_S = 5.0
TOLD_AGAIN = 10 * MINUTE  # how long the same trouble with our key is not told again

Accepted: TypeAlias = SubmitOrder | CancelOrder | LookUpOrder | AccountWanted | MarketsWatched


class OrderClient(Protocol):
    """The calls of the exchange's client that this edge makes; each blocks, with its own time-out."""

    def chance(self, market: str) -> Terms: ...  # noqa: D102
    def accounts(self) -> tuple[Balance, ...]: ...  # noqa: D102
    def open_orders(self) -> tuple[OrderReport, ...]: ...  # noqa: D102
    def place(self, request: OrderRequest) -> OrderReport: ...  # noqa: D102
    def order(self, *, identifier: str) -> OrderReport | None: ...  # noqa: D102
    def cancel(self, identifier: str) -> OrderReport | None: ...  # noqa: D102
    def watch(self, told: Told) -> None: ...  # noqa: D102


class Venue(Actor[None]):
    """Owns the calls in flight.

    Edge: answers SubmitOrder, CancelOrder, LookUpOrder and AccountWanted to whoever sent them; publishes TermsLoaded
    on `terms`, each market's as soon as they can be had. A key that is not accepted halts trading (HaltTrading to risk)
    and is an incident, like one without permission, and like calls that the client holds back. A price refused for its
    step, and calls that go through again, make listings look anew (ListingsWanted). Blocks in its own threads only,
    orders, cancels and questions each in their own: none keeps the others from the limiter. `real` gives seconds. A
    restart of the process loses answers, and the gateway asks.
    """

    edge = True
    State = None

    def __init__(  # noqa: PLR0913 (what a venue is given, by name)
        self,
        context: Context,
        name: str,
        *,
        client: OrderClient,
        now: Callable[[], int],
        markets: tuple[str, ...],
        terms_retry_s: float = TERMS_RETRY_S,
        real: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(context, name)
        self._client = client
        self._now = now
        self._markets = markets
        self._terms_retry_s = terms_retry_s
        self._real = real
        self._orders = ThreadPoolExecutor(WORKERS, thread_name_prefix=f"{name}-orders")
        self._cancels = ThreadPoolExecutor(WORKERS, thread_name_prefix=f"{name}-cancels")
        self._questions = ThreadPoolExecutor(WORKERS, thread_name_prefix=f"{name}-questions")
        self._ending = threading.Event()
        self._more = threading.Event()  # the markets have changed, or it ends
        self._told: dict[str, int] = {}
        self._telling = threading.Lock()
        self._terms = threading.Thread(target=self._load_terms, name=f"{name}-terms", daemon=True)

    def on_begin(self) -> None:
        """Load the terms of every market watched, on a thread of their own: orders must not queue behind."""
        self._client.watch(self._on_circuit)
        self._terms.start()

    def on_end(self) -> None:
        """Let calls in flight finish; their answers still reach the journal."""
        self._ending.set()
        self._more.set()
        for pool in (self._orders, self._cancels, self._questions):
            pool.shutdown(wait=True, cancel_futures=True)
        if self._terms.is_alive():
            self._terms.join()

    def handle(self, message: Accepted) -> None:
        """Give the call to a worker; its answer goes to the sender."""
        asker = self.sender
        match message:
            case SubmitOrder():
                until = self._real() + ORDER_QUEUE_S
                self._work(self._orders, asker, lambda: self._submit(message.request, until))
            case CancelOrder():
                self._work(self._cancels, asker, lambda: self._cancel(message.identifier))
            case LookUpOrder():
                self._work(self._questions, asker, lambda: self._look_up(message.identifier))
            case AccountWanted():
                self._work(self._questions, asker, lambda: self._account(message.request))
            case MarketsWatched():
                self._markets = message.markets
                self._more.set()
            case _:
                assert_never(message)

    def _work(self, pool: ThreadPoolExecutor, asker: str, call: Callable[[], Message]) -> None:
        def run() -> None:
            try:
                self.outlet.send(asker, call())
            except Exception:  # a bug of ours in a worker thread: nobody else would ever see it
                log.exception("venue call failed")
                self.outlet.publish(
                    "incidents", IncidentRaised(self._now(), "venue_call", self.name, "a call failed, see the log")
                )

        pool.submit(run)

    def _load_terms(self) -> None:
        """Go round the markets whose terms are missing until there are none, and again when there are other markets."""
        loaded, told = set[str](), set[str]()
        while not self._ending.is_set():
            self._more.clear()
            failed: dict[str, str] = {}
            for market in self._markets:
                if market in loaded or self._ending.is_set():
                    continue
                if error := self._not_loaded(market):
                    failed[market] = error
                else:
                    loaded.add(market)
            self._tell_failed({market: error for market, error in failed.items() if market not in told})
            told |= failed.keys()
            self._more.wait(self._terms_retry_s if failed else None)

    def _tell_failed(self, failed: Mapping[str, str]) -> None:
        for market, error in sorted(failed.items()):
            text = f"the order terms of {market} could not be loaded: {error}; no buys there until they are"
            self.outlet.publish("incidents", IncidentRaised(self._now(), "terms", market, text))

    def _not_loaded(self, market: str) -> str:
        """Load the terms of one market; gives why not, "" when they are there."""
        try:
            self.outlet.publish("terms", TermsLoaded(self._client.chance(market)))
        except ExchangeError as error:
            log.warning("terms not loaded market=%s error=%s", market, error)
            return self._noted(error)
        except Exception as error:  # a bug of ours in a worker thread: nobody else would ever see it
            log.exception("terms not loaded market=%s", market)
            return f"{type(error).__name__}: {error}"
        return ""

    def _submit(self, request: OrderRequest, until: float) -> SubmitAnswered:
        if self._real() > until:
            return SubmitAnswered(request.identifier, "unsent", f"no worker was free within {ORDER_QUEUE_S:.0f} s")
        try:
            return SubmitAnswered(request.identifier, "accepted", "", self._client.place(request))
        except RequestRefused as error:
            self._noted(error)
            if isinstance(error, BadTick):
                self.outlet.send("listings", ListingsWanted(f"{request.market}: {error}"))
            return SubmitAnswered(request.identifier, "refused", error.name)
        except RateLimited as error:
            return SubmitAnswered(request.identifier, "limited" if error.sent else "unsent", str(error))
        except ExchangeUnavailable as error:
            return SubmitAnswered(request.identifier, "unsent", str(error))
        except ExchangeError as error:
            return SubmitAnswered(request.identifier, "unknown", str(error))

    def _cancel(self, identifier: str) -> CancelAnswered:
        try:
            found = self._client.cancel(identifier)
        except ExchangeError as error:
            return CancelAnswered(identifier, "failed", self._noted(error))
        return CancelAnswered(identifier, "absent" if found is None else "accepted")

    def _look_up(self, identifier: str) -> LookUpAnswered:
        try:
            report = self._client.order(identifier=identifier)
        except ExchangeError as error:
            return LookUpAnswered(identifier, "failed", None, self._noted(error))
        return LookUpAnswered(identifier, "absent" if report is None else "found", report)

    def _account(self, request: int) -> AccountLoaded | AccountFailed:
        """Open orders before and after the balances: an order in between shows in one of the two."""
        try:
            before = self._client.open_orders()
            balances = self._client.accounts()
            after = self._client.open_orders()
        except ExchangeError as error:
            return AccountFailed(request, self._noted(error))
        every = {order.order_id: order for order in (*before, *after)}
        return AccountLoaded(request, balances, tuple(every.values()), self._now())

    # --- what a person must know

    def _noted(self, error: ExchangeError) -> str:
        """Tell of an error that no other try mends; gives the error's text."""
        if isinstance(error, AuthError) and error.reason is not AuthReason.NONCE:
            text = f"the exchange does not accept our key ({error.name}): {error.reason.value}"
            if self._news("key_refused", error.name, text):
                self.outlet.send("risk", HaltTrading(text, self.name))
        elif isinstance(error, Forbidden):
            self._news(
                "key_forbidden", error.name, f"our key may not do this: give it the permission at Upbit ({error})"
            )
        return str(error)

    def _news(self, kind: str, subject: str, text: str) -> bool:
        """Raise an incident, unless the same was raised lately."""
        now = self._now()
        with self._telling:
            if now - self._told.get(subject, now - TOLD_AGAIN) < TOLD_AGAIN:
                return False
            self._told[subject] = now
        self.outlet.publish("incidents", IncidentRaised(now, kind, self.name, text))
        return True

    def _on_circuit(self, circuit: Circuit) -> None:
        """Tell that the client holds calls back, or no more; on the thread of whichever call made it so."""
        if circuit.position is Position.CLOSED:
            kind, text = "exchange_back", f"{circuit.kind} calls go through again"
            self.outlet.send("listings", ListingsWanted(text))  # much may have changed meanwhile
        else:
            kind, text = "exchange_away", f"{circuit.kind} calls are held back, new orders too: {circuit.reason}"
        self.outlet.publish("incidents", IncidentRaised(self._now(), kind, self.name, text))
