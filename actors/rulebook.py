"""Compares our rule book with the exchange: what differs, market by market, in words."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Final, Protocol

from actors.upbit.quotes import Instrument, Ticker
from domain.errors import ExchangeError, TradingError
from domain.market import Terms
from domain.money import plain
from domain.rules import default_terms, tick_size

AT_ONCE: Final = 100  # markets a call
WORKERS: Final = 4


class Quotes(Protocol):
    """The two public calls this needs."""

    def ticker(self, markets: Sequence[str]) -> Sequence[Ticker]: ...  # noqa: D102
    def instruments(self, markets: Sequence[str]) -> Sequence[Instrument]: ...  # noqa: D102


class Policies(Protocol):
    """The one signed call this needs."""

    def chance(self, market: str) -> Terms: ...  # noqa: D102


def tick_faults(client: Quotes, markets: Sequence[str], now: Callable[[], int]) -> dict[str, str]:
    """Markets whose price step at the exchange is not the rule book's, each with what differs; raises ExchangeError.

    The exchange tells the step at the present price only, and prices move between two calls: what differs is looked at
    a second time.
    """
    first = _differing(client, markets, now())
    return _differing(client, tuple(first), now()) if first else {}


def barred(client: Quotes, markets: Sequence[str], now: Callable[[], int]) -> dict[str, str]:
    """Markets that may not be entered, each with the reason: all of them when the exchange does not tell its steps."""
    try:
        faults = tick_faults(client, markets, now)
    except ExchangeError as error:
        return dict.fromkeys(markets, f"its price steps could not be compared with the exchange's: {error}")
    return {market: bar_text(fault) for market, fault in faults.items()}


def bar_text(fault: str) -> str:
    """Why a market with this fault may not be entered."""
    return f"{fault}: no new orders until the rule book is right"


def terms_faults(client: Policies, markets: Sequence[str], at: int) -> dict[str, str]:
    """Markets whose fees, limits or state are not the rule book's, each with what differs; raises ExchangeError."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="terms") as pool:
        told = list(pool.map(client.chance, markets))
    found = {terms.market: _terms_difference(terms, at) for terms in told}
    return {market: text for market, text in found.items() if text}


def _differing(client: Quotes, markets: Sequence[str], at: int) -> dict[str, str]:
    faults: dict[str, str] = {}
    for start in range(0, len(markets), AT_ONCE):
        some = markets[start : start + AT_ONCE]
        steps = {row.market: row.tick for row in client.instruments(some)}
        prices = {row.market: row.price for row in client.ticker(some)}
        for market in some:
            if text := _tick_difference(market, prices.get(market), steps.get(market), at):
                faults[market] = text
    return faults


def _tick_difference(market: str, price: Decimal | None, step: Decimal | None, at: int) -> str:
    if price is None or step is None:
        return f"the exchange tells no {'price' if price is None else 'price step'} of {market}"
    try:
        ours = tick_size(market, price, at)
    except TradingError as error:
        return str(error)
    if ours == step:
        return ""
    return f"the exchange moves {market} at {plain(price)} in steps of {plain(step)}, the rule book in {plain(ours)}"


def _terms_difference(terms: Terms, at: int) -> str:
    ours = default_terms(terms.market, at)
    return "; ".join(_each_difference(terms, ours))


def _each_difference(terms: Terms, ours: Terms) -> Iterable[str]:
    for field, words in (
        ("bid_fee", "fee of a buy"),
        ("ask_fee", "fee of a sale"),
        ("min_total_bid", "smallest buy"),
        ("min_total_ask", "smallest sale"),
        ("max_total", "largest order"),
    ):
        told, known = getattr(terms, field), getattr(ours, field)
        if told != known:
            yield f"{words} {plain(told)}, in the rule book {plain(known)}"
    if terms.state != ours.state:
        yield f"state {terms.state}"
