"""The choice of markets: what was measured of them, and what was judged."""

from domain.message import Message
from domain.universe import MarketSurvey, MarketVerdict


class SurveyTaken(Message, frozen=True):
    """Survey to universe: what is known of every market the exchange lists now.

    `full` marks the first survey of a start, and the first of every day that has the day before in its candles.
    """

    at: int
    full: bool
    rows: tuple[MarketSurvey, ...]


class UniverseJudged(Message, frozen=True):
    """Universe to recorder (topic `verdicts`): the verdict of every market, by market.

    `changed` are the markets whose verdict is another one than before: other filters fail, or it is a new market.
    With `full` the list is to be kept whole.
    """

    at: int
    full: bool
    verdicts: tuple[MarketVerdict, ...]
    changed: tuple[str, ...]
