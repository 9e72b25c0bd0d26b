"""`run.py collect` and `run.py candles` as a person uses them: killed, interrupted, refused, and right in the end."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from domain.market import DAY, MINUTE
from storage.candles import CandleStore
from storage.columns import CandleArrays
from tests.actors.collect.conftest import numbers, truth
from tests.actors.sandbox.process import Process
from tests.system.conftest import Program, run, summary

MARKETS = ("KRW-BTC", "KRW-XRP", "KRW-ETH", "BTC-ETH", "USDT-BTC")


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Process]:
    """An exchange of two days, in a process of its own; its clock hurries so that the truth is read in a moment."""
    process = Process(tmp_path / "box", "--markets", ",".join(MARKETS), "--days", "2", "--speed", "100")
    yield process
    process.terminate()


def collect(box, home, *more):
    return ("collect", "--url", box.client.base, "--home", str(home), "--markets", ",".join(MARKETS), *more)


def calls(box):
    return sum(call["path"].startswith("/v1/candles") for call in box.client.requests())


def assert_true(box, home):
    store = CandleStore(home / "candles", read_only=True)
    for market in MARKETS:
        ((since, until),) = store.whole(market)
        held = store.load(market)
        expected = truth(box.client, market, since, until)
        assert held.time.tolist() == list(expected)
        columns = (held.open, held.high, held.low, held.close, held.volume, held.value)
        assert list(zip(*(column.tolist() for column in columns), strict=True)) == list(map(numbers, expected.values()))
        assert len(held) > 500


def test_killed_and_interrupted_it_goes_on_and_ends_with_the_truth(box, tmp_path):
    home = tmp_path / "home"
    program = Program(*collect(box, home))
    while calls(box) < 35:  # each look is a call of its own: nobody sleeps
        pass
    program.kill()
    kept = set(CandleStore(home / "candles", read_only=True).markets())
    assert 0 < len(kept) < len(MARKETS)
    program = Program(*collect(box, home))
    begun = calls(box)
    while calls(box) < begun + 5:
        pass
    out, err = program.interrupt()
    assert program.code == 128 + signal.SIGINT
    assert "stopped: what came is stored; the same command goes on where it stopped" in out + err
    code, out, err = run(*collect(box, home, "--json"))
    assert code == 0, err
    assert summary(out, err)["failed"] == {}
    assert_true(box, home)
    asked = calls(box)
    code, out, err = run(*collect(box, home, "--json"))
    assert summary(out, err)["failed"] == {}
    assert calls(box) - asked <= len(MARKETS), "only the minutes that ended meanwhile are asked for"


def test_what_is_stored_is_verified_and_repaired(box, tmp_path):
    home = tmp_path / "home"
    only = ("--markets", "KRW-XRP", "--home", str(home), "--url", box.client.base)
    code, out, err = run("collect", *only, "--json")
    assert code == 0, err
    code, out, err = run("collect", *only, "--verify", "--json")
    assert (code, summary(out, err)["different"]) == (0, 0)
    store = CandleStore(home / "candles")
    held = store.load("KRW-XRP")
    store.put(
        "KRW-XRP",
        MINUTE,
        CandleArrays(held.time, *[held.open * 2] * 4, held.volume, held.value, held.flags),
        (),
    )
    code, out, err = run("collect", *only, "--verify", "--repair", "--pages", "5")
    assert code == 1
    assert "differ" in out
    assert "open " in out
    code, out, err = run("collect", *only, "--verify", "--pages", "5")
    assert code == 0, out


def test_a_folder_is_imported_shown_exported_and_checked(tmp_path, candles):
    home = ("--home", str(tmp_path / "home"))
    code, out, err = run("collect", "--from-dir", str(candles), "--json", *home)
    assert code == 0, err
    told = summary(out, err)
    assert (told["files"], told["refused"], told["rows"]) == (5, 0, told["new"])
    code, out, err = run("candles", "info", *home)
    assert code == 0, err
    assert any(line.startswith("KRW-DOGE  1m") and "2h 28m" in line for line in out.splitlines())
    out_file = tmp_path / "hours.parquet"
    code, out, err = run("candles", "export", "KRW-BTC", "--timeframe", "1h", "--out", str(out_file), *home)
    assert (code, out) == (0, f"600 candles in {out_file}\n")
    given = pd.read_parquet(candles.parent / "60m-2025-09" / "KRW-BTC.parquet").set_index("time")
    made = pd.read_parquet(out_file).set_index("time")
    assert (made[["open", "high", "low", "close"]] == given[["open", "high", "low", "close"]]).all(axis=None)
    (file,) = (tmp_path / "home" / "candles" / "KRW-BTC").glob("*.h5")
    file.write_bytes(file.read_bytes()[:-1])
    code, out, err = run("candles", "check", *home)
    assert code == 1
    assert "damaged: KRW-BTC 1m" in err
    assert "to be collected again: KRW-BTC 1m 2025-09-01 00:00 to 2025-09-26 00:00" in err
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("collect", "--repair"), "add --verify"),
        (("collect", "--universe", "--markets", "KRW-BTC"), "give one of them"),
        (("collect", "--universe", "--verify"), "leave out --universe"),
        (("collect", "--hole", "5m"), "add --from-dir"),
        (("collect", "--verify"), "nothing is stored"),
        (("collect", "--from-dir", "nowhere", "--sandbox"), "leave out --sandbox"),
        (("collect", "--from-dir", "/nowhere/at/all"), "is not a folder"),
        (("collect", "--url", "http://127.0.0.1:9"), "cannot be reached"),
        (("candles", "export", "KRW-BTC", "--out", "x.txt"), "must end in .csv or .parquet"),
        (("candles", "export", "KRW-BTC", "--out", "x.csv"), "no candles of KRW-BTC"),
        (("candles", "export", "KRW-BTC", "--out", "x.csv", "--timeframe", "7m"), "no candles of '7m'"),
    ],
)
def test_what_cannot_be_done_is_one_line_that_says_what_to_do(tmp_path, arguments, said):
    code, out, err = run(*arguments, "--home", str(tmp_path / "home"))
    assert code == 2, out + err
    assert err.splitlines()[-1].startswith("error: ")
    assert said in err.splitlines()[-1]
    assert "Traceback" not in err


def test_candles_that_were_made_up_never_lie_among_real_ones(tmp_path, candles):
    real, played = tmp_path / "real", tmp_path / "played"
    assert run("collect", "--from-dir", str(candles), "--home", str(real))[0] == 0
    code, _, err = run("collect", "--sandbox", "--home", str(real))
    assert (code, "really traded" in err) == (2, True)
    code, out, err = run("collect", "--sandbox", "--days", "1", "--markets", "KRW-BTC", "--home", str(played), "--json")
    assert code == 0, err
    assert summary(out, err)["candles"] > DAY // MINUTE // 2
    for more in ((), ("--from-dir", str(candles)), ("--verify",)):
        code, _, err = run("collect", "--home", str(played), *more)
        assert (code, "belongs to the local exchange" in err) == (2, True)
    (file,) = (played / "candles" / "KRW-BTC").glob("*.h5")
    file.write_bytes(file.read_bytes()[:-1])
    code, _, err = run("candles", "check", "--refetch", "--home", str(played))
    assert (code, "`collect --sandbox` fetches" in err) == (2, True)


def test_a_damaged_file_is_fetched_again(box, tmp_path):
    home = tmp_path / "home"
    at = ("--home", str(home), "--url", box.client.base)
    assert run("collect", "--markets", "KRW-XRP", *at)[0] == 0
    held = CandleStore(home / "candles", read_only=True).load("KRW-XRP")
    file = max((home / "candles" / "KRW-XRP").glob("*.h5"))
    file.write_bytes(b"damaged" + file.read_bytes())
    code, out, err = run("candles", "check", "--refetch", *at)
    assert code == 0, err
    assert "candles collected again" in out
    assert CandleStore(home / "candles", read_only=True).load("KRW-XRP").same_as(held)
    assert run("candles", "check", "--home", str(home))[0] == 0
    assert json.loads(run("candles", "info", "--json", "--home", str(home))[1])[0]["candles"] == len(held)
