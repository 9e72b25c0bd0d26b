"""This machine and the home: disk, journal, the lock of the one engine, Python, packages, compiled kernels."""

import fcntl
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Final

from packaging.requirements import Requirement

from actors.runtime.segments import listing, load, records
from domain.errors import ConfigError, StorageError
from domain.finding import Finding, green, grey, red, yellow
from domain.market import US_PER_S

GIB: Final = 1 << 30
FREE_LOW: Final = 5 * GIB
FREE_LEAST: Final = 1 * GIB
SYNCS: Final = 5
SYNC_BYTES: Final = 64 << 10
SLOW_SYNC_MS: Final = 50.0
WORST_SYNC_MS: Final = 1_000.0
PYTHON: Final = (3, 11)


def free_space(folder: Path) -> Finding:
    """How much room the home's disk has."""
    free = shutil.disk_usage(folder).free
    text, expected = f"{free / GIB:.1f} GiB free", f"more than {FREE_LOW // GIB} GiB"
    advice = "make room: a full disk stops trading"
    if free < FREE_LEAST:
        return red("disk space", text, expected, advice)
    return yellow("disk space", text, expected, advice) if free < FREE_LOW else green("disk space", text, expected)


def write_speed(folder: Path) -> Finding:
    """How long a small write takes until it would survive a power cut: every order waits for one."""
    name, expected = "disk speed", f"below {SLOW_SYNC_MS:.0f} ms"
    try:
        took_ms = median(_sync_ms(folder))
    except OSError as error:
        return red(name, f"cannot write: {error.strerror}", expected, f"see to {folder} and its disk")
    text = f"write and fsync in {took_ms:.1f} ms"
    if took_ms > WORST_SYNC_MS:
        return red(name, text, expected, "put the home on a local disk that is not busy (--home)")
    if took_ms > SLOW_SYNC_MS:
        return yellow(name, text, expected, "a faster disk for the home (--home): every order waits for this")
    return green(name, text, expected)


def journal(folder: Path) -> Finding:
    """Whether the newest segment of the journal is whole up to its tail."""
    name, expected = "journal", "whole up to its tail"
    segments = listing(folder) if folder.is_dir() else []
    if not segments:
        return grey(name, "not applicable: no session has run in this home yet")
    try:
        data = load(segments[-1])
        end, last = 0, None
        for end, last in records(segments[-1], data, last=True):  # noqa: B007 (the last of them is wanted)
            pass
    except (StorageError, ConfigError) as error:
        return red(name, str(error), expected, "follow the line beside it before you start a session")
    if last is None:
        return green(name, f"{len(segments)} segments, the newest still empty", expected)
    at = datetime.fromtimestamp(last.at / US_PER_S, UTC).isoformat(" ", "seconds")
    torn = f", {len(data) - end} torn bytes that the next start cuts" if end < len(data) else ""
    return green(name, f"record {last.seq} of {at}{torn}", expected)


def single_instance(folder: Path) -> Finding:
    """Whether an engine runs on this home: a second one would be refused."""
    name, expected = "single instance", "no other engine on this home"
    try:
        handle = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return green(name, "no engine has run here", expected)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
        return yellow(name, f"process {owner} trades on this home", expected, "stop it before you start another")
    finally:
        os.close(handle)
    return green(name, "free", expected)


def python() -> Finding:
    """Whether this is a Python we run on."""
    found, wanted = sys.version.split()[0], ".".join(map(str, PYTHON))
    if sys.version_info < PYTHON:
        return red(
            "python", found, f"{wanted} or newer", f"install Python {wanted} and make the virtual environment again"
        )
    return green("python", found, f"{wanted} or newer")


def packages(distribution: str = "baeu") -> Finding:
    """Whether every package we need is there in a version we know."""
    name, advice = "packages", "in the project's folder: `pip install -e .`"
    try:
        wanted = [Requirement(text) for text in metadata.requires(distribution) or ()]
    except metadata.PackageNotFoundError:
        return grey(name, f"{distribution} itself is not installed, so nobody says what it needs", advice)
    needed = [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    faults = [text for each in needed if (text := _fault(each))]
    if faults:
        return red(name, "; ".join(faults), f"{len(needed)} packages in the versions asked for", advice)
    return green(name, f"all {len(needed)} in the versions asked for")


def kernels() -> Finding:
    """Whether the compiled indicators come from disk; what is missing is compiled here, so that no start has to."""
    from domain.indicators.kernels import SIGNATURES  # noqa: PLC0415 (it takes a second to import)

    began = time.monotonic()
    for kernel, signature in SIGNATURES:
        if not kernel.signatures:
            kernel.compile(signature)
    took_s = time.monotonic() - began
    hits = sum(sum(kernel.stats.cache_hits.values()) for kernel, _ in SIGNATURES)
    places = {kernel.stats.cache_path for kernel, _ in SIGNATURES}
    if not all(places):
        advice = "set NUMBA_CACHE_DIR to a folder you may write to: every start compiles now"
        return yellow("numba cache", "kept nowhere", "a folder that can be written", advice)
    return green("numba cache", f"{hits} of {len(SIGNATURES)} kernels from disk, the others compiled, {took_s:.1f} s")


def _sync_ms(folder: Path) -> list[float]:
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            began = time.monotonic()
            file.write(b"\0" * SYNC_BYTES)
            file.flush()
            os.fsync(file.fileno())
            took.append((time.monotonic() - began) * 1_000)
    return took


def _fault(wanted: Requirement) -> str:
    found = ""
    with suppress(metadata.PackageNotFoundError):
        found = metadata.version(wanted.name)
    if not found:
        return f"{wanted.name} is missing"
    if not wanted.specifier.contains(found, prereleases=True):
        return f"{wanted.name} {found}, asked for {wanted.specifier}"
    return ""
