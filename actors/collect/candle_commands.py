"""`run.py candles`: shows, exports, seals and checks what the store holds."""

import json
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from actors.collect.show import detail_lines, info_rows, plain, when
from actors.collect.tools import CandleTools, OpenTools
from actors.console import columns, home_option
from domain.collection import Owed, Part, Quarantine
from domain.errors import ConfigError
from domain.market import US_PER_S
from domain.timeframes import frame_of, step_of

MAX_TIME: Final = 2**62
_MOMENT = click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"))


def candles_group(open_tools: OpenTools, upbit: str) -> click.Group:
    """The group of commands; `open_tools` is called when one runs, `upbit` is where candles come from."""
    group = click.Group("candles", help="Show, export, seal and check the candles of the home.")
    as_json = click.option("--json", "as_json", is_flag=True, help="Print it as one JSON object.")

    def add(run: Any, *options: Any) -> None:
        def work(*, home: Path, **given: Any) -> None:
            with closing(open_tools(home)) as tools:
                run(tools, **given)

        command: Any = work
        for option in reversed((*options, home_option)):
            command = option(command)
        group.add_command(click.command(run.__name__, help=run.__doc__)(command))

    markets = click.argument("markets", nargs=-1)
    add(info, markets, click.option("--details", is_flag=True, help="Name every hole and suspect candle."), as_json)
    add(
        export,
        click.argument("market"),
        click.option("--timeframe", default="1m", show_default=True, help="1m, 3m, 5m, … 60m, 240m, 1d."),
        click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help=".csv or .parquet"),
        click.option("--since", type=_MOMENT, help="In UTC, such as 2026-01-31 or 2026-01-31T09:00."),
        click.option("--until", type=_MOMENT, help="The first time after it."),
        click.option("--fill", is_flag=True, help="Where nothing traded, the close before; column `filled` tells."),
    )
    add(seal)
    add(
        check,
        click.option("--refetch", is_flag=True, help="Collect again what damaged files held."),
        click.option("--url", default=upbit, show_default=True, help="Where from, with --refetch."),
    )
    return group


def info(tools: CandleTools, *, markets: tuple[str, ...], details: bool, as_json: bool) -> None:
    """Show coverage, holes, spikes and revisions of MARKETS (all, if none): times in UTC."""
    found = tools.info(tuple(market.upper() for market in markets))
    if as_json:
        click.echo(json.dumps(plain(found)))
        return
    if not found:
        click.echo("no candles: `collect` fetches some, `collect --from-dir` imports them")
        return
    for line in columns(info_rows(found)):
        click.echo(line)
    for one in found if details else ():
        for line in detail_lines(one):
            click.echo(line)


def export(  # noqa: PLR0913 (flags)
    tools: CandleTools,
    *,
    market: str,
    timeframe: str,
    out: Path,
    since: datetime | None,
    until: datetime | None,
    fill: bool,
) -> None:
    """Write candles of MARKET to a file; coarse ones of which a part is not known are left out."""
    if out.suffix not in {".csv", ".parquet"}:
        raise ConfigError(f"{out} must end in .csv or .parquet")
    part = Part(market.upper(), step_of(timeframe), _us(since, 0), min(_us(until, MAX_TIME), _now()))
    rows = tools.export(part, out, fill=fill)
    if not rows:
        raise ConfigError(f"there are no candles of {part.market} then: see `candles info`, or `collect` some")
    click.echo(f"{rows:,} candles in {out}")


def seal(tools: CandleTools) -> None:
    """Move all candles that are over from the database to the files."""
    for line in _damaged(tools.seal(_now())):
        click.echo(line, err=True)
    click.echo("sealed")


def check(tools: CandleTools, *, refetch: bool, url: str) -> None:
    """Read every file; damaged ones are set aside, and what they held must be collected again."""
    for line in _damaged(tools.check(_now())):
        click.echo(line, err=True)
    owed = tools.owed(_now())
    if not owed:
        click.echo("every file is whole")
        return
    for one in owed:
        spans = ", ".join(f"{when(since)} to {when(until)}" for since, until in one.spans)
        click.echo(f"to be collected again: {one.market} {frame_of(one.step)} {spans}", err=True)
    if not refetch:
        click.echo("`candles check --refetch` does it", err=True)
        sys.exit(1)
    if any(tools.sandbox.iterdir()):
        raise ConfigError("this home belongs to the local exchange: `collect --sandbox` fetches what is missing")
    sys.exit(_fetch_again(tools, owed, url))


def _fetch_again(tools: CandleTools, owed: tuple[Owed, ...], url: str) -> int:
    from actors.collect.backfill import Job  # noqa: PLC0415 (what speaks HTTP takes half a second to import)
    from actors.collect.runs import backfill  # noqa: PLC0415
    from actors.collect.source import source  # noqa: PLC0415

    jobs = [Job(one.market, one.step, since, until) for one in owed for since, until in one.spans]
    with source(url, None) as place:
        done = backfill(place, tools, jobs, lambda line: click.echo(line, err=True))
    for line in done.lines:
        click.echo(line, err=True)
    click.echo(f"{done.summary['candles']:,} candles collected again")
    return done.code


def _damaged(found: tuple[Quarantine, ...]) -> list[str]:
    return [
        f"damaged: {one.market} {one.frame} from {when(one.since)} to {when(one.until)}: {one.reason}; "
        f"set aside as {one.path}"
        for one in found
    ]


def _us(at: datetime | None, default: int) -> int:
    return default if at is None else int(at.replace(tzinfo=UTC).timestamp()) * US_PER_S


def _now() -> int:
    return time.time_ns() // 1_000
