"""Which key a command works with, and what it tells of this machine's address."""

import pytest

from actors.keys.source import Found, key_in_use, pair_of, safe_url
from actors.keys.words import _about
from domain.errors import ConfigError, WrongPassphrase
from domain.keys import KeyPair, StoredKey, with_key
from domain.secret import Secret
from storage.sealing import Cost
from storage.vault import Vault
from tests.actors.liar import ACCESS, HIDDEN

WORDS = Secret("a few words of the test")
ENVIRONMENT = {"UPBIT_ACCESS_KEY": f" {ACCESS}\n", "UPBIT_SECRET_KEY": HIDDEN}


@pytest.fixture
def vault(tmp_path):
    return Vault(tmp_path / "vault", Cost(n=2))


@pytest.fixture
def two(vault):
    for name in ("first", "second"):
        key = StoredKey(name, "", KeyPair(name, Secret(HIDDEN), 0))
        vault.change(WORDS, lambda ring, key=key: with_key(ring, key))
    return vault


def test_the_environment_goes_before_the_vault_unless_a_key_is_named(two):
    found = key_in_use(ENVIRONMENT, two, WORDS, "", 7)
    assert (found.origin, found.pair.access, found.pair.secret.reveal()) == ("environment", ACCESS, HIDDEN)
    found = key_in_use(ENVIRONMENT, two, WORDS, "second", 7)
    assert (found.origin, found.pair.access) == ("vault key second", "second")


def test_the_only_key_needs_no_name_and_of_several_one_must_be_named(two):
    with pytest.raises(ConfigError, match="first, second: say which with --key"):
        key_in_use({}, two, WORDS, "", 0)
    two.change(WORDS, lambda ring: ring[:1])
    assert key_in_use({}, two, WORDS, "", 0).pair.access == "first"
    two.change(WORDS, lambda _: ())
    assert key_in_use({}, two, WORDS, "", 0) == Found(None, "no key")


def test_no_vault_is_no_key_and_a_locked_one_says_how_to_open_it(vault, two, tmp_path):
    assert key_in_use({}, Vault(tmp_path / "absent"), None, "", 0) == Found(None, "no key")
    found = key_in_use({}, two, None, "", 0)  # pytest has no terminal
    assert found.pair is None
    assert "BAEU_VAULT_PASSPHRASE_FILE" in found.origin
    with pytest.raises(WrongPassphrase):
        key_in_use({}, two, Secret("some other words"), "", 0)


@pytest.mark.parametrize("half", ["UPBIT_ACCESS_KEY", "UPBIT_SECRET_KEY"])
def test_half_a_key_is_refused(half):
    with pytest.raises(ConfigError, match=f"{half} is set"):
        pair_of({half: ENVIRONMENT[half]}, 0)
    assert pair_of({}, 0) is None


@pytest.mark.parametrize("url", ["https://api.upbit.com", "http://127.0.0.1:8000", "http://localhost:1"])
def test_signed_calls_go_encrypted_or_to_this_machine(url):
    assert safe_url(url) == url


@pytest.mark.parametrize(
    "url", ["http://api.upbit.com", "ftp://127.0.0.1", "http://127.0.0.1.evil.example", "http://localhost@evil.example"]
)
def test_signed_calls_go_nowhere_else(url):
    with pytest.raises(ConfigError, match="https://"):
        safe_url(url)


@pytest.mark.parametrize(
    ("address", "korean", "english"),
    [
        ("", "경로가 없습니다", "no way"),
        ("8.8.8.8", "공인 주소 8.8.8.8", "allow that one"),
        ("10.1.2.3", "내부", "inside one"),
    ],
)
def test_a_machine_tells_what_its_own_address_is_worth(address, korean, english):
    assert korean in _about(address)
    assert english in _about(address)
