"""This machine, and a home."""

import os

import pytest

from actors.doctor import machine
from actors.runtime.journal import lock_directory
from domain.finding import Status

GREEN, YELLOW, RED, GREY = Status.GREEN, Status.YELLOW, Status.RED, Status.GREY


def test_a_disk_is_measured_and_one_that_cannot_be_written_is_red(tmp_path):
    assert machine.free_space(tmp_path).status in {GREEN, YELLOW, RED}
    assert "fsync" in machine.write_speed(tmp_path).found
    assert machine.write_speed(tmp_path / "absent").status is RED


def test_a_home_an_engine_runs_on_is_yellow_and_stays_its(tmp_path):
    assert machine.single_instance(tmp_path).status is GREEN
    handle = lock_directory(tmp_path)
    found = machine.single_instance(tmp_path)
    assert (found.status, "process" in found.found) == (YELLOW, True)
    os.close(handle)
    assert machine.single_instance(tmp_path).status is GREEN


def test_a_home_without_a_journal_tells_nothing(tmp_path):
    assert machine.journal(tmp_path / "absent").status is GREY


def installed(folder, *needs):
    """A distribution that needs other ones."""
    info = folder / "patient-1.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", "Name: patient", "Version: 1", *(f"Requires-Dist: {need}" for need in needs)]
    (info / "METADATA").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("need", "status", "words"),
    [
        ("click >= 8", GREEN, "all 1"),
        ("click >= 99", RED, "asked for >=99"),
        ("no-such-package-anywhere", RED, "is missing"),
        ('no-such-package-anywhere ; extra == "dev"', GREEN, "all 0"),
    ],
)
def test_packages_are_compared_with_what_was_asked_for(tmp_path, monkeypatch, need, status, words):
    installed(tmp_path, need)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = machine.packages("patient")
    assert (found.status, words in found.found) == (status, True)
    assert machine.packages("no-such-patient").status is GREY


def test_this_python_is_new_enough():
    assert machine.python().status is GREEN


def test_kernels_are_there_when_the_doctor_has_looked():
    assert machine.kernels().status in {GREEN, YELLOW}
