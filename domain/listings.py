"""How the exchange lists a market, and what follows from it: whether it may be entered, and when it must be left."""

from collections.abc import Iterator
from typing import Final

from domain.message import Value

ACTIVE: Final = "ACTIVE"
DELISTED: Final = "DELISTED"


class MarketListing(Value, frozen=True):
    """How one market is listed.

    `cautions` are the flags that are up; `state` (ACTIVE, PREVIEW, DELISTED) is "" while it was not told, and with it
    `delisting`, the announced date (KST) of the market's end: "" for none, `delisting_at` its beginning.
    """

    market: str
    listed: bool = True
    warning: bool = False
    cautions: tuple[str, ...] = ()
    state: str = ""
    delisting: str = ""
    delisting_at: int = 0

    @property
    def gone(self) -> bool:
        """Whether nothing can be traded there any more."""
        return not self.listed or self.state == DELISTED

    @property
    def leaving_at(self) -> int | None:
        """When it must have been left: its end, or 0 for at once (EXIT-09: warning); None when it may be kept."""
        if self.warning:
            return 0
        return self.delisting_at if self.delisting else None

    @property
    def objection(self) -> str:
        """Why it may not be entered, "" for no reason (UNI-01: warned of, under any caution, or about to end)."""
        return "; ".join(self._objections())

    def _objections(self) -> Iterator[str]:
        if not self.listed:
            yield "the exchange does not list it any more"
        if self.warning:
            yield "the exchange warns of it, which usually comes before a delisting"
        if self.cautions:
            yield f"the exchange's caution is up: {', '.join(self.cautions)}"
        if self.delisting:
            yield f"the exchange delists it on {self.delisting} (KST)"
        if self.state not in {"", ACTIVE}:
            yield f"its state at the exchange is {self.state}"
