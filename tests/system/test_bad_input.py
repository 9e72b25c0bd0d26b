"""One clear line each, an exit code that is not zero, and nothing lost."""

import shutil
import socket
import subprocess
import sys

import pytest

from tests.system.conftest import ROOT, run, summary


def refused(*arguments: str) -> str:
    """Run it: it must fail with one line, and no traceback."""
    code, out, err = run(*arguments)
    assert code != 0
    assert "Traceback" not in err, err
    assert out == ""
    return err.strip().splitlines()[-1]


def test_candles_without_the_sandbox(tmp_path):
    assert "--sandbox" in refused("paper", "--candles", str(tmp_path), "--home", str(tmp_path / "home"))


def test_a_hurried_clock_without_the_sandbox(tmp_path):
    assert "--sandbox" in refused("paper", "--speed", "60", "--home", str(tmp_path))


def test_a_scenario_without_the_sandbox_or_with_a_fault_that_is_none(tmp_path):
    path = tmp_path / "night.toml"
    assert "--sandbox" in refused("paper", "--scenario", str(path), "--home", str(tmp_path / "home"))
    path.write_text('[[fault]]\nfault = "typo"\n')
    line = refused("sandbox", "--scenario", str(path), "--home", str(tmp_path / "home"))
    assert "night.toml, fault 1: fault 'typo' is none; there are: accounts_lag" in line


def test_a_duration_that_is_none(tmp_path):
    assert "10m" in refused("paper", "--sandbox", "--for", "soon", "--home", str(tmp_path))


def test_a_flag_that_does_not_exist():
    assert "--quickly" in refused("paper", "--quickly")


def test_a_home_that_is_a_file(tmp_path):
    file = tmp_path / "home"
    file.write_text("not a folder")
    assert "is a file" in refused("paper", "--sandbox", "--home", str(file))
    assert file.read_text() == "not a folder"


def test_a_market_nobody_has(tmp_path):
    line = refused("paper", "--sandbox", "--no-web", "--markets", "KRW-NOPE", "--home", str(tmp_path))
    assert "KRW-NOPE" in line
    assert "KRW-BTC" in line


@pytest.mark.parametrize("content", [None, b"not parquet"], ids=["an empty folder", "a file that is no parquet"])
def test_candles_that_cannot_be_read(tmp_path, content):
    folder = tmp_path / "candles"
    folder.mkdir()
    if content:
        (folder / "KRW-BTC.parquet").write_bytes(content)
    code, _, err = run("paper", "--sandbox", "--no-web", "--candles", str(folder), "--home", str(tmp_path / "home"))
    assert code != 0
    assert "Traceback" not in err
    assert str(folder) in err or "KRW-BTC.parquet" in err


def test_settings_with_a_key_nobody_knows(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text("[sizes]\nriks = 0.01\n")
    line = refused("paper", "--sandbox", "--settings", str(file), "--home", str(tmp_path / "home"))
    assert "riks" in line
    assert "risk" in line


def test_a_dashboard_port_that_is_taken(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, _, err = run(
            "paper", "--sandbox", "--port", port, "--home", str(tmp_path), "--for", "1m", "--speed", "60"
        )
    assert code != 0
    assert port in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["replay", "incident"])
def test_a_review_of_nothing(tmp_path, command):
    assert "no journal" in refused(command, str(tmp_path))


def test_paper_on_upbit_without_network_names_the_sandbox(tmp_path):
    """The tests' machine may have a network; an address that refuses is the same to the program."""
    program = "import run, sys; run.UPBIT_REST = 'http://127.0.0.1:9'; sys.argv[1:] = {}; run.main()"
    asked = ["paper", "--no-web", "--home", str(tmp_path / "home")]
    done = subprocess.run(
        [sys.executable, "-c", program.format(asked)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "--sandbox" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def used_home(tmp_path_factory):
    """A home in which a short session ran."""
    home = tmp_path_factory.mktemp("used") / "home"
    code, _, err = run("paper", "--sandbox", "--no-web", "--speed", "600", "--for", "30m", "--home", str(home))
    assert code == 0, err
    return home


def test_a_journal_damaged_in_the_middle_is_refused_and_left_as_it_is(used_home, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(used_home, home, ignore=shutil.ignore_patterns("*.sock"))
    segment = next((home / "journal").glob("*.log"))
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    line = refused("paper", "--sandbox", "--no-web", "--home", str(home))
    assert segment.name in line
    assert segment.read_bytes() == content
    assert segment.name in refused("replay", str(home))


def test_a_full_disk_ends_the_session_and_nothing_is_lost(used_home, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(used_home, home, ignore=shutil.ignore_patterns("*.sock"))
    segment = next((home / "journal").glob("*.log"))
    limit_kb = segment.stat().st_size // 1024 + 100
    command = f"ulimit -f {limit_kb}; exec {sys.executable} run.py paper --sandbox --no-web --speed 600 --home {home}"
    full = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert full.returncode != 0
    assert "File too large" in full.stderr
    assert "Traceback" not in full.stderr
    again = ("paper", "--sandbox", "--no-web", "--speed", "600", "--for", "10m", "--json", "--home", str(home))
    code, out, err = run(*again)
    assert code == 0, err
    assert summary(out, err)["reconciled"] is True
    assert run("replay", str(home))[1].strip().endswith("identical")


def test_a_local_exchange_in_a_home_of_candles_that_were_really_traded(tmp_path):
    file = tmp_path / "home" / "candles" / "KRW-BTC" / "2026.h5"
    file.parent.mkdir(parents=True)
    file.touch()
    assert "really traded" in refused("paper", "--sandbox", "--no-web", "--home", str(tmp_path / "home"))
    assert not any((tmp_path / "home" / "sandbox").iterdir())
