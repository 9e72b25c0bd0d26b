import os
import re
import stat
import threading
from pathlib import Path

import pytest

from domain.errors import ConfigError
from storage.home import Home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_home_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "home")

    assert [mode(path) for path in (home.root, home.journal, home.candles, home.sandbox, home.logs)] == [0o700] * 5
    assert home.database == home.root / "baeu.sqlite3"
    assert home.web_socket == home.root / "web.sock"
    assert home.vault == home.root / "vault"
    assert sorted(path.name for path in home.root.iterdir()) == ["candles", "journal", "logs", "sandbox"]


def test_a_tilde_is_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert Home(Path("~/.baeu")).root == tmp_path / ".baeu"


def test_a_relative_home_stays_where_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = Home(Path("here"))
    monkeypatch.chdir("/")

    assert home.journal.is_dir()


def test_a_home_of_yesterday_keeps_its_files(tmp_path: Path) -> None:
    (Home(tmp_path / "home").journal / "0001.seg").write_text("records")

    assert (Home(tmp_path / "home").journal / "0001.seg").read_text() == "records"


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="is a file: name a folder with --home"):
        Home(tmp_path / "file")


@pytest.mark.parametrize("place", ["/proc/baeu", "{}/file/home"])
def test_a_place_that_cannot_hold_a_home_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=r"cannot be used: .* name a folder you may write to"):
        Home(Path(place.format(tmp_path)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_home_is_refused(tmp_path: Path) -> None:
    Home(tmp_path / "home")
    (tmp_path / "home").chmod(0o500)

    with pytest.raises(ConfigError, match="cannot be used"):
        Home(tmp_path / "home")
    (tmp_path / "home").chmod(0o700)


def test_the_prefix_is_drawn_once_and_read_for_ever(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    prefix = home.identifier_prefix

    assert re.fullmatch("[a-z0-9]{8}", prefix)
    assert mode(home.identity) == 0o600
    assert {Home(tmp_path / "home").identifier_prefix for _ in range(5)} == {prefix}
    assert not list(home.root.glob(".identity-*"))


def test_two_homes_have_two_prefixes(tmp_path: Path) -> None:
    assert len({Home(tmp_path / str(number)).identifier_prefix for number in range(20)}) == 20


def test_threads_that_draw_at_once_agree(tmp_path: Path) -> None:
    gate, drawn = threading.Barrier(8), []

    def draw() -> None:
        home = Home(tmp_path / "home")
        gate.wait(timeout=10)
        drawn.append(home.identifier_prefix)

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(drawn) == 8
    assert len(set(drawn)) == 1


@pytest.mark.parametrize(
    "text", ["", "identifier_prefix = ", "identifier_prefix = 12345678", 'identifier_prefix = "ABCDEFGH"', "x = 1"]
)
def test_a_damaged_identity_is_never_drawn_anew(tmp_path: Path, text: str) -> None:
    home = Home(tmp_path / "home")
    home.identity.write_text(text)

    with pytest.raises(ConfigError, match="restore it from a backup"):
        _ = home.identifier_prefix
    assert home.identity.read_text() == text


def test_an_identity_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.identity.mkdir()

    with pytest.raises(ConfigError, match=r"identity\.toml cannot be used"):
        _ = home.identifier_prefix


def test_candles_that_were_really_traded_keep_a_local_exchange_out(tmp_path):
    home = Home(tmp_path / "home")
    home.require_invented()
    file = home.candles / "KRW-BTC" / "2026.h5"
    file.parent.mkdir()
    file.touch()
    with pytest.raises(ConfigError, match="really traded: name another folder with --home"):
        home.require_invented()
    (home.sandbox / "world.json").touch()
    home.require_invented()
