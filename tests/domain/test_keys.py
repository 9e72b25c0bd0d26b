"""Keys as they are kept: what is one, and how one takes over from another."""

import pytest

from domain.errors import ConfigError
from domain.keys import Checked, KeyPair, StoredKey, named, with_check, with_key, with_successor, without
from domain.secret import Secret

HIDDEN = "SeCrEtKeYoFtHeTeSt0000000000000000000000"
ACCESS = "AcCeSsKeYoFtHeTeSt0000000000000000000000"


def a_pair(number: int = 0) -> KeyPair:
    return KeyPair(f"{ACCESS}{number}", Secret(f"{HIDDEN}{number}"), added_at=1_000 + number)


def a_key(name: str = "main", number: int = 0) -> StoredKey:
    return StoredKey(name, "bot", a_pair(number))


def test_a_successor_waits_until_it_has_been_checked_and_then_takes_over():
    ring = with_successor((a_key(),), "main", a_pair(1))
    assert [one.access for one in (ring[0].pair, ring[0].successor)] == [f"{ACCESS}0", f"{ACCESS}1"]
    checked = Checked(9, None, ("view_account",))
    kept = with_check(ring, "main", f"{ACCESS}0", checked)
    assert kept[0].successor is not None  # the old one passed, the new one still waits
    (key,) = with_check(kept, "main", f"{ACCESS}1", checked)
    assert (key.pair.access, key.pair.checked, key.successor) == (f"{ACCESS}1", checked, None)


def test_a_second_rotation_replaces_the_successor_only():
    ring = with_successor(with_successor((a_key(),), "main", a_pair(1)), "main", a_pair(2))
    assert (ring[0].pair.access, ring[0].successor.access) == (f"{ACCESS}0", f"{ACCESS}2")


def test_a_check_of_a_pair_that_is_gone_changes_nothing():
    ring = (a_key(),)
    assert with_check(ring, "main", "nobody", Checked(1, None, ())) is ring


def test_one_access_key_is_kept_once():
    with pytest.raises(ConfigError, match="already, as 'main'"):
        with_key((a_key(),), a_key("other"))
    with pytest.raises(ConfigError, match="already, as 'main'"):
        with_successor((a_key(), a_key("other", 1)), "other", a_pair(0))


def test_a_key_nobody_has_is_named_with_those_there_are():
    for change in (named, without, lambda ring, name: with_successor(ring, name, a_pair(1))):
        with pytest.raises(ConfigError, match="'none'; it holds: main"):
            change((a_key(),), "none")


@pytest.mark.parametrize("text", ["", "with space", "line\nbreak", "비밀", "tab\t"])
def test_what_upbit_would_never_give_out_is_no_key_and_is_not_quoted(text):
    for access, secret in ((text, HIDDEN), (ACCESS, text)):
        with pytest.raises(ConfigError) as caught:
            KeyPair(access, Secret(secret), 0)
        assert not text or text not in str(caught.value)
        assert HIDDEN not in str(caught.value)


def test_the_same_text_twice_is_no_pair():
    with pytest.raises(ConfigError, match="same text"):
        KeyPair(ACCESS, Secret(ACCESS), 0)


@pytest.mark.parametrize("name", ["", "a b", "x" * 33, "../up"])
def test_a_name_is_a_word(name):
    with pytest.raises(ConfigError, match="name"):
        a_key(name)
