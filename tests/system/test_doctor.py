"""`run.py doctor` as a person runs it: on the sandbox, on a home that was used, and on an exchange that lies."""

import json
import os
import subprocess
import sys

import pytest

from actors.runtime.journal import lock_directory
from domain.secret import SECRET_VARIABLES
from tests.actors.liar import ACCESS, HIDDEN, Liar, error, instrument
from tests.system.conftest import ROOT, run

ROWS = (
    *("dns", "tcp", "tls", "http", "websocket", "clock", "price steps"),
    *("api key", "ip allow-list", "permissions", "withdrawal", "key expiry", "fees and minimums", "dry order"),
    *("disk space", "disk speed", "journal", "single instance", "python", "packages"),
    *("database", "vault", "numba cache"),
)
NOT_APPLICABLE = {"dns", "tls", "vault"}  # the sandbox is an address, without TLS
OF_THE_MACHINE = {"disk space", "disk speed", "packages"}  # what this machine is like is not ours to say


def findings(out: str) -> dict[str, dict]:
    told = json.loads(out.strip().splitlines()[-1])
    assert told["ok"] is all(each["status"] != "red" for each in told["findings"])
    return {each["name"]: each for each in told["findings"]}


def at(url: str, socket: str) -> tuple[str, ...]:
    return ("--url", url, "--socket", socket)


@pytest.fixture(autouse=True)
def no_key_of_ours(monkeypatch):
    for name in SECRET_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def statuses(found: dict[str, dict], status: str) -> set[str]:
    return {name for name, each in found.items() if each["status"] == status} - OF_THE_MACHINE


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home in which a session ran."""
    made = tmp_path_factory.mktemp("doctor") / "home"
    code, _, err = run("paper", "--sandbox", "--no-web", "--speed", "600", "--for", "10m", "--home", str(made))
    assert code == 0, err[-3000:]
    return made


def test_with_the_sandbox_all_is_green_but_what_does_not_apply(home):
    code, out, err = run("doctor", "--sandbox", "--json", "--home", str(home))
    assert code == 0, err
    found = findings(out)
    assert tuple(found) == ROWS
    assert statuses(found, "grey") == NOT_APPLICABLE
    assert statuses(found, "yellow") == statuses(found, "red") == set()


def test_a_fresh_home_is_no_illness(tmp_path):
    code, out, err = run("doctor", "--sandbox", "--json", "--home", str(tmp_path / "home"))
    assert code == 0, err
    assert statuses(findings(out), "grey") == NOT_APPLICABLE | {"journal", "database"}


def test_what_is_ill_in_a_home_is_red_with_the_way_out(home):
    (segment,) = (home / "journal").glob("*.log")
    database, vault = home / "baeu.sqlite3", home / "vault"
    healthy = segment.read_bytes(), database.read_bytes()
    torn = bytearray(healthy[0])
    torn[len(torn) // 2] ^= 1
    segment.write_bytes(torn)
    database.write_bytes(b"no database" * 1_000)
    vault.write_bytes(b"no vault")
    lock = lock_directory(home / "journal")
    try:
        code, out, _ = run("doctor", "--sandbox", "--home", str(home))
    finally:
        os.close(lock)
        segment.write_bytes(healthy[0])
        database.write_bytes(healthy[1])
        vault.unlink()
    assert code == 1
    rows = {line[7:24].strip(): line.split()[0] for line in out.splitlines() if not line.startswith(" ")}
    assert [rows[name] for name in ("journal", "database", "vault")] == ["red"] * 3
    assert rows["single instance"] == "yellow"
    assert segment.name in out
    assert out.count("to do:") >= 4


def test_an_exchange_that_lies_is_found_out_and_no_secret_is_shown(tmp_path):
    liar = Liar()
    liar.says("/v1/orderbook/instruments", (200, [instrument("KRW-BTC", "500"), instrument("KRW-XRP", "1")]))
    liar.says("/v1/orders/test", error(401, "no_authorization_ip"))
    liar.skew_s = 9
    try:
        done = subprocess.run(
            [sys.executable, "run.py", "doctor", "--json", *at(liar.url, liar.socket), "--home", str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "UPBIT_ACCESS_KEY": ACCESS, "UPBIT_SECRET_KEY": HIDDEN},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    finally:
        liar.close()
    assert done.returncode == 1
    found = findings(done.stdout)
    assert statuses(found, "red") == {"websocket", "price steps", "ip allow-list", "dry order"}
    assert statuses(found, "yellow") == {"clock"}
    for secret in (HIDDEN, ACCESS):
        assert secret not in done.stdout + done.stderr


def test_a_vault_that_cannot_be_opened_keeps_no_other_row_from_being_looked_at(tmp_path):
    (tmp_path / "vault").write_bytes(b"no vault")
    (tmp_path / "vault").chmod(0o644)
    code, out, _ = run("doctor", "--json", *at("http://127.0.0.1:9", "ws://127.0.0.1:9"), "--home", str(tmp_path))
    assert code == 1
    found = findings(out)
    assert tuple(found) == ROWS
    assert f"chmod 600 {tmp_path}/vault" in found["vault"]["found"]
    assert found["api key"]["status"] == "grey"


def test_without_a_network_and_a_key_it_says_so_and_does_not_hang(tmp_path):
    code, out, _ = run("doctor", "--json", *at("http://127.0.0.1:9", "ws://127.0.0.1:9"), "--home", str(tmp_path))
    assert code == 1
    found = findings(out)
    assert statuses(found, "red") == {"tcp", "http", "websocket"}
    assert statuses(found, "grey") >= {"clock", "price steps", "api key", "dry order"}
