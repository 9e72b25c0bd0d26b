"""Opens a sandbox's world from its options: the candles, the kept books, the clock."""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from actors.sandbox.accounts import only_pocket, read_accounts
from actors.sandbox.choices import Choices, with_choices
from actors.sandbox.desk import Desk
from actors.sandbox.faults import Mischief
from actors.sandbox.identity import Identity, check_same, keep_identity, load_identity, new_salt
from actors.sandbox.options import SandboxOptions
from actors.sandbox.recorded import Recorded
from actors.sandbox.recording import load_frames
from actors.sandbox.series import Series
from actors.sandbox.source import load_candles
from actors.sandbox.store import Store
from actors.sandbox.synthetic import FIRST_DAY, synthetic_universe
from actors.sandbox.world import CHOICES, World
from domain.errors import ConfigError
from domain.market import DAY, MINUTE, US_PER_S
from domain.money import plain, strict_decimals
from domain.rules import default_terms

WARM_UP: Final = 14 * DAY  # of recorded candles before the start
PLAYED: Final = 14 * DAY  # of made-up days behind the start; what there is more of them is history, at least a half


class Ticking(NamedTuple):
    """The clock that sandbox and client share: it read `origin_us` when the monotonic clock read `anchor_ns`."""

    origin_us: int
    anchor_ns: int
    speed: float

    def now(self) -> int:
        """Microseconds UTC."""
        return self.origin_us + int((time.monotonic_ns() - self.anchor_ns) / 1000 * self.speed)


class Opened(NamedTuple):
    """A world ready to run, who it is, and the folder it keeps its books in."""

    world: World
    identity: Identity
    store: Store
    clock: Ticking


def open_sandbox(options: SandboxOptions) -> Opened:
    """Load everything; the clock starts when this returns.

    Raises:
        ConfigError: when candles or options cannot be used, or the folder belongs to another market or process.
        StorageError: when the folder is damaged or cannot be written.
    """
    strict_decimals()
    home = options.home.expanduser()
    known = load_identity(home)
    universe, source = _universe(options, known)
    made_up = options.candles is None and options.frames is None
    asked = _asked(options, source, tuple(universe), _start(universe, options.start, made_up=made_up))
    store = Store(home)
    try:
        identity = _identity(options, store, known, asked)
        terms = {market: default_terms(market, identity.start) for market in universe}
        desk = Desk(store, identity.salt, terms, identity.pockets)
        desk.state.now = max(desk.state.now, identity.start)
        desk.keep_past_us = int(options.faults.accounts_lag_ms * 1000)
        clock = Ticking(max(desk.state.now, options.not_before), time.monotonic_ns(), options.speed)
        world = World(universe, desk, clock, Mischief(options.faults, options.seed))
        world.choose(with_choices(_kept_choices(store), options.choices))
    except BaseException:
        store.close()
        raise
    return Opened(world, identity, store, clock)


def _asked(options: SandboxOptions, source: str, markets: tuple[str, ...], start: int) -> Identity:
    """What a new folder of these options would be."""
    if options.accounts is None:
        pockets, accounts = only_pocket(plain(options.capital), start), ""
    else:
        pockets, accounts = read_accounts(options.accounts.expanduser(), start), _content(options.accounts.expanduser())
    return Identity(new_salt(), options.seed, source, markets, start, pockets, accounts)


def _content(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=6).hexdigest()


def _kept_choices(store: Store) -> Choices:
    """Those in force when the sandbox ended; raises ConfigError when this version does not know one."""
    kept = store.kept(CHOICES)
    return with_choices(Choices(), {} if kept is None else msgspec.json.decode(kept, type=dict[str, str]))


def _universe(options: SandboxOptions, known: Identity | None) -> tuple[Mapping[str, Series], str]:
    """The series to play, and a name for exactly this data."""
    if options.frames is not None:
        path = options.frames.expanduser()
        universe = load_frames(path, options.markets, options.seed)
        return universe, f"frames {blake2b(path.read_bytes(), digest_size=6).hexdigest()}"
    if options.candles is None:
        start = options.start if options.start is not None or known is None else known.start
        before = max(options.days * DAY - PLAYED, options.days // 2 * DAY)
        first_day = FIRST_DAY if start is None else start // DAY * DAY - before
        universe = synthetic_universe(options.seed, options.days, options.markets, first_day)
        return universe, f"made up for {options.days} days from {_day(first_day)}"
    universe = load_candles(options.candles.expanduser(), options.markets, options.seed)
    digest = blake2b(digest_size=6)
    for series in universe.values():
        digest.update(series.market.encode())
        for column in (series.time, series.open, series.high, series.low, series.close, series.units):
            digest.update(column.tobytes())
        digest.update(repr(series.value.tolist()).encode())
    return universe, f"candles {digest.hexdigest()}"


def _start(universe: Mapping[str, Series], asked: int | None, *, made_up: bool) -> int:
    recorded = [series.recorded for series in universe.values() if series.recorded is not None]
    if recorded:
        return _recorded_start(recorded, asked)
    first = max(int(series.time[0]) for series in universe.values())
    end = max(int(series.time[-1]) for series in universe.values()) + MINUTE
    half = (end - first) // 2
    start = first + (max(half, end - first - PLAYED) if made_up else min(half, WARM_UP)) if asked is None else asked
    start -= start % MINUTE
    if not first < start < end:
        raise ConfigError(
            f"cannot start at {_day(start)}: the candles of these markets have {_day(first)} to {_day(end)} in common"
        )
    return start


def _recorded_start(recorded: list[Recorded], asked: int | None) -> int:
    first, last = min(each.times[0] for each in recorded), max(each.times[-1] for each in recorded)
    start = first - US_PER_S if asked is None else asked
    if start > last:
        raise ConfigError(f"cannot start at {_day(start)}: the recording ends at {_day(last)}")
    return start


def remarks(universe: Iterable[Series]) -> list[str]:
    """What a person should know about what will be played, a line each."""
    return [
        f"{series.market}: {series.missed} of {len(series.time)} candles have a value that trades at their prices "
        "cannot have; they are played at the nearest"
        for series in universe
        if series.missed
    ]


def _identity(options: SandboxOptions, store: Store, known: Identity | None, asked: Identity) -> Identity:
    if known is None:
        keep_identity(store.folder, asked)
        return asked
    given = {"start": options.start, "accounts": options.accounts}
    check_same(store.folder, known, asked, *(name for name, value in given.items() if value is not None))
    return known


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at // 1_000_000, UTC):%Y-%m-%d %H:%M} UTC"
