"""A paper session from command line to summary, over real HTTP and WebSocket, and what a kill leaves of it."""

import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.system.conftest import ROOT, Program, run, summary

FIVE = "KRW-BTC,KRW-ETH,KRW-XRP,KRW-SOL,KRW-DOGE"


def journal_bytes(home: Path) -> int:
    return sum(path.stat().st_size for path in (home / "journal").glob("*") if path.is_file())


def wait_for_journal(program: Program, home: Path, more: int) -> None:
    """Until the journal has grown by so many bytes."""
    tick, end = threading.Event(), journal_bytes(home) + more
    for _ in range(1_200):
        if journal_bytes(home) >= end:
            return
        if program.process.poll() is not None:
            pytest.fail(f"ended by itself: {program.process.communicate()[1][-3000:]}")
        tick.wait(0.05)
    pytest.fail(f"the journal of {home} did not grow")


@pytest.mark.timeout(240)
def test_real_candles_give_a_decision_for_every_close_and_books_that_equal_the_exchange(candles, tmp_path):
    home = str(tmp_path / "home")
    arguments = ("--candles", str(candles), "--markets", FIVE, "--speed", "1200", "--for", "4h", "--no-web", "--json")
    code, out, err = run("paper", "--sandbox", *arguments, "--home", home)
    assert code == 0, err[-4000:]
    told = summary(out, err)
    assert told["decisions"] >= 5 * 46
    assert told["reconciled"] is True
    assert told["restarts"] == told["dead_letters"] == 0
    assert float(told["equity"]) > 9_000_000
    code, out, _ = run("replay", home)
    assert (code, out.strip().rpartition(": ")[2]) == (0, "identical")
    code, out, _ = run("incident", home)
    assert "start 1" in out
    with sqlite3.connect(tmp_path / "home" / "baeu.sqlite3") as database:
        assert database.execute("select count(*) from decisions").fetchone()[0] >= 5 * 46


@pytest.mark.timeout(240)
def test_after_every_kill_the_session_goes_on_with_books_that_equal_the_exchange(tmp_path):
    home, rng = tmp_path / "home", random.Random(7)
    arguments = ("paper", "--sandbox", "--speed", "300", "--seed", "3", "--no-web", "--json", "--home", str(home))
    for _ in range(3):
        program = Program(*arguments)
        wait_for_journal(program, home, rng.randint(200_000, 900_000))
        program.kill()
    code, out, err = run(*arguments, "--for", "1h")
    assert code == 0, err[-4000:]
    assert summary(out, err)["reconciled"] is True
    assert run("replay", str(home))[1].strip().endswith("identical")


def test_a_planted_crash_is_healed_and_the_incident_shows_it_with_the_time_it_took(tmp_path):
    home = str(tmp_path / "home")
    arguments = ("--speed", "300", "--for", "30m", "--no-web", "--json", "--markets", "KRW-BTC,KRW-ETH")
    code, out, err = run("paper", "--sandbox", *arguments, "--fault", "market:KRW-BTC:TradesPrinted", "--home", home)
    assert code == 0, err[-4000:]
    assert summary(out, err)["restarts"] == 1
    lines = run("incident", home)[1].splitlines()
    assert any("crash  market:KRW-BTC on TradesPrinted" in line for line in lines)
    (restart,) = [line for line in lines if "restart  market:KRW-BTC" in line]
    assert re.search(r"after \d+\.\d{3} s$", restart)
    assert run("replay", home)[1].strip().endswith("identical")


def test_control_c_ends_a_session_cleanly_and_the_next_one_goes_on(tmp_path):
    home = tmp_path / "home"
    arguments = ("paper", "--sandbox", "--speed", "120", "--no-web", "--json", "--home", str(home))
    program = Program(*arguments)
    wait_for_journal(program, home, 100_000)
    out, err = program.interrupt()
    assert program.code == 0, err[-3000:]
    first = summary(out, err)
    code, out, err = run(*arguments, "--for", "10m")
    assert code == 0
    assert summary(out, err)["journal_records"] > 0
    assert first["reconciled"] is True


def test_a_signal_prints_the_stack_of_every_thread_and_the_session_goes_on(tmp_path):
    home = tmp_path / "home"
    arguments = ("--speed", "120", "--no-web", "--json", "--markets", "KRW-BTC", "--home", str(home))
    program = Program("paper", "--sandbox", *arguments)
    wait_for_journal(program, home, 20_000)
    program.process.send_signal(signal.SIGUSR1)
    wait_for_journal(program, home, 5_000)
    out, err = program.interrupt()
    assert program.code == 0, err[-3000:]
    assert summary(out, err)["reconciled"] is True
    stacks = re.split(r"^Thread 0x\w+ ", err, flags=re.MULTILINE)[1:]
    assert len(stacks) > 10  # an actor each, the socket, the journal's keeper, the main thread
    assert any(re.search(r'run.py", line \d+, in <module>', stack) for stack in stacks)
    assert any("_actor_loop" in stack for stack in stacks)


def test_a_sandbox_that_dies_ends_the_session_with_one_line_and_the_next_one_goes_on(tmp_path):
    home = tmp_path / "home"
    arguments = ("paper", "--sandbox", "--speed", "300", "--no-web", "--json", "--home", str(home))
    program = Program(*arguments)
    wait_for_journal(program, home, 100_000)
    children = Path(f"/proc/{program.process.pid}/task/{program.process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    out, err = program.wait(60)
    assert program.code == 1
    assert err.strip().splitlines()[-1].startswith("error: the sandbox ended by itself")
    assert summary(out, err)["reconciled"] is False
    code, out, err = run(*arguments, "--for", "20m")
    assert code == 0, err[-3000:]
    assert summary(out, err)["reconciled"] is True
    with sqlite3.connect(home / "baeu.sqlite3") as database:
        newest = database.execute("select code from decisions where at = (select max(at) from decisions)").fetchall()
    assert ("NO_SIGNAL",) in newest  # engine and exchange share one time again, so bars have trades in them


def test_a_barred_market_is_shown_decided_against_with_its_reason_recorded_and_replays(tmp_path):
    program = [sys.executable, "-m", "tests.system.barred", str(tmp_path / "home")]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = summary(done.stdout, done.stderr)
    assert told["decided"].keys() == {"KRW-BTC", "KRW-ETH"}
    assert told["decided"]["KRW-BTC"] is None
    assert told["decided"]["KRW-ETH"].startswith("the exchange moves KRW-ETH at")
    (shown,) = told["shown"]
    assert shown.startswith("KRW-ETH: the exchange moves KRW-ETH at")
    with sqlite3.connect(tmp_path / "home" / "baeu.sqlite3") as database:
        kept = database.execute("select count(*) from risk_events where text like '%in steps of%'").fetchone()[0]
    assert kept == 1
    assert run("replay", str(tmp_path / "home"))[1].strip().endswith("identical")
