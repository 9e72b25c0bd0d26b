"""What private sockets are told of the accounts: orders and balances, each pocket its own, once it is durable."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from actors.sandbox import frames
from actors.sandbox.frames import Format
from actors.sandbox.inputs import Outcome
from actors.sandbox.noise import uuid_of
from actors.sandbox.seats import Listener
from actors.sandbox.streams import BadFrame, Demand
from actors.sandbox.world import World
from domain.matching import Aside, BalanceChanged, Executed, Finished, Opened, Prevented, working
from domain.orders import Fill, OrderReport, OrderType, TimeInForce

PERMISSIONS: Final = {"myOrder": "view_orders", "myAsset": "view_account"}


class OrderTold(NamedTuple):
    """One myOrder message to be: what happened to an order, and the fill if it traded."""

    state: str
    report: OrderReport
    aside: Aside
    fill: Fill | None = None
    is_maker: bool = False


class PrivateFeed:
    """Collects what happened to the accounts until it may be told. Runs on the world's thread only."""

    def __init__(self, world: World, listeners: dict[Listener, None]) -> None:
        self._world, self._listeners = world, listeners
        self._orders: list[OrderTold] = []
        self._balances: dict[tuple[str, str], BalanceChanged] = {}

    def happened(self, events: Outcome) -> None:
        """Orders taken in, fills, prevented matches, ends, and balances."""
        filled: set[str] = set()
        for event in events:
            match event:
                case BalanceChanged(currency, account=account):
                    self._balances[account, currency] = event
                case Opened(report, aside):
                    self._tell_opened(report, aside)
                case Executed(report, fill, is_maker, _, aside):
                    filled.add(report.order_id)
                    self._orders.append(OrderTold("trade", report, aside, fill, is_maker))
                case Prevented(report, aside):
                    self._orders.append(OrderTold("prevented", report, aside))
                case Finished(report, aside):
                    completed = report.order_id in filled and report.state == "done"
                    if not completed or self._world.choices.trailing_done == "yes":
                        self._orders.append(OrderTold(report.state.value, report, aside))

    def flush(self, now: int) -> None:
        """Push everything that has happened, in the order that was chosen."""
        if self._world.choices.asset_frames == "before":
            self._push_balances(now)
        for told in self._orders:
            self._push_order(told, now)
        self._orders.clear()
        self._push_balances(now)

    def _tell_opened(self, report: OrderReport, aside: Aside) -> None:
        rests = report.type is OrderType.LIMIT and report.time_in_force in {TimeInForce.GTC, TimeInForce.POST_ONLY}
        if rests or self._world.choices.leading_wait == "yes":
            self._orders.append(OrderTold("wait", report, aside))

    def _push_order(self, told: OrderTold, now: int) -> None:
        order = working(self._world.desk.exchange, told.report.order_id)
        if order is None:
            return
        for listener in self._wanting("myOrder", order.account, told.report.market):
            payload = frames.my_order(
                told.report,
                self._form(listener),
                state=told.state,
                smp_type=order.smp_type,
                funds=order.request.funds,
                reserved=order.reserved_fee,
                aside=told.aside,
                now=now,
                fill=told.fill,
                is_maker=told.is_maker,
            )
            listener.push(payload, private=True)

    def _push_balances(self, now: int) -> None:
        changes: dict[str, dict[str, BalanceChanged]] = {}
        for (account, currency), event in self._balances.items():
            changes.setdefault(account, {})[currency] = event
        for account, changed in changes.items():
            held = {currency: (event.free, event.locked) for currency, event in changed.items()}
            asset_id = uuid_of(f"asset:{account}:{now}:{held}")
            for listener in self._wanting("myAsset", account, ""):
                listener.push(frames.my_asset(self._form(listener), held, asset_id, now), private=True)
        self._balances.clear()

    def _form(self, listener: Listener) -> Format:
        return listener.form._replace(exponents=self._world.choices.private_numbers == "exponent")

    def _wanting(self, kind: str, account: str, market: str) -> Iterator[Listener]:
        for listener in self._listeners:
            if listener.demand is None or listener.caller is None or listener.caller.pocket.name != account:
                continue
            if any(
                wish.kind == kind and not wish.only_snapshot and (not wish.codes or market in wish.codes)
                for wish in listener.demand.wishes
            ):
                yield listener


def check_demand(listener: Listener, demand: Demand) -> None:
    """Raise BadFrame when the key of a private socket does not permit what it asks for."""
    if listener.caller is None:
        return
    needed = {PERMISSIONS[wish.kind] for wish in demand.wishes if wish.kind in PERMISSIONS}
    if not needed <= set(listener.caller.key.permissions):
        raise BadFrame("INVALID_AUTH", "권한이 부족합니다.")
