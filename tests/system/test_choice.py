"""A paper session that chooses its markets, as a person starts it, and what is kept of the choice."""

from contextlib import closing

from domain.market import DAY
from storage.database import open_reader
from storage.market_readings import MarketReadings
from tests.system.conftest import run, summary


def test_without_names_the_universe_chooses_and_what_it_judged_is_kept(tmp_path):
    home = tmp_path / "home"
    arguments = ("--speed", "300", "--for", "25m", "--no-web", "--json", "--watch", "usdt-btc", "--home", str(home))
    code, out, err = run("paper", "--sandbox", *arguments)
    assert code == 0, err[-4000:]
    told = summary(out, err)
    assert told["reconciled"] is True
    assert told["restarts"] == told["dead_letters"] == 0
    with closing(open_reader(home / "baeu.sqlite3")) as database:
        readings = MarketReadings(database)
        members, current = readings.members(), {one.verdict.market: one for one in readings.verdicts()}
        kept = readings.list_of(current["KRW-BTC"].at)
        assert readings.verdict_history("KRW-BTC")
    assert {"KRW-BTC", "KRW-ETH"} <= set(members)
    assert current["USDT-BTC"].verdict.code == "WATCHED_ONLY"
    assert current["KRW-USDT"].verdict.code == "STABLECOIN"
    assert {one.verdict.market for one in kept} == current.keys()
    assert {one.at // DAY for one in kept} == {current["KRW-BTC"].at // DAY}
    assert run("replay", str(home))[1].strip().endswith("identical")


def test_a_choice_that_cannot_be_is_one_line(tmp_path):
    code, _, err = run("paper", "--sandbox", "--no-web", "--home", str(tmp_path / "home"), "--watch", "USDT-XXX")
    assert code == 2
    assert "unknown market USDT-XXX" in err.strip().splitlines()[-1]


def test_another_currency_to_trade_in_is_refused_and_told_why(tmp_path):
    file = tmp_path / "baeu.toml"
    file.write_text('[universe]\nquotes = ["KRW", "USDT"]\n')
    code, _, err = run("paper", "--sandbox", "--no-web", "--home", str(tmp_path / "home"), "--settings", str(file))
    assert code == 2
    assert "keeps its books in KRW alone" in err.strip().splitlines()[-1]
