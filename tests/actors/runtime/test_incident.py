"""An incident can be read from the journal alone."""

import re

import pytest

from actors.runtime import incident
from actors.runtime.journal import read
from domain.errors import ConfigError

from .conftest import Bench
from .sample import Added, LetterWanted, TotalAsked


def lived(bench: Bench) -> None:
    with bench.host() as host:
        host.tell("counter", Added(13))
        host.tell("counter", LetterWanted("nobody"))
        for _ in range(2):
            bench.wait_for(lambda message: getattr(message, "kind", "") == "dead_letter")
        host.ask("counter", TotalAsked())


def test_the_timeline_tells_starts_crashes_restarts_and_dead_letters_in_korean_time(bench: Bench) -> None:
    lived(bench)
    lines = list(incident.timeline(bench.folder))
    story = [line for line in lines if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \+09:00  #\d+  ", line)]
    kinds = [line.split("  ")[2].split(" ")[0] for line in story]
    assert kinds == ["start", "crash", "restart", "crash", "restart", "dead", "dead"] or sorted(kinds) == sorted(
        ["start", "crash", "restart", "crash", "restart", "dead", "dead"]
    )
    assert "counter on Added, try 2" in "\n".join(story)
    assert any(re.search(r"counter works again after 0\.\d{3} s", line) for line in story)
    assert "    ValueError: unlucky" in lines
    assert any("Added from counter to nobody: no such actor" in line for line in story)


def test_the_timeline_can_be_limited_to_the_end(bench: Bench) -> None:
    lived(bench)
    assert len(list(incident.timeline(bench.folder, 3_600_000_000))) == len(list(incident.timeline(bench.folder)))
    assert all("start 1" not in line for line in incident.timeline(bench.folder, 100_000))


def test_a_chain_goes_from_the_first_cause_to_the_direct_consequences(bench: Bench) -> None:
    lived(bench)
    records = list(read(bench.folder))
    crash = next(record for record in records if record.type == "ActorCrashed")
    lines = list(incident.chain(bench.folder, crash.seq))
    assert "outside -> counter  Added(n=13)" not in lines[-1]
    assert re.search(r"outside -> counter  Added\(n=13\).*CRASHED", lines[0])
    assert lines[1].startswith(f"#{crash.seq}  ")
    assert all(line.startswith("    -> ") for line in lines[2:])
    assert any("supervisor  RestartDue" in line for line in lines[2:])


def test_a_record_that_does_not_exist_is_named(bench: Bench) -> None:
    lived(bench)
    with pytest.raises(ConfigError, match="not 99999"):
        list(incident.chain(bench.folder, 99_999))


def test_times_are_korean_with_their_offset() -> None:
    assert incident.kst(0) == "1970-01-01 09:00:00.000 +09:00"
    assert incident.kst(1_763_971_199_999_999) == "2025-11-24 16:59:59.999 +09:00"
