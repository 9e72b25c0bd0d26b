"""The rule book against the exchange, as findings."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from actors.rulebook import Policies, Quotes, terms_faults, tick_faults
from domain.finding import Finding, green, red, yellow

SHOWN: Final = 3


def price_steps(client: Quotes, markets: Sequence[str], now: Callable[[], int]) -> Finding:
    """The price step of every market at its present price."""
    name, expected = "price steps", "the exchange's steps are the rule book's"
    if faults := tick_faults(client, markets, now):
        advice = "no session will enter these markets; update Baeu: Upbit has changed its steps"
        return red(name, _some(faults), expected, advice)
    return green(name, f"{len(markets)} markets as in the rule book", expected)


def fees_and_minimums(client: Policies, markets: Sequence[str], now: Callable[[], int]) -> Finding:
    """Fees, smallest and largest totals and the state of every market; live trading uses those of the exchange."""
    name, expected = "fees and minimums", "the exchange's terms are the rule book's"
    if faults := terms_faults(client, markets, now()):
        advice = (
            "live trading uses the exchange's terms; backtests and paper use the rule book's, so mind the difference"
        )
        return yellow(name, _some(faults), expected, advice)
    return green(name, f"{len(markets)} markets as in the rule book", expected)


def _some(faults: Mapping[str, str]) -> str:
    """The first few in words, and how many there are."""
    shown = "; ".join(f"{market}: {text}" for market, text in list(faults.items())[:SHOWN])
    more = len(faults) - SHOWN
    return f"{len(faults)} differ: {shown}" + (f"; and {more} more" if more > 0 else "")
