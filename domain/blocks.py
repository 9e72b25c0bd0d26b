"""What speaks against entering a market because its data cannot be believed: blocks, and whom they concern."""

from collections.abc import Iterable
from typing import Final

from domain.message import Value

MAINTENANCE: Final = "MAINTENANCE"
DATA_STALE: Final = "DATA_STALE"


class Block(Value, frozen=True):
    """No entries into `market` ("" for every market) since then, because of `code`; exits are never blocked.

    Codes: STREAM_DOWN, STREAM_SILENT, STREAM_UNMEASURED, CANDLE_LATE, REVISED, SPIKE, BROKEN, CLOCK_SKEW (quant.md
    RISK-06 H7, MTF-11, MTF-13) and MAINTENANCE (MTF-12). `text` says which stream or source, what was found when the
    block began, and what was expected.
    """

    market: str
    code: str
    text: str
    since: int

    @property
    def gate(self) -> str:
        """The code of the refusal that follows from it (quant.md CTL-04)."""
        return MAINTENANCE if self.code == MAINTENANCE else DATA_STALE

    @property
    def numbers(self) -> str:
        """What that refusal says: the block's own code and its numbers."""
        return f"{self.code}: {self.text}"


def against(blocks: Iterable[Block], market: str) -> tuple[Block, ...]:
    """Those of the blocks that hold for this market."""
    return tuple(block for block in blocks if block.market in {"", market})
