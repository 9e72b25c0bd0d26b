"""Self-match prevention: two orders of one member that meet do not trade, as the taker's rule says (upbit-api.md 3.4).

`prevented` is the volume it takes away, `prevented_locked` what that frees: of a bid its money and fee at the order's
own price, of an ask the volume.
"""

from collections.abc import Iterator

from domain.market import Level
from domain.matching.deal import prevent
from domain.matching.state import Event, Exchange, SelfMatch, Working
from domain.money import volume_floor


def keeps_apart(exchange: Exchange, taker: Working, maker: Working) -> bool:
    """Whether the exchange keeps these two from trading with each other."""
    if taker.smp_type in {None, SelfMatch.NONE}:
        return False
    if not exchange.habits.smp_by_member:
        return taker.account == maker.account
    return exchange.accounts[taker.account].member == exchange.accounts[maker.account].member


def part(exchange: Exchange, taker: Working, maker: Working, overlap: Level, at: int) -> Iterator[Event]:
    """Keep two orders apart that meet in this volume at this price."""
    rule, price = taker.smp_type, overlap.price
    if rule is SelfMatch.CANCEL_MAKER:
        yield from prevent(exchange, maker, maker.left, price, at)
    elif rule is SelfMatch.CANCEL_TAKER:
        volume = taker.left if taker.request.funds is None else volume_floor(taker.funds_left / price)
        yield from prevent(exchange, taker, volume, price, at, ends=True)
    else:
        yield from prevent(exchange, maker, overlap.size, price, at)
        yield from prevent(exchange, taker, overlap.size, price, at)
