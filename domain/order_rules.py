"""What an order must look like before the exchange takes it, and the exchange's name for what is wrong with it.

The order of the checks is that of upbit-api.md 3.4; the true precedence is not published.
"""

from decimal import Decimal
from typing import Final

from domain.market import Terms
from domain.message import Value
from domain.money import ZERO, plain, volume_floor
from domain.orders import OrderRequest, OrderType, Side, TimeInForce
from domain.rules import quote_of, tick_size

IDENTIFIER_MAX: Final = 64

_FORCES: Final = {
    OrderType.LIMIT: frozenset(TimeInForce),
    OrderType.MARKET: frozenset({TimeInForce.GTC}),
    OrderType.BEST: frozenset({TimeInForce.IOC, TimeInForce.FOK}),
}
"""Which times in force go with a type; GTC stands for the field left out."""


class Refusal(Value, frozen=True):
    """A definite no: the exchange's error name, its words, and the HTTP status it comes with."""

    name: str
    message: str
    status: int = 400


def check_request(request: OrderRequest, terms: Terms, at: int) -> Refusal | None:
    """The first rule of the exchange that this order breaks, None when it breaks none.

    Covers what needs neither book nor balance: fields for the type, time in force, identifier, eight decimals, tick at
    `at`, smallest and largest total.
    """
    return check_fields(request) or check_limits(request, terms, at)


def check_fields(request: OrderRequest) -> Refusal | None:
    """The first half of `check_request`: fields and how they go together, whatever the market."""
    if len(request.identifier) > IDENTIFIER_MAX:
        return Refusal("validation_error", f"identifier is longer than {IDENTIFIER_MAX} characters")
    if request.volume is not None and request.volume != volume_floor(request.volume):
        return Refusal("validation_error", "volume has more than 8 decimals")
    by_funds = request.side is Side.BUY and request.type is not OrderType.LIMIT
    wanted = (request.type is OrderType.LIMIT, not by_funds, by_funds)
    amounts = (request.price, request.volume, request.funds)
    given = tuple(amount is not None for amount in amounts)
    if given != wanted or any(amount is not None and amount <= ZERO for amount in amounts):
        return Refusal(f"create_{_word(request)}_error", "주문 요청 정보가 올바르지 않습니다.")
    if request.time_in_force not in _FORCES[request.type]:
        return Refusal("invalid_time_in_force", "주문조건을 다시 확인해 주세요.")
    return None


def check_limits(request: OrderRequest, terms: Terms, at: int, *, factor: int = 1) -> Refusal | None:
    """The second half of `check_request`: tick and total in this market, for an order whose fields are right.

    `factor` widens the price step of the rule book, as a change that it does not know yet would.
    """
    if request.price is not None and request.price % (factor * tick_size(request.market, request.price, at)):
        text = "주문가격 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요."
        return Refusal(f"invalid_price_{_word(request)}", text)
    total = total_of(request)
    return None if total is None else check_total(request, total, terms)


def check_total(request: OrderRequest, total: Decimal, terms: Terms) -> Refusal | None:
    """Whether a total in the market's quote currency, fee not included, lies between the smallest and the largest."""
    side, quote = _word(request), quote_of(request.market)
    least = terms.min_total_bid if request.side is Side.BUY else terms.min_total_ask
    if total < least and request.price is None and request.side is Side.SELL:
        text = f"주문 가능한 최소금액은 {plain(least)}{quote} 입니다."
        by_bid = "시장가 매도 시 주문금액은 주문 수량 * 매수 1호가로 계산합니다."
        return Refusal("under_min_total_market_ask", f"{text} {by_bid}")
    if total < least:
        return Refusal(f"under_min_total_{side}", "최소주문금액 이상으로 주문해주세요")
    if total > terms.max_total:
        text = f"최대 주문 가능 금액 {plain(terms.max_total)} {quote} 보다 작은 주문을 입력해 주세요."
        return Refusal(f"over_{quote.lower()}_funds_{side}", text)
    return None


def total_of(request: OrderRequest) -> Decimal | None:
    """KRW this order stands for, fee not included; None where only the book can tell (a sale at market or best)."""
    if request.funds is not None:
        return request.funds
    if request.price is not None and request.volume is not None:
        return request.price * request.volume
    return None


def _word(request: OrderRequest) -> str:
    return "bid" if request.side is Side.BUY else "ask"
