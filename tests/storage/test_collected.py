"""A home's candles as the commands see them: both tiers, what is missing and why, what the exchange says of them."""

from decimal import Decimal as D

import numpy as np
import pandas as pd
import pytest
from msgspec import structs

from domain.collection import Folder, Part, Stretch
from domain.errors import ConfigError
from domain.market import BASE_FRAME, DAY, HOUR, MINUTE, Bar
from domain.messages import CandlesTold, Revision
from storage.archive import CandleIndex
from storage.collected import Collected
from storage.columns import PROVISIONAL, REST, TRADES, arrays_of
from storage.database import open_database
from storage.hot import HotCandles
from storage.projection import Projection
from tests.storage.conftest import a_verdict, judged_at

BTC, ETH = "KRW-BTC", "KRW-ETH"
T0 = 20_000 * DAY
NOW = T0 + 2 * DAY


def bar(at, close=100, step=MINUTE):
    price = D(close)
    return Bar(T0 + at * step, price, price, price, price, D(2), price * 2)


def bars(*minutes, close=100):
    return [bar(minute, close) for minute in minutes]


def span(since, until):
    return ((T0 + since * MINUTE, T0 + until * MINUTE),)


@pytest.fixture
def home(tmp_path):
    made = Collected(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def hot(home, tmp_path):
    """The tail, as the engine fills it."""
    database = open_database(tmp_path / "home" / "baeu.sqlite3")
    yield HotCandles(database)
    database.close()


def told(market, since, until, found, state="final"):
    return CandlesTold(market, T0 + since * MINUTE, T0 + until * MINUTE, tuple(found), "trades", state)


def part(since=0, until=60, step=MINUTE, market=BTC):
    return Part(market, step, T0 + since * MINUTE, T0 + until * MINUTE)


def test_what_is_kept_is_whole_and_from_the_exchange(home):
    home.keep(BTC, MINUTE, bars(0, 5), span(0, 10))
    assert home.whole(BTC, MINUTE) == span(0, 10)
    assert home._store.load(BTC).flags.tolist() == [REST, REST]
    assert (home.markets(), home.steps(BTC), home.judged()) == ((BTC,), (MINUTE,), ())


def test_a_candle_the_exchange_was_not_asked_about_is_asked_for_again(home):
    home._store.put(BTC, MINUTE, arrays_of(bars(0, 1, 2), [TRADES, TRADES | PROVISIONAL, TRADES]), span(0, 3))
    assert home.whole(BTC, MINUTE) == (*span(0, 1), *span(2, 3))
    home.keep(BTC, MINUTE, bars(1), span(1, 2))
    assert home.whole(BTC, MINUTE) == span(0, 3)


def test_info_counts_both_tiers_and_names_what_is_missing(home, hot):
    home.keep(BTC, MINUTE, bars(*range(3), *range(12, 20)), (*span(0, 3), *span(10, 20)))
    hot.take(1, told(BTC, 20, 30, bars(20, 29)))
    (info,) = home.info(())
    assert (info.market, info.frame, info.candles) == (BTC, "1m", 13)
    assert (info.since, info.until) == (T0, T0 + 30 * MINUTE)
    assert (info.uncollected, info.down, info.untraded) == (7 * MINUTE, 8 * MINUTE, 2 * MINUTE)
    assert info.stretches == (
        Stretch("uncollected", T0 + 3 * MINUTE, T0 + 10 * MINUTE),
        Stretch("down", T0 + 21 * MINUTE, T0 + 29 * MINUTE),
    )


def test_a_market_is_not_blamed_for_the_time_before_it_was_listed(home):
    home.keep(ETH, MINUTE, bars(500, 501, 509), span(0, 510))
    (info,) = home.info((ETH,))
    assert (info.since, info.untraded) == (T0 + 500 * MINUTE, 7 * MINUTE)


def test_a_market_alone_is_silent_while_the_heartbeat_trades(home):
    home.keep(BTC, MINUTE, bars(*range(30)), span(0, 30))
    home.keep(ETH, MINUTE, bars(0, 20), span(0, 30))
    (info,) = home.info((ETH,))
    assert (info.down, info.untraded) == (0, 28 * MINUTE)
    assert [(one.kind, one.until - one.since) for one in info.stretches] == [
        ("untraded", 19 * MINUTE),
        ("untraded", 9 * MINUTE),
    ]


def test_the_exchange_was_up_where_another_market_traded_in_the_silence_of_the_heartbeat(home):
    home.keep(BTC, MINUTE, bars(0, 20), span(0, 21))
    home.keep(ETH, MINUTE, bars(0, 10, 20), span(0, 21))
    btc, eth = home.info(())
    assert [(one.since, one.until) for one in btc.stretches] == [
        (T0 + since * MINUTE, T0 + until * MINUTE) for since, until in ((1, 10), (11, 20))
    ]
    assert (btc.down, btc.untraded) == (18 * MINUTE, MINUTE)
    assert (eth.down, eth.untraded) == (18 * MINUTE, 0)


def test_two_markets_silent_for_an_hour_tell_of_an_outage_nobody_asked_the_heartbeat_about(home):
    home.keep(BTC, MINUTE, bars(0, 1), span(0, 2))
    for market, last in ((ETH, 170), ("KRW-XRP", 180)):
        home.keep(market, MINUTE, bars(100, last), span(100, 181))
    assert [(one.market, one.down // MINUTE) for one in home.info((ETH, "KRW-XRP"))] == [(ETH, 69), ("KRW-XRP", 69)]


def test_a_candle_that_jumps_and_comes_back_is_suspect_and_stays(home):
    calm = [bar(minute, 100 + minute % 2) for minute in range(0, 1_500, 5) if minute != 1_000]
    home.keep(BTC, MINUTE, [*calm, bar(1_000, 150)], span(0, 1_500))
    (info,) = home.info(())
    assert [(one.start, one.before, one.close) for one in info.spikes] == [(T0 + 1_000 * MINUTE, 101.0, 150.0)]
    assert 150.0 in home._store.load(BTC).close


def test_what_may_be_compared_begins_with_the_first_candle(home):
    home.keep(ETH, MINUTE, bars(500, 501, 509), span(0, 510))
    assert home.traded(ETH, MINUTE) == span(500, 510)
    home.keep(BTC, MINUTE, [], span(0, 510))
    assert home.traded(BTC, MINUTE) == ()


def test_no_candles_are_no_rows(home):
    assert home.info(()) == ()
    assert home.info((BTC,)) == ()


def test_what_the_exchange_says_otherwise_is_told_and_stored_only_when_asked(home):
    home.keep(BTC, MINUTE, bars(0, 1, 2), span(0, 5))
    says = [bar(0), bar(1, 101), bar(2), bar(3)]
    for repair in (False, True):
        found = home.beside(part(0, 5), says, repair=repair)
        assert found.compared == 4
        assert [(one.start, one.fields) for one in found.conflicts] == [
            (T0 + MINUTE, ("open", "high", "low", "close", "value")),
            (T0 + 3 * MINUTE, ()),
        ]
    assert home.beside(part(0, 5), says, repair=False).conflicts == ()
    assert home._store.as_seen(BTC).close.tolist() == [100.0]


def test_a_stored_candle_that_the_exchange_does_not_have_is_told(home):
    home.keep(BTC, MINUTE, bars(0, 1), span(0, 5))
    (conflict,) = home.beside(part(0, 5), bars(0), repair=True).conflicts
    assert (conflict.start, conflict.told) == (T0 + MINUTE, None)


def test_an_hour_that_is_not_what_its_minutes_make_is_told(home):
    home.keep(BTC, MINUTE, [bar(0, 100), bar(59, 103), *bars(61)], span(0, 120))
    hour = Bar(T0, D(100), D(103), D(100), D(103), D(4), D(406))
    home.keep(BTC, HOUR, [hour, bar(1, 99, HOUR)], span(0, 180))
    (found,) = home.across(())
    assert (found.frame, found.source, found.compared) == ("60m", "its 1m candles", 2)
    assert [one.start for one in found.conflicts] == [T0 + HOUR]
    assert "open" in found.conflicts[0].fields


def test_an_hour_of_which_a_minute_is_not_known_is_not_compared(home):
    home.keep(BTC, MINUTE, bars(0, 1), span(0, 59))
    home.keep(BTC, HOUR, [bar(0, 999, HOUR)], span(0, 60))
    assert list(home.across(())) == []


def test_an_export_of_any_frame_reads_back(home, hot, tmp_path):
    home.keep(BTC, MINUTE, bars(0, 7, 12), span(0, 20))
    hot.take(1, told(BTC, 20, 30, bars(21)))
    out = tmp_path / "out.csv"
    assert home.export(Part(BTC, BASE_FRAME, 0, NOW), out, fill=False) == 4
    frame = pd.read_csv(out)
    assert frame["time"].tolist() == [f"2024-10-04T00:{minute:02}:00+00:00" for minute in (0, 5, 10, 20)]
    assert frame["volume"].tolist() == [2.0] * 4
    assert home.export(Part(BTC, BASE_FRAME, 0, NOW), out, fill=True) == 6
    frame = pd.read_csv(out)
    assert frame["filled"].tolist() == [False, False, False, True, False, True]
    assert np.diff(pd.to_datetime(frame["time"]).astype("int64")).std() == 0


def test_an_export_tells_the_state_and_the_source_of_each_candle(home, hot, tmp_path):
    home.keep(BTC, MINUTE, bars(0), span(0, 2))
    hot.take(1, told(BTC, 2, 9, bars(2, 4, 7), "provisional"))
    (before,) = bars(4)
    after = structs.replace(before, volume=D(9))
    (since, until), revision = span(2, 6)[0], Revision(before.start, before, after)
    hot.take(2, CandlesTold(BTC, since, until, (*bars(2), after), "rest", "final", (revision,)))
    out = tmp_path / "out.parquet"
    assert home.export(Part(BTC, MINUTE, 0, NOW), out, fill=True) == 9
    frame = pd.read_parquet(out)
    filled = ("filled", "")
    rows = [("final", "rest"), filled, ("final", "rest"), filled, ("revised", "rest"), filled, filled]
    rows += [("provisional", "trades"), filled]
    assert list(zip(frame["state"], frame["source"], strict=True)) == rows


def test_an_export_leaves_out_what_is_known_in_part_and_what_was_not_asked_for(home, tmp_path):
    home.keep(BTC, MINUTE, bars(0, 7, 12), span(2, 15))
    out = tmp_path / "out.parquet"
    assert home.export(Part(BTC, BASE_FRAME, 0, NOW), out, fill=False) == 2
    assert home.export(Part(BTC, BASE_FRAME, T0 + 10 * MINUTE, NOW), out, fill=False) == 1
    assert home.export(Part(ETH, BASE_FRAME, 0, NOW), tmp_path / "none.csv", fill=False) == 0
    assert not (tmp_path / "none.csv").exists()


def test_a_filled_export_is_refused_by_the_import(home, tmp_path):
    home.keep(BTC, MINUTE, bars(0, 1, 4), span(0, 5))
    folder = tmp_path / "1m"
    folder.mkdir()
    home.export(part(0, 5), folder / "KRW-BTC.csv", fill=True)
    (done,) = home.take(Folder(str(folder), "", (), None, NOW))
    assert "line 4 has no volume; leave out filled rows" in done.error
    with pytest.raises(ConfigError, match="holds nothing to import"):
        list(home.take(Folder(str(folder), "", (ETH,), None, NOW)))


def test_sealing_moves_the_tail_into_files(home, hot):
    hot.take(1, told(BTC, 0, 10, bars(0, 5)))
    assert home.steps(BTC) == ()
    assert home.seal(NOW) == ()
    assert home._store.load(BTC).time.tolist() == [T0, T0 + 5 * MINUTE]
    assert hot.markets() == ()


def test_a_damaged_file_is_named_and_owed_until_it_is_collected_again(home, tmp_path):
    home.keep(BTC, MINUTE, bars(0, 5), span(0, 10))
    home.index([BTC], NOW)
    (file,) = (tmp_path / "home" / "candles").rglob("*.h5")
    file.write_bytes(file.read_bytes()[:-100])
    (found,) = home.check(NOW)
    assert (found.market, found.frame) == (BTC, "1m")
    assert found.path.endswith(".damaged")
    (owed,) = home.owed(NOW)
    assert (owed.market, owed.step, owed.spans) == (BTC, MINUTE, span(0, 10))
    assert home.check(NOW) == ()
    home.keep(BTC, MINUTE, bars(0, 5), span(0, 10))
    assert home.owed(NOW) == ()


def test_the_index_tells_what_was_imported(home, tmp_path):
    home.keep(BTC, MINUTE, bars(0, 5), span(0, 10))
    out = tmp_path / "in" / "1m" / "KRW-ETH.parquet"
    out.parent.mkdir(parents=True)
    home.export(part(0, 10), out, fill=False)
    list(home.take(Folder(str(tmp_path / "in"), "", (), None, NOW)))
    lines = CandleIndex(home._database).entries()
    assert [(one.market, one.timeframe, one.rows, one.checked_at) for one in lines] == [(ETH, "1m", 2, NOW)]


def test_the_judged_are_those_a_session_last_found_worth_trading(home, tmp_path):
    database = open_database(tmp_path / "home" / "baeu.sqlite3")
    Projection(database).apply([(1, judged_at(T0, a_verdict(BTC, "VALUE"), a_verdict(ETH), full=True))])
    database.close()
    assert home.judged() == (ETH,)
