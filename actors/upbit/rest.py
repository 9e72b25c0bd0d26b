"""REST calls to the exchange, with answers in values of ours. A POST is never sent twice from here."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from actors.runtime import Clock
from actors.upbit import frames, quotes, wire
from actors.upbit.limits import Limiter, Urgency
from actors.upbit.quotes import Instrument, Listing, Ticker
from actors.upbit.sign import Keys, Params
from actors.upbit.transport import GET_TRIES, NOT_FOUND, TIMEOUT_S, Transport
from domain.errors import BadPayload, OutcomeUnknown, RequestRefused
from domain.market import DAY, MINUTE, US_PER_S, Bar, Book, Terms
from domain.orders import Balance, OrderReport, OrderRequest

__all__ = ["GET_TRIES", "UpbitRest"]

T = TypeVar("T")
PAGE_CANDLES: Final = 200
PAGE_OPEN: Final = 100
PAGE_CLOSED: Final = 1_000
PAGE_IDS: Final = 100
CLOSED_WINDOW: Final = 7 * DAY - US_PER_S  # a second less than it takes: times are rounded outwards to ms
ORDER_NOT_FOUND: Final = "order_not_found"
US_PER_MS: Final = 1_000
DAY_MINUTES: Final = DAY // MINUTE


class UpbitRest:
    """The client. Thread-safe; its errors are those of `actors.upbit.transport.Transport`, and BadPayload.

    `smp_type` is the self-match rule sent with every order, None leaves it to the exchange's default; `pause` and
    `timeout_s` (connect, read; real seconds) are parameters for tests.
    """

    def __init__(  # noqa: PLR0913 (what a client needs, by name)
        self,
        base_url: str,
        keys: Keys | None,
        clock: Clock,
        *,
        limiter: Limiter | None = None,
        smp_type: str | None = None,
        pause: Callable[[float], object] | None = None,
        timeout_s: tuple[float, float] = TIMEOUT_S,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._smp_type = smp_type
        self._http = Transport(base_url, keys, limiter or Limiter(clock), pause=pause, timeout_s=timeout_s)

    def close(self) -> None:
        """Close every connection and send away whoever waits for a turn."""
        self._http.close()

    # --- quotation

    def market_all(self) -> tuple[str, ...]:
        """Codes of all markets."""
        return tuple(listing.market for listing in self.listings())

    def listings(self) -> tuple[Listing, ...]:
        """All markets with their names and warning flags."""
        rows = self._http.get("/v1/market/all", {"is_details": True}, "market", Urgency.MARKET_DATA)
        return tuple(_each(rows, quotes.listing))

    def candles(self, market: str, unit: int, to: int | None = None, count: int = PAGE_CANDLES) -> tuple[Bar, ...]:
        """At most 200 real candles of `unit` minutes (1440: UTC days) that start before `to`, newest first.

        Without `to` the newest there are, the one in progress included.
        """
        path = "/v1/candles/days" if unit == DAY_MINUTES else f"/v1/candles/minutes/{unit}"
        until = None if to is None else wire.iso_utc(to)
        params: Params = {"market": market, "to": until, "count": min(count, PAGE_CANDLES)}
        return tuple(_each(self._http.get(path, params, "candles", Urgency.MARKET_DATA), wire.bar))

    def candle_pages(self, market: str, unit: int, since: int, until: int) -> Iterator[tuple[Bar, ...]]:
        """Real candles with since <= start < until, page by page back from the end, each page newest first."""
        to = until
        while to > since:
            wanted = min(PAGE_CANDLES, max(1, -(-(to - since) // (unit * MINUTE))))
            page = self.candles(market, unit, to, wanted)
            if any(bar.start >= to for bar in page):
                raise BadPayload(f"asked for candles of {market} before {wire.iso_utc(to)}, got one at or after it")
            yield tuple(bar for bar in page if bar.start >= since)
            if not page:
                return
            to = min(bar.start for bar in page)

    def candle_range(self, market: str, unit: int, since: int, until: int) -> tuple[Bar, ...]:
        """All real candles with since <= start < until, oldest first."""
        found = [bar for page in self.candle_pages(market, unit, since, until) for bar in page]
        return tuple(reversed(found))

    def ticker(self, markets: Sequence[str]) -> tuple[Ticker, ...]:
        """Tickers of these markets; one unknown market fails the whole call."""
        rows = self._http.get("/v1/ticker", {"markets": ",".join(markets)}, "ticker", Urgency.MARKET_DATA)
        return tuple(_each(rows, quotes.ticker))

    def ticker_all(self, quote: str = "KRW") -> tuple[Ticker, ...]:
        """Tickers of all markets of a quote currency in one call."""
        rows = self._http.get("/v1/ticker/all", {"quote_currencies": quote}, "ticker", Urgency.MARKET_DATA)
        return tuple(_each(rows, quotes.ticker))

    def orderbook(self, markets: Sequence[str], count: int = 30) -> dict[str, Book]:
        """The books of these markets by market, `count` levels at the most."""
        params: Params = {"markets": ",".join(markets), "count": count}
        rows = self._http.get("/v1/orderbook", params, "orderbook", Urgency.MARKET_DATA)
        return dict(_each(rows, lambda row: (str(row["market"]), frames.book(row))))

    def instruments(self, markets: Sequence[str]) -> tuple[Instrument, ...]:
        """Ticks of these markets at their present prices."""
        params: Params = {"markets": ",".join(markets)}
        rows = self._http.get("/v1/orderbook/instruments", params, "orderbook", Urgency.MARKET_DATA)
        return tuple(_each(rows, quotes.instrument))

    # --- account

    def accounts(self) -> tuple[Balance, ...]:
        """Every balance of the key's pocket."""
        return tuple(_each(self._ask("/v1/accounts", {}), wire.balance))

    def chance(self, market: str) -> Terms:
        """Fees and limits of one market."""
        return _one(self._ask("/v1/orders/chance", {"market": market}), wire.terms)

    def key_expires_at(self) -> int | None:
        """When our key ends (microseconds UTC); None when the exchange does not list it."""
        rows = tuple(_each(self._ask("/v1/api_keys", {}), lambda row: (row["access_key"], row["expire_at"])))
        ours = self._keys.access if self._keys else ""
        return next((wire.moment(end) for access, end in rows if access == ours), None)

    # --- orders

    def place(self, request: OrderRequest) -> OrderReport:
        """Post an order, once. OutcomeUnknown means it may exist: look it up by its identifier."""
        row = self._http.send("POST", "/v1/orders", wire.order_body(request, self._smp_type), "order")
        try:
            return _one(row, wire.order_report)
        except BadPayload as error:
            raise OutcomeUnknown(f"the order was taken, but its answer cannot be read: {error}") from error

    def rehearse(self, request: OrderRequest) -> None:
        """Have an order checked without placing it; raises what placing it would. Use a throw-away identifier."""
        self._http.send("POST", "/v1/orders/test", wire.order_body(request, self._smp_type), "order-test")

    def order(self, *, identifier: str = "", order_id: str = "") -> OrderReport | None:
        """One order with all its fills, by its uuid if given, else by our identifier; None when there is none."""
        return self._found(lambda: self._ask("/v1/order", _which(identifier, order_id)))

    def cancel(self, identifier: str = "", *, order_id: str = "") -> OrderReport | None:
        """Ask for a cancel; the order answered is usually still alive. None when it is finished or unknown."""
        params = _which(identifier, order_id)
        return self._found(lambda: self._http.send("DELETE", "/v1/order", params, "default"))

    def open_orders(self, market: str = "") -> tuple[OrderReport, ...]:
        """Every order that can still execute, without its fills, each counted once.

        Pages shift while they are read: an order that ends moves a later one onto a page read before. So more than
        one page is read until a pass finds nothing new; an order that ended meanwhile may still be among them.
        """
        found: dict[str, OrderReport] = {}
        while True:
            known = len(found)
            pages = self._open_pass(market, found)
            if pages == 1 or len(found) == known:
                return tuple(found.values())

    def _open_pass(self, market: str, found: dict[str, OrderReport]) -> int:
        """Read all pages once into `found`; gives how many there were."""
        page, seen = 1, set[str]()
        while True:
            params: Params = {
                "market": market or None,
                "states": ["wait", "watch"],
                "page": page,
                "limit": PAGE_OPEN,
            }
            reports = tuple(_each(self._ask("/v1/orders/open", params), wire.order_report))
            ids = {report.order_id for report in reports}
            found |= {report.order_id: report for report in reports}
            if len(reports) < PAGE_OPEN or ids <= seen:  # the same page again: it would go on for ever
                return page
            seen |= ids
            page += 1

    def closed_orders(
        self, market: str = "", *, start: int | None = None, end: int | None = None
    ) -> tuple[OrderReport, ...]:
        """Ended orders created in a window (microseconds UTC; the last seven days), newest first, without fills.

        A window of any length: the exchange takes seven days and a thousand orders at once, so it is cut up.
        """
        last = self._clock.now() if end is None else end
        first = last - CLOSED_WINDOW if start is None else start
        windows = [(at, min(at + CLOSED_WINDOW, last)) for at in range(first, last, CLOSED_WINDOW)]
        found: dict[str, OrderReport] = {}
        while windows:
            since, until = windows.pop()
            reports = self._closed(market, since, until)
            if len(reports) >= PAGE_CLOSED and until - since > US_PER_S:
                middle = (since + until) // 2
                windows += [(since, middle), (middle, until)]
            else:
                found |= {report.order_id: report for report in reports}
        return tuple(sorted(found.values(), key=lambda report: report.created_at, reverse=True))

    def orders_by(self, identifiers: Sequence[str] = (), *, order_ids: Sequence[str] = ()) -> tuple[OrderReport, ...]:
        """Orders by our identifiers or by their uuids (one kind), without fills; unknown ones are missing."""
        name, wanted = ("uuids", order_ids) if order_ids else ("identifiers", identifiers)
        found: list[OrderReport] = []
        for at in range(0, len(wanted), PAGE_IDS):
            rows = self._ask("/v1/orders/uuids", {name: list(wanted[at : at + PAGE_IDS])})
            found.extend(_each(rows, wire.order_report))
        return tuple(found)

    def _closed(self, market: str, since: int, until: int) -> tuple[OrderReport, ...]:
        params: Params = {
            "market": market or None,
            "states": ["done", "cancel"],
            "start_time": since // US_PER_MS,
            "end_time": -(-until // US_PER_MS),
            "limit": PAGE_CLOSED,
        }
        return tuple(_each(self._ask("/v1/orders/closed", params), wire.order_report))

    def _ask(self, path: str, params: Params) -> Any:
        """A signed question."""
        return self._http.get(path, params, "default", Urgency.QUERY, signed=True)

    def _found(self, call: Callable[[], Any]) -> OrderReport | None:
        try:
            row = call()
        except RequestRefused as error:
            if error.status == NOT_FOUND and error.name == ORDER_NOT_FOUND:  # another 404 tells nothing of an order
                return None
            raise
        return _one(row, wire.order_report)


def _which(identifier: str, order_id: str) -> Params:
    if not identifier and not order_id:
        raise ValueError("an order is named by its identifier or its order id, and neither was given")
    return {"uuid": order_id} if order_id else {"identifier": identifier}


def _each(rows: Any, read: Callable[[Any], T]) -> Iterator[T]:
    if not isinstance(rows, list):
        raise BadPayload(f"expected a list, found {type(rows).__name__}")
    for row in rows:
        yield _one(row, read)


def _one(row: Any, read: Callable[[Any], T]) -> T:
    try:
        return read(row)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadPayload(f"an answer of the exchange lacks or garbles {error}: {row!r:.200}") from error
