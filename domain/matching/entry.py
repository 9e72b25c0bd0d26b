"""Taking an order in: the checks the exchange makes, in its order, and the money it locks (upbit-api.md 3.4)."""

from decimal import Decimal
from typing import Final

from domain.matching.depth import opposite
from domain.matching.money import lock, tied
from domain.matching.state import (
    MAIN,
    ZERO,
    Account,
    Event,
    Exchange,
    Holding,
    Opened,
    SelfMatch,
    Working,
    aside_of,
    report_of,
)
from domain.message import Value
from domain.money import fee_of
from domain.order_rules import Refusal, check_fields, check_limits, check_total, total_of
from domain.orders import OrderReport, OrderRequest, OrderType, Side
from domain.rules import ACTIVE, base_of, quote_of

VISIBLE_LEVELS: Final = 30
BEYOND_BOOK: Final = "market_order_exceeds_book"
"""Our name for the refusal of a market order larger than the visible book: the exchange's own is not known."""


class Gate(Value, frozen=True):
    """How a market takes an order in.

    Not at all when it is not `listed` or `halted`; prices are multiples of `tick_factor` price steps; `funds_first`
    looks at the balance before tick and total. `claimed`: the identifier was set aside for this very order. `freed`
    will be free in its currency by the time it locks its money.
    """

    listed: bool = True
    halted: bool = False
    tick_factor: int = 1
    funds_first: bool = False
    claimed: bool = False
    freed: Decimal = ZERO


OPEN: Final = Gate()


def place(  # noqa: PLR0913 (who places what, and how the market takes it)
    exchange: Exchange,
    request: OrderRequest,
    order_id: str,
    at: int,
    *,
    account: str = MAIN,
    smp_type: SelfMatch | None = None,
    gate: Gate = OPEN,
) -> OrderReport | Refusal:
    """Take an order in: it locks its money and waits to be matched. Its identifier is used up even if it is refused."""
    order = draft(exchange, request, order_id, at, account=account, smp_type=smp_type, gate=gate)
    identifiers = exchange.accounts[account].identifiers
    if request.identifier:
        identifiers.setdefault(request.identifier, "")
    if isinstance(order, Refusal):
        return order
    lock(exchange, order)
    exchange.orders[order_id] = order
    if request.identifier:
        identifiers[request.identifier] = order_id
    return report_of(order)


def draft(  # noqa: PLR0913 (see place)
    exchange: Exchange,
    request: OrderRequest,
    order_id: str,
    at: int,
    *,
    account: str = MAIN,
    smp_type: SelfMatch | None = None,
    gate: Gate = OPEN,
) -> Working | Refusal:
    """What placing this would make: nothing is locked and no identifier used up."""
    refusal = _refusal(exchange, request, at, exchange.accounts[account], gate)
    return refusal or _working(exchange, request, order_id, at, account=account, smp_type=smp_type)


def opened(exchange: Exchange, order_id: str) -> tuple[Event, ...]:
    """What the taking in of this open order is told as."""
    order = exchange.orders[order_id]
    return (Opened(report_of(order), aside_of(order)), tied(exchange, order))


def _refusal(exchange: Exchange, request: OrderRequest, at: int, account: Account, gate: Gate) -> Refusal | None:
    if refusal := check_fields(request):
        return refusal
    terms = exchange.terms.get(request.market)
    if terms is None or not gate.listed:
        return Refusal("notfoundmarket", f"다음 마켓에 없는 종목입니다: {request.market}")
    if request.identifier in account.identifiers and not gate.claimed:
        return Refusal("duplicated_identifier", "이미 사용된 identifier 입니다.")
    refusal = _check_funds(exchange, request, account, gate) if gate.funds_first else None
    refusal = refusal or check_limits(request, terms, at, factor=gate.tick_factor)
    refusal = refusal or _check_worth(exchange, request) or _check_funds(exchange, request, account, gate)
    if refusal is None and request.type is OrderType.MARKET:
        refusal = _check_depth(exchange, request)
    if refusal is None and (gate.halted or terms.state != ACTIVE):
        return Refusal("market_offline", "시스템 점검 중입니다. 점검이 완료된 후에 다시 시도해주세요.", 403)
    return refusal


def _check_worth(exchange: Exchange, request: OrderRequest) -> Refusal | None:
    """The total of a sale without a price: its volume at the best bid."""
    levels = opposite(exchange, request)
    if total_of(request) is not None or request.volume is None or not levels:
        return None
    return check_total(request, request.volume * levels[0].price, exchange.terms[request.market])


def _check_funds(exchange: Exchange, request: OrderRequest, account: Account, gate: Gate) -> Refusal | None:
    currency, need = _needs(exchange, request)
    if account.balances.get(currency, Holding()).free + gate.freed >= need:
        return None
    if request.side is Side.BUY:
        return Refusal("insufficient_funds_bid", f"주문 가능한 금액({currency})이 부족합니다.")
    return Refusal("insufficient_funds_ask", "주문 가능한 수량이 부족합니다.")


def _check_depth(exchange: Exchange, request: OrderRequest) -> Refusal | None:
    """A market order must fit into what the book shows."""
    levels = opposite(exchange, request)[:VISIBLE_LEVELS]
    if request.funds is not None:
        deep = request.funds <= sum((level.price * level.size for level in levels), ZERO)
    else:
        deep = (request.volume or ZERO) <= sum((level.size for level in levels), ZERO)
    return None if deep else Refusal(BEYOND_BOOK, "주문이 호가 30단계의 잔량보다 큽니다.")


def _needs(exchange: Exchange, request: OrderRequest) -> tuple[str, Decimal]:
    """The currency an order ties up, and how much: a buy its total and fee, a sale its volume."""
    if request.side is Side.SELL:
        return base_of(request.market), request.volume or ZERO
    total = total_of(request) or ZERO
    return quote_of(request.market), total + fee_of(total, exchange.terms[request.market].bid_fee)


def _working(  # noqa: PLR0913 (see place)
    exchange: Exchange, request: OrderRequest, order_id: str, at: int, *, account: str, smp_type: SelfMatch | None
) -> Working:
    buys, terms = request.side is Side.BUY, exchange.terms[request.market]
    price = request.price
    if request.type is OrderType.BEST:
        levels = opposite(exchange, request)
        price = levels[0].price if levels else None
    currency, need = _needs(exchange, request)
    rate = terms.bid_fee if buys else terms.ask_fee
    reserved = fee_of(total_of(request) or ZERO, rate) if buys else ZERO
    return Working(
        order_id=order_id,
        request=request,
        created_at=at,
        currency=currency,
        locked=need,
        price=price,
        left=request.volume or ZERO,
        funds_left=request.funds or ZERO,
        fee_rate=rate,
        reserved_fee=reserved,
        remaining_fee=reserved,
        account=account,
        smp_type=smp_type,
    )
