"""Whatever happens in whatever order: money is conserved to the last digit, and the same inputs give the same state."""

from dataclasses import dataclass, field
from decimal import Decimal as D
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import matching
from domain.market import Book, Level, Trade
from domain.matching import Exchange, Executed, Habits, Holding, SelfMatch
from domain.orders import OrderReport, OrderRequest, OrderType, Side, TimeInForce
from tests.domain.matching_kit import AT, M, some_terms

KRW, COINS = D(300_000), D("123.45678901")
OTHER = "KRW-ABC"
PRICES = st.integers(990, 1010).map(D)
VOLUMES = st.integers(1, 4_000_000_000).map(lambda units: D(units).scaleb(-8))
SIDES = st.sampled_from(Side)
MARKETS = st.sampled_from([M, M, OTHER])


@st.composite
def requests(draw: st.DrawFn) -> OrderRequest:
    kind, side = draw(st.sampled_from([OrderType.LIMIT, *OrderType])), draw(SIDES)
    price = funds = volume = None
    force = TimeInForce.GTC
    if kind is OrderType.LIMIT:
        price, force = draw(PRICES), draw(st.sampled_from(TimeInForce))
    elif kind is OrderType.BEST:
        force = draw(st.sampled_from([TimeInForce.IOC, TimeInForce.FOK]))
    if kind is OrderType.LIMIT or side is Side.SELL:
        volume = draw(VOLUMES)
    else:
        funds = draw(st.integers(4_900, 60_000).map(D))
    return OrderRequest(draw(st.sampled_from(["", "a", "b"])), draw(MARKETS), side, kind, price, volume, funds, force)


@st.composite
def books(draw: st.DrawFn) -> Book:
    middle = draw(st.integers(993, 1007))
    depth = draw(st.integers(0, 4))
    sizes = draw(st.lists(VOLUMES, min_size=2 * depth, max_size=2 * depth))
    asks = tuple(Level(D(middle + 1 + step), sizes[step]) for step in range(depth))
    bids = tuple(Level(D(middle - step), sizes[depth + step]) for step in range(depth))
    return Book(AT, asks, bids)


STEPS = st.one_of(
    st.tuples(st.just("order"), requests(), st.booleans(), st.sampled_from([None, *SelfMatch])),
    st.tuples(st.just("book"), MARKETS, books()),
    st.tuples(st.just("trade"), MARKETS, st.builds(Trade, st.just(AT), PRICES, VOLUMES, SIDES, st.just(1))),
    st.tuples(st.sampled_from(["match", "cancel"]), st.integers(1, 12), st.none()),
    st.tuples(st.just("terms"), MARKETS, st.sampled_from([D("0.0005"), D("0.0025"), D(0)])),
)
RUNS = st.lists(STEPS, min_size=1, max_size=30)


@dataclass
class Session:
    """One exchange with the numbers its ids come from, and every event it told."""

    exchange: Exchange
    count: int = 0
    events: list[matching.Event] = field(default_factory=list)

    def new_id(self) -> str:
        self.count += 1
        return f"x{self.count}"

    def step(self, step: tuple[Any, ...]) -> tuple[matching.Event, ...]:
        events = self._step(step)
        self.events.extend(events)
        return events

    def _step(self, step: tuple[Any, ...]) -> tuple[matching.Event, ...]:
        match step:
            case ("order", request, at_once, rule):
                order_id = self.new_id()
                placed = matching.place(self.exchange, request, order_id, AT, smp_type=rule)
                if at_once and isinstance(placed, OrderReport):
                    return matching.match_new(self.exchange, order_id, AT, self.new_id)
            case ("book", market, book):
                matching.on_book(self.exchange, market, book)
            case ("trade", market, trade):
                return matching.on_trade(self.exchange, market, trade, self.new_id)
            case ("match", number, _):
                return matching.match_new(self.exchange, f"x{number}", AT, self.new_id)
            case ("cancel", number, _):
                return matching.cancel_now(self.exchange, f"x{number}", AT)
            case ("terms", market, fee):
                self.exchange.terms[market] = some_terms(market, fee=fee)
        return ()


def a_session(*, release_at_fill: bool = False) -> Session:
    coins = {currency: Holding(COINS, average_price=D(1000)) for currency in ("TST", "ABC")}
    terms = {market: some_terms(market) for market in (M, OTHER)}
    habits = Habits(release_at_fill=release_at_fill)
    return Session(matching.exchange_for_one({"KRW": Holding(KRW), **coins}, terms, habits))


def check_money(session: Session) -> None:
    """Each currency holds what it began with and what every fill moved; what is locked is what open orders lock."""
    total = {"KRW": KRW, "TST": COINS, "ABC": COINS}
    for event in session.events:
        if isinstance(event, Executed):
            fill, sign = event.fill, 1 if event.fill.side is Side.BUY else -1
            total["KRW"] -= sign * fill.funds + fill.fee
            total[fill.market.partition("-")[2]] += sign * fill.volume
    locked = dict.fromkeys(total, D(0))
    for order in session.exchange.orders.values():
        locked[order.currency] += order.locked
        assert order.locked >= 0
        assert order.remaining_fee >= 0
    for currency, holding in session.exchange.balances.items():
        assert holding.free + holding.locked == total[currency]
        assert holding.locked == locked[currency]
        assert holding.free >= 0


def check_orders(session: Session) -> None:
    """No order trades more than it asked for, or at a price worse than its own."""
    exchange = session.exchange
    for order in (*exchange.orders.values(), *exchange.closed.values()):
        request = order.request
        assert order.executed == sum(fill.volume for fill in order.fills)
        assert order.paid_fee == sum(fill.fee for fill in order.fills)
        if request.volume is not None:
            assert order.executed + order.left + order.prevented == request.volume
            assert order.left >= 0
        if request.funds is not None:
            withheld = order.prevented_locked / (1 + order.fee_rate)
            assert sum(fill.funds for fill in order.fills) + order.funds_left + withheld == request.funds
            assert order.funds_left >= 0
        for fill in order.fills:
            assert fill.funds == fill.price * fill.volume
            if order.price is not None:
                better = fill.price <= order.price if order.buys else fill.price >= order.price
                assert better
    assert all(order.locked == 0 for order in exchange.closed.values())


@given(RUNS, st.booleans())
@settings(max_examples=300)
def test_money_is_conserved_and_orders_keep_their_word(steps: list[tuple[Any, ...]], release_at_fill: bool) -> None:  # noqa: FBT001 (hypothesis passes it)
    session = a_session(release_at_fill=release_at_fill)
    for step in steps:
        session.step(step)
        check_money(session)
        check_orders(session)


@given(RUNS)
@settings(max_examples=200)
def test_a_trade_and_a_book_give_no_more_than_they_have(steps: list[tuple[Any, ...]]) -> None:
    session = a_session()
    shown: dict[tuple[str, Side, D], D] = {}
    for step in steps:
        events = [event for event in session.step(step) if isinstance(event, Executed)]
        if step[0] == "book":
            shown = {key: size for key, size in shown.items() if key[0] != step[1]}
            for side, levels in ((Side.BUY, step[2].asks), (Side.SELL, step[2].bids)):
                shown |= {(step[1], side, level.price): level.size for level in levels}
        elif step[0] == "trade":
            assert sum(event.fill.volume for event in events) <= step[2].volume
            assert all(event.is_maker and event.fill.side is not step[2].taker for event in events)
        if step[0] == "trade":
            continue
        for event in events:
            fill, sign = event.fill, 1 if event.is_maker else -1
            taker = (Side.SELL if fill.side is Side.BUY else Side.BUY) if event.is_maker else fill.side
            key = (fill.market, taker, fill.price)  # of a trade between two orders here nothing came from the book
            shown[key] = shown.get(key, D(0)) + sign * fill.volume
        assert all(size >= 0 for size in shown.values())


@given(RUNS)
@settings(max_examples=200)
def test_the_same_inputs_give_the_same_bytes_also_through_a_snapshot_at_every_step(
    steps: list[tuple[Any, ...]],
) -> None:
    straight, restored = a_session(), a_session()
    for step in steps:
        straight.step(step)
        restored.step(step)
        encoded = msgspec.msgpack.encode(restored.exchange)
        restored.exchange = msgspec.msgpack.decode(encoded, type=Exchange)
        assert encoded == msgspec.msgpack.encode(straight.exchange)
        assert restored.exchange == straight.exchange
    assert restored.events == straight.events


@given(RUNS)
@settings(max_examples=200)
def test_cancelling_everything_frees_everything(steps: list[tuple[Any, ...]]) -> None:
    session = a_session()
    for step in steps:
        session.step(step)
    for order_id in tuple(session.exchange.orders):
        session.events.extend(matching.cancel_now(session.exchange, order_id, AT))
    check_money(session)
    assert all(holding.locked == 0 for holding in session.exchange.balances.values())
    assert session.exchange.orders == {}
