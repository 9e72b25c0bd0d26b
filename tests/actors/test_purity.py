"""What makes replay possible, checked on the source: core actors know no clock, no chance and no world."""

import ast
import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from pathlib import Path

import msgspec
import pytest

import domain.messages  # noqa: F401 (registers every message)
from actors import system
from domain.message import MESSAGES

ROOT = Path(__file__).resolve().parents[2]
CORE = (
    *("clock", "universe", "warnings", "quality", "judge", "belief", "market", "minutes", "checking", "guard", "risk"),
    *("gateway", "watch", "tracked", "portfolio", "exits", "desk", "held", "reconciler", "exchange"),
)
FILES = [ROOT / "actors" / f"{name}.py" for name in CORE] + sorted((ROOT / "domain").rglob("*.py"))
FORBIDDEN = {
    *(
        "time",
        "datetime",
        "random",
        "secrets",
        "uuid",
        "threading",
        "queue",
        "concurrent",
        "multiprocessing",
        "asyncio",
    ),
    *(
        "os",
        "io",
        "socket",
        "ssl",
        "subprocess",
        "pathlib",
        "sqlite3",
        "requests",
        "websocket",
        "logging",
        "peewee",
        "tables",
    ),
}
PLAIN = {int, float, bool, str, bytes, Decimal, type(None)}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_nothing_of_the_world(path):
    tree = ast.parse(path.read_text())
    assert not FORBIDDEN.intersection(imported(tree))
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not {"open", "print", "input"} & calls


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_never_walks_a_set_in_its_own_order(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.For | ast.comprehension):
            assert not isinstance(node.iter, ast.Set | ast.SetComp), f"line {node.iter.lineno}"
            named = isinstance(node.iter, ast.Call) and isinstance(node.iter.func, ast.Name) and node.iter.func.id
            assert named not in {"set", "frozenset"}, f"line {node.iter.lineno}"


def parts(annotation: typing.Any) -> Iterator[typing.Any]:
    origin = typing.get_origin(annotation)
    if origin in {typing.Union, types.UnionType}:
        for part in typing.get_args(annotation):
            yield from parts(part)
    elif origin is tuple:
        for part in typing.get_args(annotation):
            if part is not Ellipsis:
                yield from parts(part)
    else:
        yield annotation


def mutable(kind: type, seen: set[type]) -> Iterator[str]:
    """Names of fields, at any depth, that could be changed after sending."""
    seen.add(kind)
    for name, annotation in typing.get_type_hints(kind).items():
        if typing.get_origin(annotation) is typing.ClassVar:
            continue
        for part in parts(annotation):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                assert part.__struct_config__.frozen, part
                if part not in seen:
                    yield from mutable(part, seen)
            elif part not in PLAIN and not (isinstance(part, type) and issubclass(part, Enum)):
                yield f"{kind.__name__}.{name}: {part}"


@pytest.mark.parametrize(
    "name", sorted(name for name, kind in MESSAGES.items() if kind.__module__.startswith("domain"))
)
def test_a_message_is_immutable_to_its_last_field(name):
    assert MESSAGES[name].__struct_config__.frozen
    assert list(mutable(MESSAGES[name], set())) == []


def accepted(module: types.ModuleType) -> set[type]:
    return set(typing.get_args(module.Accepted))


def test_every_subscriber_takes_what_its_topics_carry():
    """The static table against the unions the actors declare."""
    import actors.exchange  # noqa: PLC0415
    import actors.gateway  # noqa: PLC0415
    import actors.market  # noqa: PLC0415
    import actors.portfolio  # noqa: PLC0415
    import actors.quality  # noqa: PLC0415
    import actors.reconciler  # noqa: PLC0415
    import actors.risk  # noqa: PLC0415
    import actors.universe  # noqa: PLC0415
    import actors.warnings  # noqa: PLC0415
    from domain import messages  # noqa: PLC0415

    carries = {
        "streams": {messages.StreamChanged},
        "terms": {messages.TermsLoaded},
        "universe": {messages.UniverseChanged},
        "listings": {messages.ListingStates},
        "announcements": {messages.AnnouncementSeen},
        "fills": {messages.FillBooked},
        "equity": {messages.EquityMeasured},
        "risk": {messages.RiskTripped, messages.TradingStateChanged},
        "reconciled": {messages.ReconcileFinished},
        "corrections": {messages.LedgerCorrected},
        "candles": {messages.CandlesTold},
        "checks": {messages.MinutesChecked},
        "data": {messages.DataBlocked},
        "freshness": {messages.StreamMeasured},
        "tape": {messages.GapFilled, messages.SourceChanged},
        "orders": {messages.OrderChanged},
        "positions": {messages.PositionChanged, messages.PositionClosed},
    }
    modules = {
        "gateway": actors.gateway,
        "portfolio": actors.portfolio,
        "quality": actors.quality,
        "reconciler": actors.reconciler,
        "risk": actors.risk,
        "universe": actors.universe,
        "warnings": actors.warnings,
        "market:*": actors.market,
    }
    checked = 0
    for topic, names in system.topics().items():
        for name in names:
            if name in modules:
                assert carries[topic] <= accepted(modules[name]), (topic, name)
                checked += 1
    assert checked >= 16
