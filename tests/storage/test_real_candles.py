"""Real candles of years, imported whole: what their README says of them is what we find."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from domain.collection import Folder
from domain.market import HOUR, MINUTE, US_PER_S
from storage.collected import Collected

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "candles"
NOW = 1_767_225_600_000_000
OUTAGES = (  # days of the README within the hours there are, and how many hours at least
    *(("2018-08-21", 7), ("2023-03-31", 3), ("2023-12-03", 5), ("2023-12-31", 3), ("2024-03-31", 3)),
    *(("2024-06-30", 3), ("2024-10-13", 4), ("2024-12-31", 3)),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with all of it, and what became of each file."""
    if not REAL.is_dir():
        pytest.skip("the folder `shared` with real candles is not beside the repository")
    candles = Collected(tmp_path_factory.mktemp("home"))
    candles.imported = tuple(candles.take(Folder(str(REAL), "", (), None, NOW)))
    yield candles
    candles.close()


@pytest.fixture(scope="module")
def infos(home):
    return {(one.market, one.frame): one for one in home.info(())}


def day(at):
    return datetime.fromtimestamp(at // US_PER_S, UTC).strftime("%Y-%m-%d")


def holes(info, kind):
    return [one for one in info.stretches if one.kind == kind]


def test_every_file_is_taken_whole(home):
    assert len(home.imported) == 93
    assert {one.error for one in home.imported} == {""}
    assert sum(one.rows for one in home.imported) == sum(one.new for one in home.imported) == 496_477
    assert len(home.markets()) == 73


def test_another_import_finds_everything_known(home):
    again = tuple(home.take(Folder(str(REAL), "", ("KRW-BTC", "KRW-ETH"), None, NOW)))
    assert {(one.new, one.changed, one.completed, one.lacking) for one in again} == {(0, 0, 0, 0)}


def test_finer_candles_make_the_given_hours_in_all_fields(home):
    found = {(one.market, one.source): one for one in home.across(()) if one.frame == "60m"}
    compared = {key: one.compared for key, one in found.items()}
    minutes = "its 1m candles"
    assert {one.conflicts for one in found.values()} == {()}
    assert {key[0] for key in compared if key[1] == minutes} == {
        f"KRW-{coin}" for coin in ("BTC", "ETH", "XRP", "SOL", "DOGE")
    }
    assert all(count >= 600 for (_, source), count in compared.items() if source == minutes)
    assert compared["KRW-BTC", minutes] > 600 + 186 * 2, "the hours inside of blocks are compared as well"
    assert compared["KRW-ETH", "its 15m candles"] == 8_536
    assert compared["KRW-BTC", "its 5m candles"] == 246


def test_minutes_without_a_trade_are_those_of_the_readme(infos):
    silent = {coin: infos[f"KRW-{coin}", "1m"].untraded // MINUTE for coin in ("XRP", "ETH", "BTC", "SOL", "DOGE")}
    assert silent == {"XRP": 0, "ETH": 0, "BTC": 2, "SOL": 12, "DOGE": 148}


def test_what_lies_between_blocks_was_not_collected(infos):
    between = [one for one in holes(infos["KRW-BTC", "1m"], "uncollected") if one.until - one.since < 14 * HOUR]
    assert Counter((one.until - one.since) // MINUTE for one in between).most_common(1) == [(800, 184)]
    assert len(between) == 186
    assert holes(infos["KRW-BTC", "1m"], "untraded") == []


def test_pages_that_nobody_collected_are_told_apart_from_quarters_without_trade(infos):
    info = infos["KRW-ETH", "15m"]
    assert info.uncollected + info.untraded + info.down == 896 * 15 * MINUTE
    assert max((one.until - one.since) // (15 * MINUTE) for one in holes(info, "uncollected")) == 88


@pytest.mark.parametrize(("date", "hours"), OUTAGES)
def test_the_exchange_was_down_on_the_days_of_the_readme(infos, date, hours):
    down = [one for one in holes(infos["KRW-BTC", "60m"], "down") if day(one.since) == date]
    assert sum(one.until - one.since for one in down) == hours * HOUR


def test_an_outage_is_one_of_all_markets(infos):
    since = int(datetime(2022, 1, 1, tzinfo=UTC).timestamp()) * US_PER_S
    outages = {
        coin: {(one.since, one.until) for one in holes(infos[f"KRW-{coin}", "60m"], "down") if one.since >= since}
        for coin in ("BTC", "ETH", "XRP", "SOL", "DOGE")
    }
    assert len({frozenset(one) for one in outages.values()}) == 1
    assert sum(until - begin for begin, until in outages["BTC"]) == 41 * HOUR


def test_the_crash_of_december_2024_is_at_most_suspect_and_kept_as_it_was(home, infos):
    crash = int(datetime(2024, 12, 3, 13, tzinfo=UTC).timestamp()) * US_PER_S
    expected = {"KRW-BTC": (132_715_000.0, 88_266_000.0), "KRW-XRP": (3_819.0, 1_623.0)}
    for market, (highest, lowest) in expected.items():
        candles = home._store.load(market, HOUR, crash - HOUR, crash + HOUR)
        assert lowest == candles.low.min()
        assert highest in {*candles.close.tolist(), *candles.open.tolist()}
        assert not len(home._store.as_seen(market, HOUR))
    assert [one.start for one in infos["KRW-BTC", "60m"].spikes] == [crash]
    for info in infos.values():
        assert all(one.close > 0 for one in info.spikes)
    assert sum(len(info.spikes) for (_, frame), info in infos.items() if frame in {"1m", "5m"}) == 0


def test_a_turnover_that_no_source_had_is_unknown(home):
    value = home._store.load("KRW-BTC", MINUTE, NOW - 125 * 24 * HOUR, NOW).value
    assert len(value) > 35_000
    assert np.isnan(value).all()
