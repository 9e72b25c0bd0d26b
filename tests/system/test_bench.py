"""The benchmarks' command line; what they measure is looked at by hand."""

import subprocess
import sys

import pytest

from tests.system.conftest import ROOT


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("name", "flag"), [("kills", "--kills"), ("sessions", "--speeds"), ("runtime", "--help")])
def test_a_benchmark_gets_the_flags_behind_its_name(name, flag):
    done = bench(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"python -m tests.bench {name}" in done.stdout
    assert flag in done.stdout


@pytest.mark.parametrize("arguments", [(), ("nothing",)])
def test_without_a_name_that_is_known_it_says_which_there_are(arguments):
    done = bench(*arguments)
    assert done.returncode == 1
    assert "kills" in done.stderr
