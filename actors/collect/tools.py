"""What the commands of candles need of the storage; `storage.collected.Collected` is one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from actors.collect.backfill import Shelf
from domain.collection import Comparison, FileImport, Folder, FrameInfo, Owed, Part, Quarantine
from domain.market import Bar
from domain.spans import Spans


class CandleTools(Shelf, Protocol):
    """The candles of one home. Raises StorageError when the disk or the database refuses."""

    def close(self) -> None:
        """Let go of the database."""

    @property
    def sandbox(self) -> Path:
        """Folder of the local exchange."""

    def markets(self) -> tuple[str, ...]:
        """The markets of which there are candles."""

    def steps(self, market: str) -> tuple[int, ...]:
        """The frames that are stored of a market, as microseconds."""

    def traded(self, market: str, step: int) -> Spans:
        """What is known whole, from the first candle on."""

    def judged(self) -> tuple[str, ...]:
        """The markets that were last found worth trading; none when nobody judged them yet."""

    def index(self, markets: Iterable[str], now: int) -> None:
        """Bring the index up to what the files hold."""

    def take(self, folder: Folder) -> Iterator[FileImport]:
        """Import the files of a folder one by one; raises ConfigError when there is nothing to import."""

    def beside(self, part: Part, bars: Sequence[Bar], *, repair: bool) -> Comparison:
        """What is stored beside all that the exchange tells; with `repair` what it tells is stored."""

    def across(self, markets: tuple[str, ...]) -> Iterator[Comparison]:
        """Each stored coarser frame beside the minutes, where both are known whole."""

    def info(self, markets: tuple[str, ...]) -> tuple[FrameInfo, ...]:
        """What there is, by market and frame."""

    def export(self, part: Part, path: Path, *, fill: bool) -> int:
        """Write candles of any frame as a table; gives how many rows."""

    def seal(self, now: int) -> tuple[Quarantine, ...]:
        """Move what is over from the database to the files; gives damaged files found."""

    def check(self, now: int) -> tuple[Quarantine, ...]:
        """Read every file; gives the damaged ones, which are set aside."""

    def owed(self, now: int) -> tuple[Owed, ...]:
        """What damaged files held, these or earlier ones, and is not known again yet."""


OpenTools: TypeAlias = Callable[[Path], CandleTools]
"""Opens the candles of a home folder."""
