"""Which markets a session is for: those an operator named, or all that the universe may choose among."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import ConfigError, ExchangeError

QUOTE = "KRW-"  # of the markets that are traded


class Lists(Protocol):
    """The call it makes: the codes of all markets; raises ExchangeError."""

    def market_all(self) -> tuple[str, ...]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Selection:
    """The KRW markets that may be entered: exactly these, or with `chooses` what the universe chooses among them."""

    markets: tuple[str, ...]
    chooses: bool


def select(client: Lists, named: Sequence[str], watched: Sequence[str], *, everything: bool, local: bool) -> Selection:
    """What an operator asked for: the markets `named`, `everything` there is, or, without either, a choice.

    Raises ConfigError for a market that the exchange does not have, for one that is both named and watched, and, when
    the exchange is not a `local` one, if it cannot be reached.
    """
    try:
        listed = client.market_all()
    except ExchangeError as error:
        if local:
            raise
        raise ConfigError(f"Upbit cannot be reached ({error}); without network add --sandbox") from error
    _require((*named, *watched), listed)
    if others := [market for market in named if not market.startswith(QUOTE)]:
        raise ConfigError(f"{', '.join(others)}: only KRW markets are traded in this version; have others watched")
    if both := sorted({*named} & {*watched}):
        raise ConfigError(f"{', '.join(both)}: named to be traded and to be watched only; name each once")
    every = tuple(market for market in listed if market.startswith(QUOTE) and market not in watched)
    return Selection(tuple(named) or every, chooses=not (named or everything))


def _require(wanted: Sequence[str], listed: Sequence[str]) -> None:
    unknown = [market for market in wanted if market not in listed]
    if unknown:
        known = [market for market in listed if market.startswith(QUOTE)]
        shown = ", ".join(known[:8])
        raise ConfigError(f"unknown market {', '.join(unknown)}; this exchange has {len(known)} in KRW: {shown}, …")
