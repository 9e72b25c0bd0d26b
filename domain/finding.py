"""What an examination found: one row of a table with what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """GREEN is as it should be, YELLOW works but wants attention, RED does not work, GREY could not be looked at."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    GREY = "grey"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: what was looked at, what was found, what should be, and what to do if it is not."""

    name: str
    status: Status
    found: str
    expected: str = ""
    advice: str = ""


def green(name: str, found: str, expected: str = "") -> Finding:
    """All is well."""
    return Finding(name, Status.GREEN, found, expected)


def yellow(name: str, found: str, expected: str, advice: str) -> Finding:
    """It works, and a person should see to it."""
    return Finding(name, Status.YELLOW, found, expected, advice)


def red(name: str, found: str, expected: str, advice: str) -> Finding:
    """It does not work, or is not safe."""
    return Finding(name, Status.RED, found, expected, advice)


def grey(name: str, reason: str, advice: str = "") -> Finding:
    """It could not be looked at, for this reason: nothing is known."""
    return Finding(name, Status.GREY, reason, advice=advice)
