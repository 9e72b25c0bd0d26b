"""The journal on disk: order, torn tails, damage, rotation, compression, retention, one owner."""

from pathlib import Path

import pytest

from actors.runtime import segments
from actors.runtime.codec import decode_message, encode
from actors.runtime.journal import Journal, lock_directory, read
from actors.runtime.parcel import Parcel
from actors.runtime.record import Status
from domain.errors import ConfigError, JournalDamaged, StorageError

from .conftest import disk_full_beyond
from .sample import Added


def opened(folder: Path, *, version: str = "1", seed: int = 1, segment_bytes: int = 1 << 20) -> Journal:
    folder.mkdir(exist_ok=True)
    return Journal(folder, version, seed, segment_bytes)


def write(journal: Journal, count: int) -> None:
    for _ in range(count):
        n = journal.last_seq + 1
        message = Added(n)
        journal.append(1_000 + n, Parcel("a", "b", message, encode(message), n - 1), n * 7, Status.APPLIED)


def filled(folder: Path, count: int = 50) -> bytes:
    journal = opened(folder)
    write(journal, count)
    journal.sync()
    journal.close()
    return segments.raw_path(folder, 1).read_bytes()


def numbers(folder: Path, after: int = 0) -> list[int]:
    return [record.seq for record in read(folder, after)]


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    filled(tmp_path / "j", 3)
    first, *_, last = read(tmp_path / "j")
    assert (first.seq, first.at, first.to, first.sender, first.cause) == (1, 1_001, "b", "a", 0)
    assert (last.seq, last.digest, last.status) == (3, 21, Status.APPLIED)
    assert decode_message(last.type, last.payload) == Added(3)
    assert numbers(tmp_path / "j", after=2) == [3]


def test_a_journal_is_continued_with_the_next_number_in_the_same_segment(tmp_path: Path) -> None:
    filled(tmp_path / "j", 3)
    journal = opened(tmp_path / "j")
    assert (journal.last_seq, journal.last_at) == (3, 1_003)
    write(journal, 2)
    journal.sync()
    assert numbers(tmp_path / "j") == [1, 2, 3, 4, 5]
    assert len(segments.listing(tmp_path / "j")) == 1


@pytest.mark.parametrize("zeros", [0, 100])
def test_a_tail_torn_anywhere_is_cut_and_the_journal_goes_on(tmp_path: Path, zeros: int) -> None:
    whole = filled(tmp_path / "whole")
    head = len(segments.encode_header(segments.header(segments.listing(tmp_path / "whole")[0])))
    folder = tmp_path / "j"
    folder.mkdir()
    path = segments.raw_path(folder, 1)
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut] + bytes(zeros))  # a crash of the machine may leave zeroed blocks
        before = numbers(folder)
        journal = opened(folder)
        assert journal.last_seq == len(before)
        assert journal.torn_bytes <= 60 + zeros + head
        write(journal, 1)
        journal.sync()
        journal.close()
        after = numbers(folder)
        assert after == list(range(1, len(before) + 2))


def test_damage_before_the_tail_is_refused_by_name_place_and_remedy(tmp_path: Path) -> None:
    whole = filled(tmp_path / "j")
    path = segments.raw_path(tmp_path / "j", 1)
    for place in range(100, len(whole) - 200, 211):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(JournalDamaged, match=r"journal-00000001.log is damaged at byte \d+.*Restore the file"):
            opened(tmp_path / "j")
        with pytest.raises(JournalDamaged):
            numbers(tmp_path / "j")


def test_a_torn_end_of_a_closed_segment_is_damage(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", segment_bytes=1_000)
    write(journal, 100)
    journal.sync()
    first = segments.listing(tmp_path / "j")[0]
    first.path.write_bytes(first.path.read_bytes()[:-3])
    with pytest.raises(JournalDamaged, match=first.path.name):
        numbers(tmp_path / "j")


def test_a_missing_segment_is_damage(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", segment_bytes=1_000)
    write(journal, 100)
    journal.sync()
    segments.listing(tmp_path / "j")[1].path.unlink()
    with pytest.raises(JournalDamaged, match="begins with record"):
        numbers(tmp_path / "j")


def test_a_header_torn_at_rotation_is_written_anew(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", segment_bytes=1_000)
    write(journal, 60)
    journal.sync()
    journal.close()
    last = segments.listing(tmp_path / "j")[-1]
    kept = len(numbers(tmp_path / "j")) - len(list(segments.records(last, last.path.read_bytes(), last=True)))
    last.path.write_bytes(last.path.read_bytes()[:5])
    journal = opened(tmp_path / "j", segment_bytes=1_000)
    assert journal.last_seq == kept
    write(journal, 1)
    journal.sync()
    assert numbers(tmp_path / "j") == list(range(1, kept + 2))


def test_rotated_and_packed_segments_read_the_same(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", segment_bytes=1_000)
    write(journal, 200)
    journal.sync()
    before = list(read(tmp_path / "j"))
    journal.pack_closed()
    kinds = [segment.packed for segment in segments.listing(tmp_path / "j")]
    assert len(kinds) > 5
    assert kinds == [True] * (len(kinds) - 1) + [False]
    assert list(read(tmp_path / "j")) == before
    assert numbers(tmp_path / "j", after=150) == list(range(151, 201))
    journal.close()
    assert opened(tmp_path / "j", segment_bytes=1_000).last_seq == 200


def test_a_damaged_packed_segment_is_refused(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", segment_bytes=1_000)
    write(journal, 200)
    journal.sync()
    journal.pack_closed()
    victim = segments.listing(tmp_path / "j")[2].path
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 0xFF
    victim.write_bytes(data)
    with pytest.raises(JournalDamaged, match=victim.name):
        numbers(tmp_path / "j")


def test_packing_that_was_cut_short_is_finished_or_undone(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", segment_bytes=1_000)
    write(journal, 100)
    journal.sync()
    first = segments.listing(tmp_path / "j")[0]
    raw = first.path.read_bytes()
    journal.pack_closed()
    first.path.write_bytes(raw)  # killed after the rename, before the raw file was deleted
    (tmp_path / "j" / "journal-00000002.log.zst.tmp").write_bytes(b"half")
    assert numbers(tmp_path / "j") == list(range(1, 101))
    journal.close()
    opened(tmp_path / "j").close()
    assert not first.path.exists()
    assert not list((tmp_path / "j").glob("*.tmp"))
    assert numbers(tmp_path / "j") == list(range(1, 101))


def test_retention_keeps_a_count_and_whatever_a_snapshot_needs(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", segment_bytes=1_000)
    write(journal, 200)
    journal.sync()
    count = len(segments.listing(tmp_path / "j"))
    journal.prune(keep=3, needed_seq=1)
    assert len(segments.listing(tmp_path / "j")) == count
    journal.prune(keep=3, needed_seq=100)
    assert numbers(tmp_path / "j")[0] <= 100
    assert len(segments.listing(tmp_path / "j")) < count
    journal.prune(keep=3, needed_seq=201)
    assert len(segments.listing(tmp_path / "j")) == 3
    assert numbers(tmp_path / "j")[-1] == 200


def test_another_version_or_seed_begins_a_new_segment(tmp_path: Path) -> None:
    filled(tmp_path / "j", 3)
    for version, seed in (("2", 1), ("2", 9)):
        journal = opened(tmp_path / "j", version=version, seed=seed)
        write(journal, 1)
        journal.sync()
        journal.close()
    heads = [segments.header(segment) for segment in segments.listing(tmp_path / "j")]
    assert [(head.code_version, head.seed, head.first_seq) for head in heads] == [("1", 1, 1), ("2", 1, 4), ("2", 9, 5)]
    assert numbers(tmp_path / "j") == [1, 2, 3, 4, 5]


def test_a_full_disk_fails_the_write_and_every_later_one(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    write(journal, 10)
    journal.sync()
    size = segments.raw_path(tmp_path / "j", 1).stat().st_size
    with disk_full_beyond(size + 20):
        write(journal, 1)
        with pytest.raises(StorageError, match="free space"):
            journal.sync()
    with pytest.raises(StorageError):
        write(journal, 1)
    with pytest.raises(StorageError):
        journal.sync()
    journal.close()
    assert opened(tmp_path / "j").last_seq == 10


def test_a_journal_that_cannot_be_created_says_what_to_do(tmp_path: Path) -> None:
    with disk_full_beyond(0), pytest.raises(StorageError, match="free space"):
        opened(tmp_path / "j")


def test_one_process_owns_a_journal_and_the_second_is_told_the_home(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "journal"
    lock_directory(folder)
    with pytest.raises(ConfigError, match=r"home is in use by another engine \(process \d+\)"):
        lock_directory(folder)


def test_records_can_be_read_while_they_are_written(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", segment_bytes=1_000)
    write(journal, 50)
    journal.sync()
    reading = read(tmp_path / "j")
    seen = [next(reading).seq for _ in range(5)]
    write(journal, 50)
    journal.sync()
    journal.pack_closed()  # the files the reader has listed change their names
    seen += [record.seq for record in reading]
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 50
