"""Whatever three accounts do to each other: what they hold changes only by fills, fees and flows from outside."""

import contextlib
from decimal import Decimal as D

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain import matching
from domain.market import Trade
from domain.matching import MAIN, Account, Event, Executed, Gate, Habits, Holding, NotEnough, SelfMatch
from domain.orders import OrderReport, OrderRequest, OrderType, Side, TimeInForce
from tests.domain.matching_kit import AT, Ids, M, a_book, an_exchange

ACCOUNTS = st.sampled_from([MAIN, "second", "stranger"])
CURRENCIES = st.sampled_from(["KRW", "TST"])
AMOUNTS = st.integers(1, 5_000_000_000).map(lambda units: D(units).scaleb(-5))
PRICES = st.integers(997, 1003).map(D)
VOLUMES = st.integers(600_000_000, 4_000_000_000).map(lambda units: D(units).scaleb(-8))
SIDES = st.sampled_from(Side)
RULES = st.sampled_from([None, *SelfMatch])


class Market(RuleBasedStateMachine):
    """`owed` is what all accounts together must hold of each currency."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = an_exchange("1002x20 1003x10", "998x20 997x10", krw="100000", coins="100")
        self.exchange.accounts["second"] = Account({"KRW": Holding(D(100_000))})
        self.exchange.accounts["stranger"] = Account({"TST": Holding(D(100))}, member="stranger")
        self.owed = {"KRW": D(200_000), "TST": D(200)}
        self.ids = Ids()
        self.open = ""

    def count(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Executed):
                fill, sign = event.fill, 1 if event.fill.side is Side.BUY else -1
                self.owed["KRW"] -= sign * fill.funds + fill.fee
                self.owed["TST"] += sign * fill.volume

    def enter(self, request: OrderRequest, account: str, smp_type: SelfMatch | None, gate: Gate) -> None:
        order_id = self.ids()
        placed = matching.place(self.exchange, request, order_id, AT, account=account, smp_type=smp_type, gate=gate)
        if isinstance(placed, OrderReport):
            self.open = order_id
            self.count(matching.match_new(self.exchange, order_id, AT, self.ids))

    @rule(account=ACCOUNTS, side=SIDES, price=PRICES, volume=VOLUMES, force=st.sampled_from(TimeInForce), smp=RULES)
    def limit(  # noqa: PLR0913, PLR0917 (what an order is made of)
        self, account: str, side: Side, price: D, volume: D, force: TimeInForce, smp: SelfMatch | None
    ) -> None:
        self.enter(OrderRequest("", M, side, OrderType.LIMIT, price, volume, None, force), account, smp, Gate())

    @rule(account=ACCOUNTS, side=SIDES, amount=VOLUMES, smp=RULES)
    def at_market(self, account: str, side: Side, amount: D, smp: SelfMatch | None) -> None:
        volume, funds = (None, amount * 1000) if side is Side.BUY else (amount, None)
        self.enter(OrderRequest("", M, side, OrderType.MARKET, None, volume, funds), account, smp, Gate())

    @rule()
    def cancel(self) -> None:
        self.count(matching.cancel_now(self.exchange, self.open, AT))

    @rule(price=PRICES, smp=RULES)
    def cancel_and_new(self, price: D, smp: SelfMatch | None) -> None:
        old = self.exchange.orders.get(self.open)
        if old is None:
            return
        left = old.left
        self.count(matching.cancel_now(self.exchange, self.open, AT))
        wish = OrderRequest("", M, old.request.side, OrderType.LIMIT, price, left)
        self.enter(wish, old.account, smp, Gate(claimed=True))

    @rule(account=ACCOUNTS, currency=CURRENCIES, amount=AMOUNTS)
    def deposit(self, account: str, currency: str, amount: D) -> None:
        matching.credit(self.exchange, account, currency, amount)
        self.owed[currency] += amount

    @rule(account=ACCOUNTS, currency=CURRENCIES, amount=AMOUNTS)
    def withdraw(self, account: str, currency: str, amount: D) -> None:
        with contextlib.suppress(NotEnough):
            matching.debit(self.exchange, account, currency, amount)
            self.owed[currency] -= amount

    @rule(sender=ACCOUNTS, receiver=ACCOUNTS, currency=CURRENCIES, amount=AMOUNTS)
    def transfer(self, sender: str, receiver: str, currency: str, amount: D) -> None:
        with contextlib.suppress(NotEnough):
            matching.transfer(self.exchange, sender, receiver, currency, amount)

    @rule(middle=st.integers(999, 1001), size=VOLUMES)
    def book(self, middle: int, size: D) -> None:
        matching.on_book(self.exchange, M, a_book(f"{middle + 1}x{size}", f"{middle - 1}x{size}"))

    @rule(price=PRICES, volume=VOLUMES, taker=SIDES)
    def public_trade(self, price: D, volume: D, taker: Side) -> None:
        self.count(matching.on_trade(self.exchange, M, Trade(AT, price, volume, taker, 1), self.ids))

    @rule(habits=st.builds(Habits, st.booleans(), st.booleans(), st.booleans()))
    def habit(self, habits: Habits) -> None:
        self.exchange.habits = habits

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        for currency, owed in self.owed.items():
            held = [account.balances.get(currency, Holding()) for account in self.exchange.accounts.values()]
            assert sum(each.free + each.locked for each in held) == owed

    @invariant()
    def what_is_locked_is_what_orders_lock(self) -> None:
        for name, account in self.exchange.accounts.items():
            mine = [order for order in self.exchange.orders.values() if order.account == name]
            for currency, held in account.balances.items():
                assert held.free >= 0
                assert held.locked == sum((each.locked for each in mine if each.currency == currency), D(0))
        assert all(each.remaining_fee >= 0 and each.locked >= 0 for each in self.exchange.orders.values())


TestMarket = Market.TestCase
TestMarket.settings = settings(max_examples=100, stateful_step_count=30)
