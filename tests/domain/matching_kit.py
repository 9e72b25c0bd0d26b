"""Builders for the tests of the exchange core: one market, one account, ids that count up."""

from decimal import Decimal as D
from itertools import count

from domain import matching
from domain.market import Book, Level, Terms, Trade
from domain.matching import Event, Exchange, Executed, Finished, Holding, Refusal, Working
from domain.money import parse
from domain.orders import Fill, OrderReport, OrderRequest, OrderType, Side, TimeInForce

AT = 1_790_000_000_000_000  # September 2026: the current tick table
M = "KRW-TST"
FEE = D("0.0005")
ASKS, BIDS = "1000x50 1001x40 1002x100", "999x30 998x60"


class Ids:
    """Trade ids that count up."""

    def __init__(self) -> None:
        self.numbers = count(1)

    def __call__(self) -> str:
        return f"t{next(self.numbers)}"


def side_of(text: str) -> tuple[Level, ...]:
    """One side of a book from `price x size` pairs, best first: "1000x50 1001x40"."""
    pairs = (pair.split("x") for pair in text.split())
    return tuple(Level(parse(price), parse(size)) for price, size in pairs)


def a_book(asks: str = "", bids: str = "") -> Book:
    return Book(AT, side_of(asks), side_of(bids))


def some_terms(market: str = M, state: str = "active", fee: D = FEE) -> Terms:
    return Terms(market, fee, fee, D(5_000), D(5_000), D(1_000_000_000), state)


def an_exchange(asks: str = "", bids: str = "", krw: str = "10000000", coins: str = "0", market: str = M) -> Exchange:
    coin = market.partition("-")[2]
    held = {"KRW": Holding(D(krw)), coin: Holding(D(coins), average_price=D(1_000) if D(coins) else D(0))}
    exchange = matching.exchange_for_one(held, {market: some_terms(market)})
    matching.on_book(exchange, market, a_book(asks, bids))
    return exchange


def a_limit(  # noqa: PLR0913 (each is what some test is about)
    side: Side = Side.BUY,
    price: str = "1000",
    volume: str = "10",
    *,
    force: TimeInForce = TimeInForce.GTC,
    identifier: str = "",
    market: str = M,
) -> OrderRequest:
    return OrderRequest(identifier, market, side, OrderType.LIMIT, D(price), D(volume), None, force)


def a_market_buy(funds: str, market: str = M, identifier: str = "") -> OrderRequest:
    return OrderRequest(identifier, market, Side.BUY, OrderType.MARKET, funds=D(funds))


def a_market_sale(volume: str, market: str = M, identifier: str = "") -> OrderRequest:
    return OrderRequest(identifier, market, Side.SELL, OrderType.MARKET, volume=D(volume))


def a_best(side: Side, force: TimeInForce, amount: str) -> OrderRequest:
    volume, funds = (None, D(amount)) if side is Side.BUY else (D(amount), None)
    return OrderRequest("", M, side, OrderType.BEST, None, volume, funds, force)


def accepted(exchange: Exchange, request: OrderRequest, order_id: str = "o1") -> OrderReport:
    """The order as placed; fails the test when it is refused."""
    placed = matching.place(exchange, request, order_id, AT)
    assert isinstance(placed, OrderReport), placed
    return placed


def refused(exchange: Exchange, request: OrderRequest, order_id: str = "o1") -> Refusal:
    placed = matching.place(exchange, request, order_id, AT)
    assert isinstance(placed, Refusal), placed
    return placed


def run(exchange: Exchange, request: OrderRequest, order_id: str = "o1") -> tuple[Event, ...]:
    """Place an order and match it at once."""
    accepted(exchange, request, order_id)
    return matching.match_new(exchange, order_id, AT, Ids())


def order(exchange: Exchange, order_id: str = "o1") -> Working:
    found = matching.working(exchange, order_id)
    assert found is not None
    return found


def a_trade(price: str, volume: str, taker: Side = Side.SELL) -> Trade:
    return Trade(AT, D(price), D(volume), taker, 1)


def fills_of(events: tuple[Event, ...]) -> list[Fill]:
    return [event.fill for event in events if isinstance(event, Executed)]


def states_of(events: tuple[Event, ...]) -> list[str]:
    """What ended, in the exchange's words."""
    return [event.report.state.value for event in events if isinstance(event, Finished)]


def traded(events: tuple[Event, ...]) -> list[tuple[D, D]]:
    """Price and volume of every fill."""
    return [(fill.price, fill.volume) for fill in fills_of(events)]
