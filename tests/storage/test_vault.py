"""The vault: what it keeps, whom it lets in, and what a kill, a bad disk or a bad neighbour does to it."""

import copy
import hashlib
import logging
import os
import pickle
import random
import signal
import stat
import subprocess
import sys
import threading
import unicodedata
from pathlib import Path

import msgspec
import pytest

from domain.errors import ConfigError, StorageError, VaultDamaged, WrongPassphrase
from domain.keys import Checked, KeyPair, StoredKey, with_key
from domain.secret import Secret
from storage.sealing import Cost
from storage.vault import Vault

ROOT = Path(__file__).resolve().parents[2]
CHEAP = Cost(n=1 << 10)
WORDS = Secret("a few words of the test")
HIDDEN = "SeCrEtKeYoFtHeTeSt0000000000000000000000"
ACCESS = "AcCeSsKeYoFtHeTeSt0000000000000000000000"


def a_pair(number: int = 0, **more) -> KeyPair:
    return KeyPair(f"{ACCESS}{number}", Secret(f"{HIDDEN}{number}"), added_at=1_000 + number, **more)


def a_key(name: str = "main", number: int = 0, **more) -> StoredKey:
    return StoredKey(name, **{"pocket": "bot", "pair": a_pair(number)} | more)


@pytest.fixture
def vault(tmp_path) -> Vault:
    """A vault with one key."""
    made = Vault(tmp_path / "vault", CHEAP)
    made.change(WORDS, lambda ring: with_key(ring, a_key()))
    return made


def seen(ring) -> list:
    """A ring with its secrets laid open, to compare."""
    return [
        (key.name, key.pocket, [(one.access, one.secret.reveal(), one.added_at, one.checked) for one in pairs])
        for key in ring
        for pairs in [[key.pair, *([key.successor] if key.successor else [])]]
    ]


def test_what_goes_in_comes_out_exactly(vault):
    checked = Checked(5, 7, ("view_account", "make_orders"), ("withdraw",))
    ring = vault.change(
        WORDS, lambda ring: with_key(ring, StoredKey("-2", "한글 포켓", a_pair(1, checked=checked), a_pair(2)))
    )
    assert seen(Vault(vault.path, CHEAP).keys(WORDS)) == seen(ring)
    assert vault.names() == ("main", "-2")


def test_the_file_is_its_owners_alone_and_shows_no_key(vault):
    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600
    content = vault.path.read_bytes()
    assert HIDDEN.encode() not in content
    assert ACCESS.encode() not in content
    assert [path.name for path in vault.path.parent.iterdir()] == ["vault"]


def test_a_wrong_passphrase_is_told_apart_from_damage(vault):
    with pytest.raises(WrongPassphrase, match="does not open"):
        vault.keys(Secret("some other words"))


def test_a_passphrase_is_the_same_text_however_the_keyboard_composes_it(tmp_path):
    vault = Vault(tmp_path / "vault", CHEAP)
    vault.change(Secret(unicodedata.normalize("NFD", "비밀번호는 아무도 모른다")), lambda ring: with_key(ring, a_key()))
    assert vault.keys(Secret(unicodedata.normalize("NFC", "비밀번호는 아무도 모른다")))


def test_a_short_passphrase_makes_no_vault(tmp_path):
    vault = Vault(tmp_path / "vault", CHEAP)
    with pytest.raises(ConfigError, match="12 characters, found 5"):
        vault.change(Secret("short"), lambda ring: with_key(ring, a_key()))
    assert not vault.exists()


def test_a_changed_passphrase_opens_and_the_old_one_no_longer(vault):
    fresh = Secret("quite different words")
    vault.change_passphrase(WORDS, fresh)
    assert seen(vault.keys(fresh)) == seen([a_key()])
    with pytest.raises(WrongPassphrase):
        vault.keys(WORDS)
    with pytest.raises(ConfigError, match="12 characters"):
        vault.change_passphrase(fresh, Secret("short"))
    assert vault.keys(fresh)


def test_every_truncation_is_damage_and_says_what_to_do(vault):
    content = vault.path.read_bytes()
    for length in range(len(content)):
        vault.path.write_bytes(content[:length])
        with pytest.raises(VaultDamaged, match="restore it from a backup"):
            vault.keys(WORDS)


def test_every_flipped_bit_is_noticed(vault):
    content = bytearray(vault.path.read_bytes())
    for place in range(len(content)):
        changed = bytes(content[:place]) + bytes([content[place] ^ 1]) + bytes(content[place + 1 :])
        vault.path.write_bytes(changed)
        with pytest.raises((VaultDamaged, ConfigError)) as caught:
            vault.keys(WORDS)
        assert not isinstance(caught.value, WrongPassphrase)


@pytest.mark.parametrize("more", [b"\n", b"x", b"\x00" * 10])
def test_bytes_behind_the_end_are_damage(vault, more):
    vault.path.write_bytes(vault.path.read_bytes() + more)
    with pytest.raises(VaultDamaged):
        vault.keys(WORDS)


def reforged(content: bytes, old: bytes, new: bytes) -> bytes:
    """A change by someone who mends the checksum too."""
    body = b"".join(content.splitlines(keepends=True)[:-1])
    assert old in body
    body = body.replace(old, new, 1)
    return body + hashlib.sha256(body).hexdigest().encode() + b"\n"


@pytest.mark.parametrize(("old", "new"), [(b'"main"', b'"mine"'), (b'"n":1024', b'"n":2048'), (b'"p":1', b'"p":2')])
def test_a_forged_header_does_not_open_though_its_checksum_fits(vault, old, new):
    vault.path.write_bytes(reforged(vault.path.read_bytes(), old, new))
    with pytest.raises(WrongPassphrase):
        vault.keys(WORDS)


@pytest.mark.parametrize("cost", [b'"n":1048577', b'"n":1023', b'"n":1048576,"r":32', b'"n":0', b'"n":"x"'])
def test_a_cost_that_would_eat_the_machine_is_damage(vault, cost):
    old = b'"n":1024,"r":8' if b'"r"' in cost else b'"n":1024'
    vault.path.write_bytes(reforged(vault.path.read_bytes(), old, cost))
    with pytest.raises(VaultDamaged, match="header"):
        vault.keys(WORDS)


def test_a_newer_vault_asks_for_the_newer_program(vault):
    vault.path.write_bytes(reforged(vault.path.read_bytes(), b"baeu-vault 1", b"baeu-vault 2"))
    with pytest.raises(ConfigError, match="newer program"):
        vault.keys(WORDS)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_vault_others_can_reach_is_refused_with_the_command_that_mends_it(vault, mode):
    vault.path.chmod(mode)
    for look in (vault.names, lambda: vault.keys(WORDS), lambda: vault.change(WORDS, lambda ring: ring)):
        with pytest.raises(ConfigError, match=f"mode {mode:04o}.*chmod 600 {vault.path}"):
            look()
    vault.path.chmod(0o600)
    assert vault.keys(WORDS)


def test_a_folder_others_can_reach_is_refused_with_the_command_that_mends_it(vault):
    vault.path.parent.chmod(0o755)
    for look in (lambda: vault.keys(WORDS), lambda: vault.change(WORDS, lambda ring: ring)):
        with pytest.raises(ConfigError, match=f"chmod 700 {vault.path.parent}"):
            look()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_vault_of_another_user_is_refused_with_the_command_that_mends_it(vault):
    os.chown(vault.path, 12_345, -1)
    with pytest.raises(ConfigError, match=f"belongs to 12345.*sudo chown root {vault.path}"):
        vault.keys(WORDS)


def test_a_link_or_a_pipe_in_its_place_is_not_followed(vault, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    vault.path.rename(elsewhere)
    vault.path.symlink_to(elsewhere)
    with pytest.raises(StorageError, match="cannot be read"):
        vault.keys(WORDS)
    vault.path.unlink()
    os.mkfifo(vault.path, 0o600)
    with pytest.raises(StorageError, match="not a file"):
        vault.keys(WORDS)


def test_no_vault_says_how_to_make_one(tmp_path):
    with pytest.raises(StorageError, match="keys add"):
        Vault(tmp_path / "vault", CHEAP).keys(WORDS)


def test_a_change_that_is_refused_changes_nothing(vault):
    before = vault.path.read_bytes()
    with pytest.raises(ConfigError, match="keys rotate main"):
        vault.change(WORDS, lambda ring: with_key(ring, a_key()))
    assert vault.path.read_bytes() == before


def test_threads_that_add_at_once_lose_no_key(tmp_path):
    path, gate = tmp_path / "vault", threading.Barrier(6)

    def add(number: int) -> None:
        gate.wait(10)
        Vault(path, CHEAP).change(WORDS, lambda ring: with_key(ring, a_key(f"k{number}", number)))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(key.name for key in Vault(path, CHEAP).keys(WORDS)) == [f"k{number}" for number in range(6)]


WRITER = """
import sys
from pathlib import Path
from dataclasses import replace
from domain.secret import Secret
from storage.sealing import Cost
from storage.vault import Vault
vault = Vault(Path(sys.argv[1]), Cost(n=2))
for number in range(1_000_000):
    vault.change(Secret("a few words of the test"), lambda ring: (replace(ring[0], pocket=f"{number:032}"), *ring[1:]))
    print(number, flush=True)
"""


def test_a_kill_in_the_middle_of_a_write_leaves_the_last_vault_or_the_next(vault):
    chance = random.Random(11)
    for _ in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(vault.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(chance.randint(3, 60)):
            told = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate(timeout=10)
        told = max([told, *(int(line) for line in rest.split("\n")[:-1])])
        (key,) = vault.keys(WORDS)
        assert int(key.pocket) in {told, told + 1}
    vault.change(WORDS, lambda ring: ring)
    assert [path.name for path in vault.path.parent.iterdir()] == ["vault"]  # what the killed ones left is gone


def test_a_full_disk_leaves_the_old_vault(vault):
    before = vault.path.read_bytes()
    program = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    program += "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n" + WRITER
    done = subprocess.run(
        [sys.executable, "-c", program, str(vault.path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert "StorageError" in done.stderr
    assert "cannot be written" in done.stderr
    assert HIDDEN not in done.stderr
    assert vault.path.read_bytes() == before
    assert [path.name for path in vault.path.parent.iterdir()] == ["vault"]


# --- nobody sees a secret


def test_no_way_to_show_a_key_shows_its_secret(vault, caplog):
    (key,) = vault.keys(WORDS)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").info("a key %s %r", key, key.pair.secret)
    told = [repr(key), str(key), f"{key}", f"{key.pair.secret}", repr(vault), caplog.text]
    assert not any(HIDDEN in text or ACCESS in text for text in told)
    assert key.pair.short == "AcCe…0000"
    for copied in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            copied(key.pair.secret)
    for coder in (msgspec.json, msgspec.msgpack):
        with pytest.raises(TypeError):
            coder.encode(key)
