"""The findings as a table for a person, or as JSON for a program."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Final

import click

from actors.console import columns
from domain.finding import Finding, Status

COLOURS: Final = {Status.GREEN: "green", Status.YELLOW: "yellow", Status.RED: "red", Status.GREY: "bright_black"}


def well(findings: Iterable[Finding]) -> bool:
    """Whether nothing is red."""
    return all(finding.status is not Status.RED for finding in findings)


def table(findings: Sequence[Finding]) -> str:
    """One line a finding, coloured; below it what to do where it is not well, and last a line that sums up."""
    rows = [(finding.status.value, finding.name, _plain(finding.found)) for finding in findings]
    lines = []
    for finding, line in zip(findings, columns(rows), strict=True):
        lines.append(click.style(line, fg=COLOURS[finding.status]))
        if finding.status in {Status.YELLOW, Status.RED} and finding.expected:
            lines.append(f"        expected: {finding.expected}")
        if finding.status is not Status.GREEN and finding.advice:
            lines.append(f"        to do: {finding.advice}")
    counts = {status: sum(finding.status is status for finding in findings) for status in Status}
    lines.append(", ".join(f"{count} {status.value}" for status, count in counts.items() if count))
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Without what would steer a terminal: some of these words are the exchange's."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def show(findings: Sequence[Finding], *, as_json: bool) -> int:
    """Print them; gives the exit code."""
    click.echo(_json(findings) if as_json else table(findings))
    return 0 if well(findings) else 1


def _json(findings: Sequence[Finding]) -> str:
    """One object: `ok`, and the findings in their order."""
    return json.dumps({"ok": well(findings), "findings": [asdict(finding) for finding in findings]}, ensure_ascii=False)
