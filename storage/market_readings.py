"""Reads what was judged of the markets: as it stands now, one market through time, and the list of a day."""

from collections.abc import Iterator
from typing import Any

from peewee import SqliteDatabase, fn

from domain.market import DAY
from domain.message import Value
from domain.universe import MEMBER, NOT_LISTED, MarketSurvey, MarketVerdict
from storage.database import explained
from storage.market_models import MarketListRow, MarketVerdictRow


class KeptVerdict(Value, frozen=True):
    """A verdict, and when it was judged (microseconds UTC)."""

    at: int
    verdict: MarketVerdict


class MarketReadings:
    """The reading side of the verdicts; every thread may use it. All methods raise StorageError if they cannot read.

    By market, unless the method says otherwise; times are microseconds UTC.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def verdicts(self) -> tuple[KeptVerdict, ...]:
        """The current verdict of every market that was ever judged."""
        return tuple(map(_kept, self._rows(MarketVerdictRow.select().order_by(MarketVerdictRow.market))))

    def members(self) -> tuple[str, ...]:
        """The markets that may be entered by the latest verdict on each."""
        query = MarketVerdictRow.select().where(MarketVerdictRow.code == MEMBER).order_by(MarketVerdictRow.market)
        return tuple(row.market for row in self._rows(query))

    def verdict_history(self, market: str, limit: int = 100) -> tuple[KeptVerdict, ...]:
        """How one market was judged, newest first: whole lists, and every change between them."""
        query = MarketListRow.select().where(MarketListRow.market == market)
        return tuple(map(_kept, self._rows(query.order_by(MarketListRow.sequence.desc()).limit(limit))))

    def list_of(self, day: int) -> tuple[KeptVerdict, ...]:
        """The first whole list of the UTC day that holds this time; empty when there was none."""
        begin = day // DAY * DAY
        inside = MarketListRow.full & (MarketListRow.at >= begin) & (MarketListRow.at < begin + DAY)
        with explained(self._database):
            first = MarketListRow.select(fn.MIN(MarketListRow.sequence)).where(inside).scalar(self._database)
        whole = MarketListRow.sequence == first
        return tuple(map(_kept, self._rows(MarketListRow.select().where(whole).order_by(MarketListRow.market))))

    def verdicts_at(self, at: int) -> tuple[KeptVerdict, ...]:
        """What held at a time: the newest verdict until then of each market that was listed."""
        newest = (
            MarketListRow.select(MarketListRow.market, fn.MAX(MarketListRow.sequence).alias("sequence"))
            .where(MarketListRow.at <= at)
            .group_by(MarketListRow.market)
            .alias("newest")
        )
        same = (MarketListRow.market == newest.c.market) & (MarketListRow.sequence == newest.c.sequence)
        query = MarketListRow.select().join(newest, on=same).where(MarketListRow.code != NOT_LISTED)
        return tuple(map(_kept, self._rows(query.order_by(MarketListRow.market))))

    def _rows(self, query: Any) -> Iterator[Any]:
        with explained(self._database):
            return iter(list(query.execute(self._database)))


def _kept(row: Any) -> KeptVerdict:
    survey = MarketSurvey(*(getattr(row, name) for name in MarketSurvey.__struct_fields__))
    verdict = MarketVerdict(row.market, row.code, row.rank, row.failing, row.waived, survey, row.tick)
    return KeptVerdict(row.at, verdict)
