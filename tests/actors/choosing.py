"""The universe of a session that chooses, with surveys and what else it is told."""

from decimal import Decimal as D

import msgspec

from actors.universe import Universe
from domain.config import Settings, UniverseSettings
from domain.listings import Standing
from domain.messages import (
    ListingStates,
    OrderChanged,
    PositionChanged,
    SessionOpened,
    SettingsChanged,
    StepsCompared,
    SurveyTaken,
    UniverseChanged,
    UniverseJudged,
)
from domain.universe import MarketSurvey
from tests.actors.stage import T0, Stage

A, B, C, E = "KRW-AAA", "KRW-BBB", "KRW-CCC", "KRW-EEE"
BTC, USDT = "KRW-BTC", "USDT-BTC"
ALL = (A, B, C, BTC)
FEW = UniverseSettings(top_n=2, leave_factor=D("1.5"))  # two enter, three stay


def opened(**more):
    told = SessionOpened("sandbox", "abcd1234", tuple(sorted(ALL)), 1.0, watched=(BTC,), chooses=True)
    return msgspec.structs.replace(told, **more)


def survey(*markets, full=False, **values):
    """These markets pass, the first one trades the most; `KRW_AAA=5` gives another value, None nothing known of it."""
    rows = []
    for place, market in enumerate(markets):
        value = values.get(market.replace("-", "_"), 1_000 - place)
        worth = D(value) if value is not None else None
        numbers = (D(1_000), worth, 30, D(10**10), D(0), D(0), 60)
        rows.append(MarketSurvey(market, *numbers) if market.startswith("KRW-") else MarketSurvey(market))
    return SurveyTaken(T0, full, tuple(rows))


def compared(*markets, faults=()):
    return StepsCompared(markets or ALL, tuple(faults), T0)


def against(market=None, state=""):
    """What the exchange says against one market, or against none."""
    one = Standing(market, state, T0, None, False, None, None, False, "why") if market else None
    return ListingStates((one,) if one else (), True, T0)


class Choosing(Stage):
    """The universe of a session that chooses; it begins with two members of three."""

    def __init__(self, settings=FEW, **more):
        super().__init__(Universe, "universe")
        self.tell(SettingsChanged(Settings(universe=settings), "test", ""))
        self.tell(opened(**more))

    @property
    def began(self):
        return [name.partition(":")[2] for name in self.begun]

    @property
    def left(self):
        return [name.partition(":")[2] for name in self.retired]

    def chosen(self, *markets):
        """These markets by a survey, with their steps compared."""
        return self.tell(compared()).tell(survey(*(markets or (A, B, C, BTC))))

    @property
    def changed(self):
        (one,) = self.on("universe", UniverseChanged)
        return one

    @property
    def judged(self):
        (one,) = self.on("verdicts", UniverseJudged)
        return {verdict.market: verdict for verdict in one.verdicts}

    @property
    def living(self):
        return set(self.state.watched)


def position(market, volume="1", state="OPEN"):
    return PositionChanged(market, D(volume), D(1), D(1), state, "A", None, T0, D(0), "")


def order(market, stage, executed="0", side="buy", intent="e1"):
    limit = (D(1), D(1), D(1))
    return OrderChanged(intent, "i1", market, side, "limit", stage, *limit, D(executed), D(0), "", "A", T0, T0)
