"""What the doctor hears of the files of a home."""

import pytest

from domain.finding import Status
from domain.keys import KeyPair, StoredKey, with_key
from domain.secret import Secret
from storage import health
from storage.database import open_database
from storage.sealing import Cost
from storage.vault import Vault


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "baeu.sqlite3"
    open_database(path).close()
    return path


@pytest.fixture
def vault(tmp_path):
    path = tmp_path / "vault"
    key = StoredKey("main", "", KeyPair("access", Secret("secret"), 0))
    Vault(path, Cost(n=2)).change(Secret("a few words of the test"), lambda ring: with_key(ring, key))
    return path


def test_a_whole_database_is_green_and_none_is_grey(database, tmp_path):
    assert health.database(database).status is Status.GREEN
    assert health.database(tmp_path / "absent").status is Status.GREY
    assert not (tmp_path / "absent").exists()


def test_a_damaged_database_is_red(database):
    content = bytearray(database.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    database.write_bytes(content)
    assert health.database(database).status is Status.RED
    database.write_bytes(b"not a database at all" * 100)
    assert health.database(database).status is Status.RED


def test_a_database_of_another_version_is_red_and_says_which(tmp_path, database):
    empty = tmp_path / "empty.sqlite3"
    empty.touch()
    found = health.database(empty)
    assert (found.status, "version 0" in found.found) == (Status.RED, True)


def test_a_whole_vault_is_green_and_names_its_keys_without_the_passphrase(vault, tmp_path):
    found = health.vault(vault)
    assert (found.status, "main" in found.found) == (Status.GREEN, True)
    assert health.vault(tmp_path / "absent").status is Status.GREY


def test_a_vault_others_can_read_is_red_with_the_command_that_mends_it(vault):
    vault.chmod(0o644)
    found = health.vault(vault)
    assert (found.status, f"chmod 600 {vault}" in found.found) == (Status.RED, True)


def test_a_damaged_vault_is_red(vault):
    vault.write_bytes(vault.read_bytes()[:-3])
    found = health.vault(vault)
    assert (found.status, "damaged" in found.found) == (Status.RED, True)
