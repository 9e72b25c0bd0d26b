"""REST calls to the exchange: signed, limited, with typed answers and errors. A POST is never sent twice from here."""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError

from actors.runtime import Clock
from actors.upbit import wire
from actors.upbit.limits import Limiter, Urgency
from actors.upbit.sign import Keys, Params, bearer, pairs, wire_query
from domain.errors import BadPayload, ConfigError, ExchangeUnavailable, OutcomeUnknown, RateLimited, RequestRefused
from domain.market import MINUTE, Bar, Terms
from domain.orders import Balance, OrderReport, OrderRequest

log = logging.getLogger(__name__)

T = TypeVar("T")
TIMEOUT_S: Final = (5.0, 10.0)  # connect, read; real time
GET_TRIES: Final = 4
BACKOFF_S: Final = 0.3
PAGE_CANDLES: Final = 200
PAGE_OPEN: Final = 100
NOT_FOUND: Final = 404
TOO_MANY: Final = 429
BLOCKED: Final = 418
SERVER_ERROR: Final = 500


class UpbitRest:
    """The client. Thread-safe: each thread keeps its own connection, all share one limiter.

    Raises RequestRefused (a definite no), RateLimited, ExchangeUnavailable (nothing was changed there),
    OutcomeUnknown (an order may exist), BadPayload, and ConfigError when a private call has no keys.
    """

    def __init__(
        self,
        base_url: str,
        keys: Keys | None,
        clock: Clock,
        *,
        pause: Callable[[float], object] | None = None,
        timeout_s: tuple[float, float] = TIMEOUT_S,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._keys = keys
        self._clock = clock
        self._limiter = Limiter(clock)
        self._local = threading.local()
        self._pause = pause or threading.Event().wait
        self._timeout_s = timeout_s

    # --- quotation

    def market_all(self) -> tuple[str, ...]:
        """Codes of all markets."""
        rows = self._get("/v1/market/all", {"is_details": True}, "market", Urgency.MARKET_DATA)
        return tuple(_each(rows, lambda row: str(row["market"])))

    def candles(self, market: str, unit: int, to: int, count: int = PAGE_CANDLES) -> tuple[Bar, ...]:
        """At most 200 real candles of `unit` minutes that start before `to`, newest first."""
        params: Params = {"market": market, "to": wire.iso_utc(to), "count": min(count, PAGE_CANDLES)}
        rows = self._get(f"/v1/candles/minutes/{unit}", params, "candles", Urgency.MARKET_DATA)
        return tuple(_each(rows, wire.bar))

    def candle_range(self, market: str, unit: int, since: int, until: int) -> tuple[Bar, ...]:
        """All real candles with since <= start < until, oldest first: pages back from the end until one is short."""
        found: list[Bar] = []
        to = until
        while to > since:
            wanted = min(PAGE_CANDLES, max(1, -(-(to - since) // (unit * MINUTE))))
            page = self.candles(market, unit, to, wanted)
            found.extend(bar for bar in page if since <= bar.start < to)
            if not page or page[-1].start < since:
                break
            to = min(bar.start for bar in page)
        return tuple(reversed(found))

    # --- account and orders

    def accounts(self) -> tuple[Balance, ...]:
        """Every balance of the key's pocket."""
        return tuple(_each(self._get("/v1/accounts", {}, "default", Urgency.QUERY, signed=True), wire.balance))

    def chance(self, market: str) -> Terms:
        """Fees and limits of one market."""
        row = self._get("/v1/orders/chance", {"market": market}, "default", Urgency.QUERY, signed=True)
        return _one(row, wire.terms)

    def place(self, request: OrderRequest) -> OrderReport:
        """Post an order, once. OutcomeUnknown means it may exist: look it up by its identifier."""
        body = wire.order_body(request)
        self._limiter.acquire("order", Urgency.ORDER)
        return _one(self._call("POST", "/v1/orders", body, "order", signed=True), wire.order_report)

    def order(self, *, identifier: str = "", order_id: str = "") -> OrderReport | None:
        """One order with all its fills, by its uuid if given, else by our identifier; None when there is none."""
        params: Params = {"uuid": order_id} if order_id else {"identifier": identifier}
        try:
            row = self._get("/v1/order", params, "default", Urgency.QUERY, signed=True)
        except RequestRefused as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return _one(row, wire.order_report)

    def cancel(self, identifier: str) -> OrderReport | None:
        """Ask for a cancel; the order answered is usually still alive. None when it is finished or unknown."""
        self._limiter.acquire("default", Urgency.ORDER)
        try:
            row = self._call("DELETE", "/v1/order", {"identifier": identifier}, "default", signed=True)
        except RequestRefused as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return _one(row, wire.order_report)

    def open_orders(self) -> tuple[OrderReport, ...]:
        """Every order that may still trade, each once although pages may shift meanwhile."""
        found: dict[str, OrderReport] = {}
        page = 1
        while True:
            params: Params = {"states": ["wait", "watch"], "page": page, "limit": PAGE_OPEN}
            rows = self._get("/v1/orders/open", params, "default", Urgency.QUERY, signed=True)
            reports = tuple(_each(rows, wire.order_report))
            found |= {report.order_id: report for report in reports}
            if len(reports) < PAGE_OPEN:
                return tuple(found.values())
            page += 1

    def closed_orders(
        self, market: str = "", *, start: int | None = None, end: int | None = None
    ) -> tuple[OrderReport, ...]:
        """Orders created in a window of seven days at the most (microseconds UTC) that have ended, newest first."""
        params: Params = {
            "market": market or None,
            "states": ["done", "cancel"],
            "start_time": None if start is None else start // 1000,
            "end_time": None if end is None else end // 1000,
            "limit": 1000,
        }
        return tuple(
            _each(self._get("/v1/orders/closed", params, "default", Urgency.QUERY, signed=True), wire.order_report)
        )

    def orders_by(self, identifiers: tuple[str, ...]) -> tuple[OrderReport, ...]:
        """Up to 100 orders by our identifiers, without their fills; unknown ones are missing."""
        params: Params = {"identifiers": identifiers}
        return tuple(
            _each(self._get("/v1/orders/uuids", params, "default", Urgency.QUERY, signed=True), wire.order_report)
        )

    # --- one call

    def _get(self, path: str, params: Params, group: str, urgency: Urgency, *, signed: bool = False) -> Any:
        """A GET, tried again with growing pauses while the exchange is not reachable or too busy."""
        for attempt in range(1, GET_TRIES + 1):
            self._limiter.acquire(group, urgency)
            try:
                return self._call("GET", path, params, group, signed=signed)
            except (ExchangeUnavailable, RateLimited) as error:
                if attempt == GET_TRIES or (isinstance(error, RateLimited) and error.blocked):
                    raise
                log.info("call tried again path=%s attempt=%d reason=%s", path, attempt, error)
                self._pause(BACKOFF_S * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311 (jitter, not a secret)
        raise AssertionError("the loop returns or raises")

    def _call(self, method: str, path: str, params: Params, group: str, *, signed: bool) -> Any:
        where = f"{method} {path}"
        try:
            answer = self._session().request(
                method,
                self._base + path + (f"?{wire_query(params)}" if method != "POST" and pairs(params) else ""),
                data=_body(params) if method == "POST" else None,
                headers=self._headers(method, params, signed=signed),
                timeout=self._timeout_s,
            )
        except requests.RequestException as error:
            raise self._lost(method, where, error) from error
        self._limiter.remaining(answer.headers.get("Remaining-Req"))
        if answer.ok:
            return self._read(method, where, answer.content)
        raise self._refusal(method, where, group, answer)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers = requests.structures.CaseInsensitiveDict({"Accept": "application/json"})
            session.trust_env = False
            session.mount(self._base, HTTPAdapter(pool_maxsize=2, max_retries=0))
            self._local.session = session
        return session

    def _headers(self, method: str, params: Params, *, signed: bool) -> dict[str, str]:
        headers = {"Accept-Encoding": "gzip"}
        if method == "POST":
            headers["Content-Type"] = "application/json; charset=utf-8"
        if signed:
            if self._keys is None:
                raise ConfigError("this call needs API keys, and none were given")
            headers["Authorization"] = bearer(self._keys, params)
        return headers

    def _lost(self, method: str, where: str, error: requests.RequestException) -> Exception:
        """No answer came: nothing was sent, or nobody knows."""
        cause = error.args[0] if error.args else None
        reason = cause.reason if isinstance(cause, MaxRetryError) else cause
        unsent = isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
        text = f"{where}: {type(error).__name__}"
        if unsent:
            return ExchangeUnavailable(f"{text}, not sent")
        return OutcomeUnknown(f"{text}, no answer") if method == "POST" else ExchangeUnavailable(f"{text}, no answer")

    def _read(self, method: str, where: str, content: bytes) -> Any:
        try:
            return wire.load(content)
        except BadPayload as error:
            if method == "POST":
                raise OutcomeUnknown(f"{where}: {error}") from error
            raise

    def _refusal(self, method: str, where: str, group: str, answer: requests.Response) -> Exception:
        name, message = wire.error_of(answer.content)
        status = answer.status_code
        if status in {TOO_MANY, BLOCKED}:
            told = wire.SECONDS.search(message) or wire.SECONDS.search(answer.headers.get("Retry-After", "") + "s")
            blocked = status == BLOCKED
            wait = self._limiter.refused(group, blocked=blocked, seconds=float(told[1]) if told else None)
            return RateLimited(f"{where}: HTTP {status} {name}", wait, blocked=blocked)
        if status >= SERVER_ERROR or not name:
            text = f"{where}: HTTP {status} {name}"
            return OutcomeUnknown(text) if method == "POST" else ExchangeUnavailable(text)
        return RequestRefused(status, name, message)


def _body(params: Params) -> bytes:
    """The JSON body in the order that was hashed."""
    return wire.dump(dict(pairs(params)))


def _each(rows: Any, read: Callable[[Any], T]) -> Iterator[T]:
    if not isinstance(rows, list):
        raise BadPayload(f"expected a list, found {type(rows).__name__}")
    for row in rows:
        yield _one(row, read)


def _one(row: Any, read: Callable[[Any], T]) -> T:
    try:
        return read(row)
    except (KeyError, TypeError, ValueError) as error:
        raise BadPayload(f"an answer of the exchange lacks {error}: {row!r:.200}") from error
