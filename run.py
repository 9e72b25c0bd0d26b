"""Baeu's command line, and the one place that wires its parts together."""

import faulthandler
import logging
import resource
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from actors.collect.commands import candle_commands
from actors.console import Commands, Duration, home_option, listed, print_stacks, tell
from actors.keys.commands import keys_group
from actors.keys.source import Tools
from actors.reviewing import review_commands
from domain.config import watching
from domain.errors import ConfigError
from domain.money import strict_decimals

UPBIT_REST = "https://api.upbit.com"
UPBIT_WS = "wss://api.upbit.com/websocket/v1"


@dataclass(frozen=True)
class Options:
    """The flags of `paper`."""

    sandbox: bool
    candles: Path | None
    markets: str
    watch: str
    speed: float
    duration: int | None
    seed: int
    home: Path
    no_web: bool
    port: int
    settings_file: Path | None
    as_json: bool
    fault: str
    scenario: Path | None


class Session:
    """One paper session, from the first check to the summary. Everything it starts it also ends, in reverse."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.ending = threading.Event()
        self.failure = ""
        self._box: Any = None

    def run(self) -> int:
        """Run until the time is over or a person ends it; gives the exit code."""
        from actors.local import dashboard  # noqa: PLC0415 (a command imports only what it needs: `--help` stays quick)
        from storage.database import open_database  # noqa: PLC0415
        from storage.home import Home  # noqa: PLC0415
        from storage.settings import load_settings  # noqa: PLC0415

        options = self.options
        if options.candles and not options.sandbox:
            raise ConfigError("--candles plays on the local exchange: add --sandbox")
        if options.speed != 1.0 and not options.sandbox:
            raise ConfigError("--speed needs --sandbox: Upbit's own clock cannot be hurried")
        if options.scenario and not options.sandbox:
            raise ConfigError("--scenario is of the local exchange: add --sandbox")
        settings = watching(load_settings(options.settings_file), listed(options.watch))
        home = Home(options.home)
        if options.sandbox:
            home.require_invented()
        self._obey_signals()
        with ExitStack() as stack:
            place = stack.enter_context(self._sandbox(home)) if options.sandbox else upbit()
            database = stack.enter_context(closing(open_database(home.database)))
            engine = stack.enter_context(self._engine(place, home, database, settings))
            if options.fault:
                engine.plant(options.fault)
            if not options.no_web:
                again = shlex.join(["python", "run.py", *sys.argv[1:]])
                stack.enter_context(dashboard(home.web_socket, options.port, again))
            self._wait(engine)
            summary = engine.close(exchange_alive=not self.failure)
        tell(summary, as_json=options.as_json)
        if self.failure:
            click.echo(f"error: {self.failure}", err=True)
        return 1 if self.failure else 0

    def _engine(self, place: Any, home: Any, database: Any, settings: Any) -> Any:
        """The engine at this place, not yet started."""
        from actors.engine import Engine, Outlets  # noqa: PLC0415
        from actors.rulebook import barred  # noqa: PLC0415
        from actors.selection import select  # noqa: PLC0415
        from actors.version import code_version  # noqa: PLC0415
        from storage.archive import tiers_of  # noqa: PLC0415
        from storage.past import Past  # noqa: PLC0415
        from storage.projection import Projection  # noqa: PLC0415

        options, watched = self.options, settings.universe.watched
        named, everything = listed(options.markets), options.candles is not None
        chosen = select(place.rest, named, watched, everything=everything, local=options.sandbox)
        projection = Projection(database)
        return Engine(
            place=place,
            markets=chosen.markets,
            chooses=chosen.chooses,
            journal=home.journal,
            socket=home.web_socket,
            identifier_prefix=home.identifier_prefix,
            settings=settings,
            seed=options.seed,
            code_version=code_version(),
            halted={} if chosen.chooses else barred(place.rest, chosen.markets, place.clock.now),
            outlets=Outlets(
                write=projection.apply,
                release=database.close,
                last_sequence=projection.last_sequence,
                equity=projection.equity_curve,
                archive=tiers_of(home.candles, database),
                past=Past(home.candles, database),
            ),
        )

    def _obey_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.ending.set())

    def _wait(self, engine: Any) -> None:
        """Until the simulated time is over, a signal comes, or the engine can go on no more."""
        end = engine.now() + self.options.duration if self.options.duration else None
        while not self.ending.is_set() and (end is None or engine.now() < end):
            left = 0.5 if end is None else min(0.5, engine.real_seconds(end - engine.now()))
            self.ending.wait(max(left, 0.01))
            if self._box is not None and (code := self._box.wait(0)) is not None:
                self.failure = f"the sandbox ended by itself (exit code {code}); start again to go on where it stopped"
                self.ending.set()

    @contextmanager
    def _sandbox(self, home: Any) -> Iterator[Any]:
        """The local exchange, at a time no earlier than our journal's: one of the two may have lived longer."""
        from actors.local import local_exchange  # noqa: PLC0415
        from actors.replaying import last_time  # noqa: PLC0415
        from storage.playing import playable  # noqa: PLC0415

        options = self.options
        arguments = ["--speed", str(options.speed), "--seed", str(options.seed)]
        arguments += ["--not-before", str(last_time(home.journal))]
        if options.candles:
            arguments += ["--candles", str(playable(options.candles, home.sandbox / "playing"))]
        if options.scenario:
            arguments += ["--scenario", str(options.scenario)]
        with local_exchange(home.sandbox, arguments) as local:
            self._box = local.process
            yield local.place


def upbit() -> Any:
    """Upbit's public side, with the in-process exchange for orders."""
    from actors.venues import upbit_place  # noqa: PLC0415

    return upbit_place(UPBIT_REST, UPBIT_WS)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--verbose", is_flag=True, help="Log the flow, not only what matters.")
def main(*, verbose: bool) -> None:
    """Baeu trades the KRW markets of Upbit by itself, and explains every decision."""
    strict_decimals()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold API keys
    faulthandler.enable()  # a crash of a library says where
    signal.signal(signal.SIGUSR1, print_stacks)  # `kill -USR1`: the only view into a hang
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s %(message)s",
        stream=sys.stderr,
    )
    for chatty in ("urllib3", "websocket", "numba", "werkzeug", "peewee", "pykka", "numexpr"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@main.command()
@click.option(
    "--sandbox", is_flag=True, help="Trade on a local exchange that speaks Upbit's protocol; no network needed."
)
@click.option("--candles", type=click.Path(path_type=Path), help="Folder with <MARKET>.parquet minute candles to play.")
@click.option("--markets", default="", help="Comma list such as KRW-BTC,KRW-ETH; default: the universe chooses.")
@click.option("--watch", default="", help="Comma list such as USDT-BTC: candles are built and kept, nothing is traded.")
@click.option(
    "--speed", type=click.FloatRange(min=0.1, max=10_000), default=1.0, show_default=True, help="Sandbox time."
)
@click.option("--for", "duration", type=Duration(), help="Stop after this much simulated time and print a summary.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the synthetic market and of all chance.")
@home_option
@click.option("--no-web", is_flag=True, help="No dashboard.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8_900, show_default=True, help="Port of the dashboard.")
@click.option("--settings", "settings_file", type=click.Path(path_type=Path), help="TOML file with settings.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option("--scenario", type=click.Path(path_type=Path), help="TOML file of faults of the local exchange.")
@click.option("--fault", default="", help="Rehearse a failure: ACTOR[:MESSAGE], crashes that actor once.", hidden=True)
def paper(**options: Any) -> None:
    """Trade with play money: on Upbit's public data, or with --sandbox on a local exchange."""
    sys.exit(Session(Options(**options)).run())


@main.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=0, show_default="any free port")
@click.option("--candles", type=click.Path(path_type=Path), help="Folder with <MARKET>.parquet minute candles to play.")
@click.option("--frames", type=click.Path(path_type=Path), help="File of recorded frames to play instead.")
@click.option("--markets", default="", help="Comma list; default: all there are.")
@click.option("--speed", type=click.FloatRange(min=0.1, max=10_000), default=1.0, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--accounts", type=click.Path(path_type=Path), help="TOML file of pockets and keys; else one with one.")
@click.option("--choice", "chosen", multiple=True, help="NAME=VALUE of what Upbit's documentation leaves open.")
@click.option("--scenario", type=click.Path(path_type=Path), help="TOML file of faults, with their times.")
@home_option
def sandbox(*, home: Path, candles: Path | None, markets: str, chosen: tuple[str, ...], **rest: Any) -> None:
    """Run the local exchange alone; prints its addresses and keys as one JSON line."""
    from actors.sandbox.choices import parse_choices  # noqa: PLC0415 (each command imports what it needs)
    from actors.sandbox.options import SandboxOptions  # noqa: PLC0415
    from actors.sandbox.server import serve  # noqa: PLC0415
    from storage.home import Home  # noqa: PLC0415
    from storage.playing import playable  # noqa: PLC0415

    folder = Home(home).sandbox
    played = playable(candles, folder / "playing") if candles else None
    serve(SandboxOptions(home=folder, candles=played, markets=listed(markets), choices=parse_choices(chosen), **rest))


@main.command()
@home_option
@click.option("--port", type=click.IntRange(1, 65_535), default=8_900, show_default=True)
def web(home: Path, port: int) -> None:
    """Run the dashboard alone, for an engine that runs on the same HOME."""
    from storage.home import Home  # noqa: PLC0415
    from webui.host import serve  # noqa: PLC0415

    serve(Home(home).web_socket, port)


@main.command()
@click.option("--sandbox", is_flag=True, help="Look at a local exchange, started for this, with its own key.")
@home_option
@click.option("--key", "name", default="", help="The vault's key to use; default: the environment's, or the only one.")
@click.option("--url", default=UPBIT_REST, show_default=True, help="Another exchange that speaks Upbit's protocol.")
@click.option("--socket", default=UPBIT_WS, show_default=True, help="Its WebSocket.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one JSON object.")
def doctor(*, sandbox: bool, home: Path, name: str, url: str, socket: str, as_json: bool) -> None:  # noqa: PLR0913 (flags)
    """Look at network, clock, key, rule book, disk and files; exit code 1 when something is red."""
    from actors.doctor.checks import diagnose, key_exchange, own_exchange  # noqa: PLC0415
    from actors.doctor.show import show  # noqa: PLC0415
    from storage import health  # noqa: PLC0415
    from storage.home import Home  # noqa: PLC0415

    place = Home(home)
    files = {"database": lambda: health.database(place.database), "vault": lambda: health.vault(place.vault)}
    with own_exchange() if sandbox else key_exchange(url, socket, key_tools(), home, name) as exchange:
        sys.exit(show(diagnose(exchange, place.root, place.journal, files), as_json=as_json))


def key_tools() -> Tools:
    """What the commands that use keys need of the storage."""
    from storage.home import Home  # noqa: PLC0415
    from storage.vault import Vault, passphrase_given  # noqa: PLC0415

    return Tools(lambda home: Vault(Home(home).vault), passphrase_given)


def candle_tools(home: Path) -> Any:
    """The candles of a home, as the commands of candles need them."""
    from storage.collected import Collected  # noqa: PLC0415

    return Collected(home)


def journal_of(home: Path) -> Path:
    """The journal of a home; raises ConfigError when there is none."""
    from storage.home import journal_of as found  # noqa: PLC0415

    return found(home)


for command in (
    keys_group(key_tools, UPBIT_REST),
    *candle_commands(candle_tools, UPBIT_REST),
    *review_commands(journal_of),
):
    main.add_command(command)


if __name__ == "__main__":
    main()
