"""`python -m actors.sandbox`: the sandbox as a process of its own."""

import sys
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from actors.sandbox.choices import VALUES, parse_choices
from actors.sandbox.faults import Faults, parse_faults
from actors.sandbox.options import SandboxOptions
from actors.sandbox.server import EXIT_CONFIG, complain, serve
from domain.errors import ConfigError
from domain.money import BadNumber, parse

_CHOICES = ", ".join(VALUES)
_FAULTS = ", ".join(item.name for item in fields(Faults))


@click.command()
@click.option("--home", type=click.Path(path_type=Path), required=True, help="Folder that keeps its books.")
@click.option("--port", type=int, default=0, help="Port on loopback; 0 takes any free one.")
@click.option("--candles", type=click.Path(path_type=Path), help="Folder of MARKET.parquet or .csv; else made up.")
@click.option("--frames", type=click.Path(path_type=Path), help="Recorded frames (JSON lines) to play as they came.")
@click.option("--markets", default="", help="Comma list such as KRW-BTC,KRW-ETH; default: all there are.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="Simulated seconds in a real second.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the tape and of all chance.")
@click.option(
    "--days", type=int, default=45, show_default=True, help="Length of the made-up market, 14 days of it to come."
)
@click.option("--not-before", type=int, default=0, help="Go on no earlier than this, in microseconds UTC.")
@click.option("--start", default="", help="ISO time at which the exchange opens; UTC without a zone.")
@click.option("--capital", default="10000000", show_default=True, help="KRW of a new account.")
@click.option("--fault", default="", help=f"NAME=VALUE,…: chances in [0, 1], flags, milliseconds. Names: {_FAULTS}.")
@click.option("--accounts", type=click.Path(path_type=Path), help="TOML file of pockets and keys; else one with one.")
@click.option("--choice", "chosen", multiple=True, help=f"NAME=VALUE of an open question. Names: {_CHOICES}.")
@click.option("--scenario", type=click.Path(path_type=Path), help="TOML file of faults, with their times.")
@click.option("--idle", "idle_s", type=float, default=60.0, show_default=True, help="Seconds a silent socket lives.")
@click.option("--with-parent", is_flag=True, help="End when stdin ends.")
def main(*, markets: str, start: str, capital: str, fault: str, chosen: tuple[str, ...], **rest: Any) -> None:
    """Run a local exchange on loopback; the one line it prints says where, with which keys, and what time it is."""
    try:
        options = SandboxOptions(
            markets=tuple(filter(None, (market.strip().upper() for market in markets.split(",")))),
            start=_moment(start),
            capital=_amount(capital),
            faults=parse_faults(fault),
            choices=parse_choices(chosen),
            **rest,
        )
    except ConfigError as error:
        complain(str(error))
        sys.exit(EXIT_CONFIG)
    serve(options)


def _moment(text: str) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"--start must be an ISO time, found {text!r}") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * 1_000_000


def _amount(text: str) -> Decimal:
    try:
        return parse(text)
    except BadNumber as error:
        raise ConfigError(f"--capital: {error}") from error


if __name__ == "__main__":
    main()
