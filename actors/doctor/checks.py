"""The list of what is looked at: in the order of the table."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from actors.doctor import account, machine, network, rules
from actors.doctor.examine import Check, Once, examine
from actors.keys.probe import KeyReport, probe
from actors.keys.source import Found, Tools, key_in_use, safe_url
from actors.local import local_exchange
from actors.runtime import Clock, wall_clock
from actors.upbit.rest import UpbitRest
from actors.upbit.retry import WATCHED
from actors.upbit.sign import Keys
from domain.errors import ConfigError, TradingError
from domain.finding import Finding, grey
from domain.market import HEARTBEAT
from domain.secret import Secret

Markets: TypeAlias = Callable[[], Sequence[str]]
KRW: Final = "KRW-"
TERMS_WITHIN_S: Final = 90.0  # one call a market, in the exchange's limit of calls a second
COMPILED_WITHIN_S: Final = 300.0
KEY_ADVICE: Final = "`keys add`, or UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY in the environment"
KEY_ROWS: Final = ("api key", "ip allow-list", "permissions", "withdrawal", "key expiry")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What to look at: an exchange by its addresses and clock, and our key there; without one `origin` says why."""

    rest: str
    socket: str
    clock: Clock
    keys: Keys | None
    origin: str


@contextmanager
def own_exchange() -> Iterator[Exchange]:
    """A sandbox with its own key in a folder of its own, running while the block lasts."""
    with tempfile.TemporaryDirectory(prefix="baeu-doctor-") as folder, local_exchange(Path(folder)) as local:
        told, place = local.told, local.place
        place.rest.close()
        keys = Keys(str(told["access_key"]), Secret(str(told["secret_key"])))
        yield Exchange(str(told["rest"]), str(told["ws"]), place.clock, keys, "the sandbox's own")


@contextmanager
def key_exchange(url: str, socket: str, tools: Tools, home: Path, name: str) -> Iterator[Exchange]:
    """Upbit, or what stands at these addresses, with the key in use; what keeps it from us stands in the table."""
    clock = wall_clock()
    try:
        found = key_in_use(os.environ, tools.vault(home), tools.passphrase_given(os.environ), name, clock.now())
        if found.pair is not None:
            safe_url(url)
    except TradingError as error:
        found = Found(None, str(error))
    keys = Keys(found.pair.access, found.pair.secret) if found.pair else None
    yield Exchange(url, socket, clock, keys, found.origin)


def diagnose(
    exchange: Exchange, home: Path, journal: Path, files: Mapping[str, Callable[[], Finding]]
) -> tuple[Finding, ...]:
    """Look at everything; `files` are checks that somebody else brings, by name.

    What compiles goes last and alone, because it would make the others seem slow.
    """
    client = UpbitRest(exchange.rest, exchange.keys, exchange.clock, timeouts=WATCHED)
    markets = Once(partial(_markets, client))
    try:
        found = examine(
            [
                *_network(exchange, client, markets),
                *_account(exchange, client, markets),
                *_machine(home, journal),
                *(Check(name, look) for name, look in files.items()),
            ]
        )
    finally:
        client.close()
    return (*found, *examine([Check("numba cache", machine.kernels, COMPILED_WITHIN_S)]))


def _network(exchange: Exchange, client: UpbitRest, markets: Markets) -> list[Check]:
    answered = Once(partial(network.answer_of, exchange.rest, exchange.clock))
    return [
        Check("dns", partial(network.dns, exchange.rest)),
        Check("tcp", partial(network.tcp, exchange.rest)),
        Check("tls", partial(network.tls, exchange.rest)),
        Check("http", lambda: network.http(answered)),
        Check("websocket", lambda: network.websocket_frame(exchange.socket, HEARTBEAT)),
        Check("clock", lambda: network.clock_skew(answered())),
        Check("price steps", lambda: rules.price_steps(client, markets(), exchange.clock.now), 40.0),
    ]


def _account(exchange: Exchange, client: UpbitRest, markets: Markets) -> list[Check]:
    keys, now = exchange.keys, exchange.clock.now
    if keys is None:
        names = (*KEY_ROWS, "fees and minimums", "dry order")
        return [Check(name, partial(grey, name, exchange.origin, KEY_ADVICE)) for name in names]
    report: Once[KeyReport] = Once(partial(probe, exchange.rest, keys, exchange.clock))
    taken: tuple[Callable[[KeyReport], Finding], ...] = (
        lambda told: account.works(told, exchange.origin),
        account.allow_list,
        account.permissions,
        account.withdrawal,
        lambda told: account.expiry(told, now()),
    )
    return [
        *(Check(name, partial(_judged, look, report), 40.0) for name, look in zip(KEY_ROWS, taken, strict=True)),
        Check("fees and minimums", lambda: rules.fees_and_minimums(client, markets(), now), TERMS_WITHIN_S),
        Check("dry order", lambda: account.dry_order(client, _first(markets), now)),
    ]


def _judged(look: Callable[[KeyReport], Finding], report: Callable[[], KeyReport]) -> Finding:
    return look(report())


def _machine(home: Path, journal: Path) -> list[Check]:
    return [
        Check("disk space", partial(machine.free_space, home)),
        Check("disk speed", partial(machine.write_speed, home)),
        Check("journal", partial(machine.journal, journal), 60.0),
        Check("single instance", partial(machine.single_instance, journal)),
        Check("python", machine.python),
        Check("packages", machine.packages),
    ]


def _markets(client: UpbitRest) -> Sequence[str]:
    return tuple(market for market in client.market_all() if market.startswith(KRW))


def _first(markets: Markets) -> str:
    """A market to look at closely: Bitcoin where there is one."""
    known = markets()
    if not known:
        raise ConfigError("the exchange lists no KRW market")
    return HEARTBEAT if HEARTBEAT in known else known[0]
