"""What holds of every choice of markets, whatever was surveyed and whoever was a member before."""

from decimal import Decimal as D

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.config import UniverseSettings
from domain.universe import MEMBER
from tests.domain.universe_kit import a_market, codes, judged, members

VALUES = st.integers(0, 6).map(D)  # few, so that there are ties
FAILING = st.sampled_from([{}, {}, {}, {"days": 1}, {"days": None}, {"spread1": D(1)}, {"value_24h": None}])


@st.composite
def surveys(draw):
    count = draw(st.integers(0, 14))
    return [a_market(f"KRW-M{place:02}", **({"value_24h": draw(VALUES)} | draw(FAILING))) for place in range(count)]


few = st.integers(1, 6).flatmap(
    lambda top: st.sampled_from(["1", "1.2", "1.5", "3"]).map(
        lambda factor: UniverseSettings(top_n=top, leave_factor=D(factor))
    )
)
names = st.sets(st.integers(0, 14).map(lambda place: f"KRW-M{place:02}"))


@given(surveys(), few, names, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(rows, settings, before, chance):
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert judged(*rows, settings=settings, members=before) == judged(*shuffled, settings=settings, members=before)


@given(surveys(), few, names)
def test_there_are_never_more_members_than_the_factor_allows_and_every_rank_is_taken_once(rows, settings, before):
    told = judged(*rows, settings=settings, members=before)
    assert len(members(told)) <= settings.leave_factor * settings.top_n
    passing = sorted(one.rank for one in told.values() if codes(one.failing) in ([], ["RANK"]))
    assert passing == list(range(1, len(passing) + 1))
    assert sum(rank <= settings.top_n for rank in passing) == min(settings.top_n, len(passing))


@given(surveys().filter(bool), few, names, st.data())
def test_more_value_never_costs_a_rank_or_a_place(rows, settings, before, data):
    place = data.draw(st.integers(0, len(rows) - 1))
    row = rows[place]
    if row.value_24h is None:
        return
    richer = msgspec.structs.replace(row, value_24h=row.value_24h + data.draw(st.integers(1, 9)))
    was = judged(*rows, settings=settings, members=before)[row.market]
    now = judged(*rows[:place], richer, *rows[place + 1 :], settings=settings, members=before)[row.market]
    assert now.rank <= was.rank
    assert was.code in {now.code, "RANK"}


@given(surveys(), few, st.lists(surveys(), max_size=4))
def test_a_member_that_stays_inside_the_band_never_leaves(rows, settings, later):
    before = members(judged(*rows, settings=settings))
    for others in later:
        told = judged(*others, settings=settings, members=before)
        band = settings.leave_factor * settings.top_n
        staying = [one for one in told.values() if one.market in before and codes(one.failing) in ([], ["RANK"])]
        assert all((one.code == MEMBER) == (one.rank <= band) for one in staying)
        before = members(told)
        assert members(judged(*others, settings=settings, members=before)) == before  # the same again moves nobody
