"""The commands that look back on a session: `replay` runs its journal again, `incident` prints its supervisor's log."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from actors.console import Duration


def review_commands(journal_of: Callable[[Path], Path]) -> tuple[click.Command, ...]:
    """Both commands; `journal_of` gives the journal of a home, or raises ConfigError."""

    @click.command()
    @click.argument("home", type=click.Path(path_type=Path))
    def replay(home: Path) -> None:
        """Re-run the journal of HOME and say `identical`, or name the first difference."""
        from actors.replaying import replay_home  # noqa: PLC0415 (a command imports only what it needs: `--help` stays quick)

        report = replay_home(journal_of(home))
        click.echo(f"{report.turns} turns of {report.records} records: {report.first_difference or 'identical'}")
        sys.exit(0 if report.identical else 1)

    @click.command()
    @click.argument("home", type=click.Path(path_type=Path))
    @click.option("--last", type=Duration(), help="Only this long before the journal's end, for example 1h.")
    @click.option("--chain", type=int, help="Instead: the chain of causes that led to this record.")
    def incident(home: Path, last: int | None, chain: int | None) -> None:
        """Print the supervisor's log of HOME as a timeline."""
        from actors.runtime import incident as review  # noqa: PLC0415

        journal = journal_of(home)
        for line in review.chain(journal, chain) if chain else review.timeline(journal, last):
            click.echo(line)

    return replay, incident
