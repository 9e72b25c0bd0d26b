"""What is known of the quality of the data, and what follows from it. Times are int microseconds UTC."""

from typing import ClassVar

from domain.blocks import Block
from domain.message import Message, Value


class MinutesChecked(Message, frozen=True):
    """Market to quality (topic `checks`): the minutes of [since, until) were compared with the exchange's.

    `checked` counts the candles that either side has, `revised` those of them the exchange told otherwise than we saw
    them; `close_moved` says that a close among them was off by more than one tick. The rest counts since the last such
    message: of trades, `late` came for a closed minute, `doubled` came twice, `disordered` came with an older time or
    number than one before; of candles, `lost` have more in them than we ever saw; of minutes, `given_up` could not be
    checked for hours. `waiting` minutes are still to be checked.
    """

    market: str
    since: int
    until: int
    checked: int
    revised: int
    close_moved: bool = False
    late: int = 0
    doubled: int = 0
    disordered: int = 0
    lost: int = 0
    given_up: int = 0
    waiting: int = 0


class SkewMeasured(Message, frozen=True):
    """Feed to quality: the exchange's clock is so many seconds `ahead` of ours (negative: behind), by `source`."""

    conflate: ClassVar[str] = "source"
    source: str
    ahead: float
    at: int


class DataBlocked(Message, frozen=True):
    """Quality to portfolio, risk and whoever shows it (topic `data`): all blocks there are now.

    `changed` are those among them that are new or say something new, `ended` those that were before and are no more.
    """

    blocks: tuple[Block, ...]
    at: int
    changed: tuple[Block, ...] = ()
    ended: tuple[Block, ...] = ()


class QualityRow(Value, frozen=True):
    """What was counted of one market ("" for all of a stream) and one source in a stretch of time.

    `source` is where the data came from: `trades`, `rest`, or a stream (`public`). Candles: `checked` were compared,
    `missing` are minutes without one, `broken` cannot be, `spike` are suspects, `revised` the exchange told otherwise,
    `lost` had more in them than we saw (of a stream: trades that REST told in its place), `given_up` could not be
    checked. `stale` is how often the source fell silent. Trades: `late`, `doubled`, `disordered`.
    """

    market: str
    source: str
    checked: int = 0
    missing: int = 0
    broken: int = 0
    spike: int = 0
    stale: int = 0
    revised: int = 0
    late: int = 0
    doubled: int = 0
    disordered: int = 0
    lost: int = 0
    given_up: int = 0


class QualityMeasured(Message, frozen=True):
    """Quality to recorder and dashboard (topic `quality`): what was counted since it was told last.

    Rows with nothing but candles `checked` or `missing` in them come once an hour, all others every five minutes.
    """

    at: int
    rows: tuple[QualityRow, ...]
