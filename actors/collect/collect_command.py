"""`run.py collect`: fills the candle store from the exchange or from a folder, and verifies what it holds."""

import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from actors.collect.tools import CandleTools, OpenTools
from actors.console import Duration, home_option, listed, tell
from domain.collection import Folder
from domain.errors import ConfigError
from domain.timeframes import ALIASES, FRAMES, step_of

if TYPE_CHECKING:  # what speaks HTTP takes half a second to import: `--help` stays quick
    from actors.collect.runs import Result

_HELP: Final = (
    "Fetch candles as fast as the exchange allows; what is stored already is not asked for again.\n\n"
    "Ctrl-C, a kill, a lost network: the same command goes on where it stopped."
)


@dataclass(frozen=True)
class Options:
    """The flags of `collect`."""

    markets: str
    quote: str
    universe: bool
    days: int
    timeframe: str | None
    from_dir: Path | None
    hole: int | None
    home: Path
    url: str
    sandbox: bool
    verify: bool
    repair: bool
    pages: int
    seed: int
    as_json: bool


def collect_command(open_tools: OpenTools, upbit: str) -> click.Command:
    """The command; `open_tools` is called when it runs, `upbit` is where candles come from."""
    frames = click.Choice([*FRAMES, *ALIASES])
    options = (
        click.option("--markets", default="", help="Comma list such as KRW-BTC,BTC-ETH; default: all of --quote."),
        click.option("--quote", default="KRW", show_default=True, help="All markets of these quote currencies."),
        click.option("--universe", is_flag=True, help="The markets that were last found worth trading."),
        click.option("--days", type=click.IntRange(min=1), default=365, show_default=True, help="How far back."),
        click.option("--timeframe", type=frames, help="Length of the candles; default: minutes, all is built of them."),
        click.option(
            "--from-dir", type=click.Path(path_type=Path), help="Import a folder: 1m/KRW-BTC.parquet or .csv."
        ),
        click.option(
            "--hole", type=Duration(), help="Import: more was not collected.  [default: 5 candles; 8h from 60m]"
        ),
        home_option,
        click.option("--url", default=upbit, show_default=True, help="Another exchange that speaks Upbit's protocol."),
        click.option("--sandbox", is_flag=True, help="Collect from a local exchange, started for this."),
        click.option("--verify", is_flag=True, help="Collect nothing: compare what is stored with the exchange."),
        click.option("--repair", is_flag=True, help="With --verify: store what the exchange says."),
        click.option("--pages", type=click.IntRange(min=1), default=3, show_default=True, help="Sample of a market."),
        click.option("--seed", type=int, default=1, show_default=True, help="Seed of the sample."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object."),
    )

    def work(**given: Any) -> None:
        chosen = Options(**given)
        _require_sense(chosen)
        with closing(open_tools(chosen.home)) as tools:
            done = _run(chosen, tools)
        sys.exit(_told(done, as_json=chosen.as_json))

    command: Any = work
    for option in reversed(options):
        command = option(command)
    return click.command("collect", help=_HELP)(command)


def _require_sense(options: Options) -> None:
    if options.repair and not options.verify:
        raise ConfigError("--repair stores what --verify finds: add --verify")
    if options.universe and options.markets:
        raise ConfigError("--universe and --markets both say which markets: give one of them")
    if options.universe and options.verify:
        raise ConfigError("--verify looks at what is stored, all of it or that of --markets: leave out --universe")
    if options.hole and not options.from_dir:
        raise ConfigError("--hole is of imported files: add --from-dir")
    if options.from_dir and (options.sandbox or options.universe or options.repair):
        raise ConfigError("--from-dir reads files and asks no exchange: leave out --sandbox, --universe and --repair")


def _require_own(options: Options, tools: CandleTools) -> None:
    """What a local exchange made up must never lie among what was traded."""
    played = any(tools.sandbox.iterdir())
    if played and not options.sandbox:
        raise ConfigError("this home belongs to the local exchange: collect --sandbox, or name another one with --home")
    if options.sandbox and not played and tools.markets():
        raise ConfigError("this home holds candles that were really traded: name another folder with --home")


def _run(options: Options, tools: CandleTools) -> "tuple[Result, ...]":
    from actors.collect import runs  # noqa: PLC0415 (see TYPE_CHECKING above)
    from actors.collect.source import source  # noqa: PLC0415
    from actors.runtime import wall_clock  # noqa: PLC0415

    _require_own(options, tools)
    markets = listed(options.markets)
    if options.from_dir:
        folder = Folder(str(options.from_dir), options.timeframe or "", markets, options.hole, wall_clock().now())
        done = runs.take(tools, folder, _say)
        return (done, runs.across(tools, markets)) if options.verify else (done,)
    step = step_of(options.timeframe) if options.timeframe else None
    meant = runs.Meant(markets, listed(options.quote), options.universe, step, options.days)
    with source(options.url, tools.sandbox if options.sandbox else None) as place:
        if not options.verify:
            return (runs.fetch(place, tools, meant, _say),)
        sampling = runs.Sampling(options.pages, options.seed, options.repair)
        return (runs.across(tools, markets), runs.reread(place, tools, meant, sampling))


def _told(results: "tuple[Result, ...]", *, as_json: bool) -> int:
    """Say it; gives the exit code."""
    summary: dict[str, Any] = {}
    for one in results:
        for line in one.lines:
            click.echo(line, err=as_json or line.startswith("error"))
        for name, value in one.summary.items():
            summary[name] = _both(summary[name], value) if name in summary else value
    shown = {name: value for name, value in summary.items() if as_json or not isinstance(value, dict | list)}
    tell(shown, as_json=as_json)
    return max(one.code for one in results)


def _both(first: Any, second: Any) -> Any:
    return first | second if isinstance(first, dict) else first + second


def _say(line: str) -> None:
    click.echo(line, err=True)
