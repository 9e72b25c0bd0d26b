"""What an order must look like before the exchange takes it, and the exchange's name for what is wrong with it."""

from decimal import Decimal

from domain.market import Terms
from domain.message import Value
from domain.orders import OrderRequest, OrderType, Side, TimeInForce
from domain.rules import tick_size

IDENTIFIER_MAX = 64


class Refusal(Value, frozen=True):
    """A definite no: the exchange's error name, its words, and the HTTP status it comes with."""

    name: str
    message: str
    status: int = 400


def check_request(request: OrderRequest, terms: Terms, at: int) -> Refusal | None:
    """The first rule of the exchange that this order breaks, None when it breaks none.

    Covers what needs neither book nor balance (upbit-api.md 3.4): fields for the type, time in force, identifier,
    tick at `at`, eight decimals, smallest and largest total.
    """
    return _check_fields(request) or _check_price(request, at) or _check_total(request, terms)


def total_of(request: OrderRequest) -> Decimal | None:
    """KRW this order stands for, fee not included; None where only the book can tell (a sale at market or best)."""
    if request.funds is not None:
        return request.funds
    if request.price is not None and request.volume is not None:
        return request.price * request.volume
    return None


def _check_fields(request: OrderRequest) -> Refusal | None:
    by_funds = request.side is Side.BUY and request.type in {OrderType.MARKET, OrderType.BEST}
    wanted = (request.type is OrderType.LIMIT, not by_funds, by_funds)
    given = tuple(field is not None for field in (request.price, request.volume, request.funds))
    amounts = (request.price, request.volume, request.funds)
    side = "bid" if request.side is Side.BUY else "ask"
    if given != wanted or any(amount is not None and amount <= 0 for amount in amounts):
        return Refusal(f"create_{side}_error", "주문 요청 정보가 올바르지 않습니다.")
    if not _fits(request.type, request.time_in_force):
        return Refusal("invalid_time_in_force", "주문조건을 다시 확인해 주세요.")
    if len(request.identifier) > IDENTIFIER_MAX:
        return Refusal("validation_error", f"identifier is longer than {IDENTIFIER_MAX} characters")
    if request.volume is not None and _decimals(request.volume) > 8:  # noqa: PLR2004 (the exchange keeps 8)
        return Refusal("validation_error", "volume has more than 8 decimals")
    return None


def _fits(kind: OrderType, force: TimeInForce) -> bool:
    match kind:
        case OrderType.MARKET:
            return force is TimeInForce.GTC
        case OrderType.BEST:
            return force in {TimeInForce.IOC, TimeInForce.FOK}
        case OrderType.LIMIT:
            return True


def _check_price(request: OrderRequest, at: int) -> Refusal | None:
    price = request.price
    if price is not None and price % tick_size(request.market, price, at):
        side = "bid" if request.side is Side.BUY else "ask"
        return Refusal(f"invalid_price_{side}", "주문가격 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요.")
    return None


def _check_total(request: OrderRequest, terms: Terms) -> Refusal | None:
    total = total_of(request)
    if total is None:
        return None
    buys = request.side is Side.BUY
    side = "bid" if buys else "ask"
    if total < (terms.min_total_bid if buys else terms.min_total_ask):
        return Refusal(f"under_min_total_{side}", "최소주문금액 이상으로 주문해주세요")
    if total > terms.max_total:
        text = f"최대 주문 가능 금액 {terms.max_total} KRW 보다 작은 주문을 입력해 주세요."
        return Refusal(f"over_krw_funds_{side}", text)
    return None


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0
