"""A whole engine that chooses among all markets of a real sandbox: who is chosen, why not, and what changes it."""

import threading
from decimal import Decimal as D

import pytest

from actors.engine import Engine, Outlets
from actors.selection import select
from actors.venues import sandbox_place
from domain.config import Settings, watching
from domain.messages import DecisionsMade, UniverseJudged

WATCHED = ("USDT-BTC", "BTC-ETH")
SPEED = 600.0  # an hour is six seconds
WAIT_S = 40.0


class Kept:
    """Stands where the projection stands."""

    def __init__(self):
        self.told, self._more = [], threading.Condition()

    def write(self, batch):
        with self._more:
            self.told += [message for _, message in batch]
            self._more.notify_all()

    def until(self, kind, holds):
        """The newest message of a kind for which something holds; waits for it."""

        def found():
            return [one for one in self.told if isinstance(one, kind) and holds(one)]

        with self._more:
            assert self._more.wait_for(found, WAIT_S)
            return found()[-1]


@pytest.fixture
def chosen(start, tmp_path):
    """An engine that trades, its sandbox, and what it has kept."""
    client = start(markets=(), speed=SPEED, days=45)
    place = sandbox_place(client.ready)
    settings = watching(Settings(), WATCHED)
    selection = select(place.rest, (), WATCHED, everything=False, local=True)
    rows = Kept()
    engine = Engine(
        place=place,
        markets=selection.markets,
        chooses=selection.chooses,
        journal=tmp_path / "journal",
        socket=tmp_path / "web.sock",
        identifier_prefix="abcd1234",
        settings=settings,
        seed=1,
        code_version="1",
        outlets=Outlets(rows.write, lambda: None, lambda: 0, tuple),
    )
    with engine:
        yield engine, client, rows


def codes(judged):
    return {one.market: one.code for one in judged.verdicts}


def members(judged):
    return {market for market, code in codes(judged).items() if code == "MEMBER"}


def test_the_made_up_exchange_gives_a_sensible_choice_with_every_reason(chosen):
    engine, client, rows = chosen
    judged = rows.until(UniverseJudged, members)
    verdicts = {one.market: one for one in judged.verdicts}
    assert {"KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL"} <= members(judged)
    failing = {market: [gate.code for gate in one.failing] for market, one in verdicts.items()}
    assert failing["KRW-USDT"] == ["STABLECOIN"]
    assert failing["KRW-ENS"] == ["VALUE"]
    assert "TICK" in failing["KRW-DOGE"]
    assert "SPREAD_1" in failing["KRW-SHIB"]
    assert failing["BTC-XRP"] == ["QUOTE"]
    assert {market for market, code in codes(judged).items() if code == "WATCHED_ONLY"} == set(WATCHED)
    btc = verdicts["KRW-BTC"].survey
    assert (verdicts["KRW-BTC"].rank, btc.days) == (1, 30)
    assert btc.mean_value > D(5_000_000_000)
    assert btc.books >= 5
    wanted = members(judged)
    made = rows.until(DecisionsMade, lambda one: {each.market for each in one.decisions} >= wanted)
    by_market = {one.market: one for one in made.decisions}
    assert not by_market.keys() & set(WATCHED)
    assert all("NOT_IN_UNIVERSE" not in {gate.code for gate in by_market[market].gates} for market in wanted)
    client.arm("caution", market="KRW-SOL", flag="PRICE_FLUCTUATIONS")
    rows.until(UniverseJudged, lambda one: "KRW-SOL" in one.changed and codes(one)["KRW-SOL"] == "CAUTION")
    later = made.at
    gone = rows.until(
        DecisionsMade, lambda one: one.at > later and "KRW-SOL" not in {each.market for each in one.decisions}
    )
    assert "KRW-BTC" in {each.market for each in gone.decisions}
    summary = engine.close()
    assert (summary["restarts"], summary["reconciled"]) == (0, True)
