"""The sandbox's file: what was committed is there, whatever happened to the process or the file since."""

import contextlib
import os
import shutil

import pytest

from actors.sandbox.store import FILE, Store
from domain.errors import ConfigError, StorageError


@pytest.fixture
def store(tmp_path):
    with contextlib.closing(Store(tmp_path / "store")) as opened:
        yield opened


def test_what_was_committed_is_there_and_a_snapshot_stands_for_the_records(store):
    assert (store.time, store.records(), store.snapshot()) == (0, [], None)
    store.commit(5)
    store.commit(6, 2, b"two")
    store.commit(7, 10, b"ten")
    assert (store.time, store.records()) == (7, [b"two", b"ten"])
    store.replace(b"state")
    store.commit(8, 11, b"more")
    assert (store.time, store.records(), store.snapshot()) == (8, [b"more"], b"state")


def test_a_commit_is_whole_or_not_at_all(store):
    store.commit(5, 1, b"one")
    with pytest.raises(StorageError, match="cannot write"):
        store.commit(6, 1, b"again")
    assert (store.time, store.records()) == (5, [b"one"])


def test_others_keep_things_by_their_names(store):
    assert store.kept("faults") is None
    store.keep("faults", b"1")
    store.keep("faults", b"2")
    store.keep("listings", b"3")
    assert (store.kept("faults"), store.kept("listings")) == (b"2", b"3")


def test_a_torn_tail_loses_the_last_commit_and_nothing_before_it(store, tmp_path):
    store.commit(1, 1, b"one")
    whole = (store.folder / f"{FILE}-wal").stat().st_size
    store.commit(2, 2, b"two" * 2_000)
    end = (store.folder / f"{FILE}-wal").stat().st_size
    for size in (whole, whole + 1, (whole + end) // 2, end - 1):
        copy = shutil.copytree(store.folder, tmp_path / f"cut at {size}")
        os.truncate(copy / f"{FILE}-wal", size)
        with contextlib.closing(Store(copy)) as torn:
            assert (torn.time, torn.records()) == (1, [b"one"])
            torn.commit(3, 2, b"other")
            assert torn.records() == [b"one", b"other"]


def test_a_damaged_file_is_an_error_and_not_an_empty_one(tmp_path):
    with contextlib.closing(Store(tmp_path)) as store:
        store.replace(b"state" * 10_000)
    path = tmp_path / FILE
    data = path.read_bytes()
    for broken in (b"garbage" * 1_000, data[:8_192] + b"x" * 4_096 + data[12_288:]):
        path.write_bytes(broken)
        with pytest.raises(StorageError, match="damaged"):
            Store(tmp_path)


def test_another_schema_is_refused(tmp_path):
    with contextlib.closing(Store(tmp_path)) as store:
        store._db.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="schema 99 instead of"):
        Store(tmp_path)
