"""Markets to be judged, and what was judged of them."""

from decimal import Decimal as D

from domain.config import UniverseSettings
from domain.universe import MEMBER, Choice, MarketSurvey, judge

AT = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC
SETTINGS = UniverseSettings()


def a_market(market="KRW-AAA", **more):
    """A market that passes every filter, at its limit where it has one."""
    values = {
        "price": D(500),  # a step of 1 is 0.2 %
        "value_24h": D(1_000_000_000),
        "days": 30,
        "mean_value": D(5_000_000_000),
        "spread1": D("0.0015"),
        "spread2": D("0.003"),
        "books": 5,
    }
    return MarketSurvey(market, **(values | more))


def judged(*rows, settings=SETTINGS, barriers=None, members=(), named=None):
    """Verdicts by market."""
    verdicts = judge(rows, settings, barriers or {}, Choice(members, named), AT)
    return {one.market: one for one in verdicts}


def the_verdict(row, **more):
    (verdict,) = judged(row, **more).values()
    return verdict


def codes(gates):
    return [gate.code for gate in gates]


def members(verdicts):
    return sorted(one.market for one in verdicts.values() if one.code == MEMBER)


def ranked(count, first=1):
    """So many markets that pass, `first` the one of the largest value."""
    return [a_market(f"KRW-M{place:03}", value_24h=D(1_000_000 - place)) for place in range(first, first + count)]
