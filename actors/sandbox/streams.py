"""Reads what a client asks of a socket (upbit-api.md 7.2)."""

import json
import math
from typing import Any, Final, NamedTuple

from actors.sandbox.frames import FORMATS, Format
from actors.sandbox.history import MINUTE_UNITS, SECOND, Period, minutes

CANDLES: Final[dict[str, Period]] = {
    "candle.1s": SECOND,
    **{f"candle.{unit}m": minutes(unit) for unit in MINUTE_UNITS},
}
PUBLIC: Final = frozenset({"ticker", "trade", "orderbook", *CANDLES})
PRIVATE: Final = frozenset({"myOrder", "myAsset", "announcement"})
CODELESS: Final = frozenset({"myAsset", "announcement"})
LEVEL_COUNTS: Final = frozenset({1, 5, 15, 30})
DEEPEST: Final = 30


class BadFrame(Exception):
    """A request the exchange answers with an error and the end of the socket."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name, self.message = name, message


class Wish(NamedTuple):
    """One type asked for. `codes` are as written; none means all (private types). `level` groups books, in KRW.

    `categories` (none means all) and `with_body` say which announcements are wanted, and how.
    """

    kind: str
    codes: tuple[str, ...]
    level: float = 0.0
    only_snapshot: bool = False
    only_realtime: bool = False
    categories: tuple[str, ...] = ()
    with_body: bool = False


class Demand(NamedTuple):
    """One request: its ticket, what it wants, the format (None: as before or DEFAULT); or that it asks for a list."""

    ticket: str
    wishes: tuple[Wish, ...]
    form: Format | None
    lists: bool


def read_demand(text: str, *, private: bool) -> Demand:
    """A request frame; raises BadFrame with the exchange's name for what is wrong with it."""
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong() from error
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise _wrong()
    ticket = next((part["ticket"] for part in parts if "ticket" in part), None)
    if not isinstance(ticket, str) or not ticket:
        raise BadFrame("NO_TICKET", "티켓이 존재하지 않거나, 유효하지 않습니다.")
    form = _format(parts)
    if any(part.get("method") == "LIST_SUBSCRIPTIONS" for part in parts):
        return Demand(ticket, (), form, lists=True)
    wishes = tuple(_wish(part, private=private) for part in parts if "type" in part)
    if not wishes:
        raise BadFrame("NO_TYPE", "타입이 존재하지 않습니다.")
    return Demand(ticket, wishes, form, lists=False)


def split_code(code: str) -> tuple[str, int]:
    """Market and number of levels of a book's code: KRW-BTC.15."""
    market, _, suffix = code.partition(".")
    count = int(suffix) if suffix.isdecimal() else DEEPEST
    return market, count if count in LEVEL_COUNTS else DEEPEST


def _format(parts: list[dict[str, Any]]) -> Format | None:
    name = next((part["format"] for part in parts if "format" in part), None)
    if name is None:
        return None
    form = FORMATS.get(name) if isinstance(name, str) else None
    if form is None:
        raise _wrong()
    return form


def _wish(part: dict[str, Any], *, private: bool) -> Wish:
    kind, codes = part["type"], part.get("codes")
    if not isinstance(kind, str) or kind not in (PRIVATE if private else PUBLIC):
        raise BadFrame("INVALID_PARAM", f"{kind} 은 지원하지 않는 타입입니다.")
    listed = isinstance(codes, list) and all(isinstance(code, str) for code in codes)
    if (codes is not None and not listed) or (kind in CODELESS and codes is not None):
        raise _wrong()
    if not private and not codes:
        raise BadFrame("NO_CODES", "코드가 존재하지 않습니다.")
    level = _level(part.get("level", 0))
    flags = [part.get(f"is_only_{name}", part.get(f"isOnly{name.title()}", False)) for name in ("snapshot", "realtime")]
    if not all(isinstance(flag, bool) for flag in flags):
        raise _wrong()
    only_snapshot, only_realtime = flags
    return Wish(kind, tuple(codes or ()), level, only_snapshot, only_realtime, *_announced(part))


def _level(told: object) -> float:
    """The grouping of a book: a number, which the official SDK sends as text."""
    if isinstance(told, bool) or not isinstance(told, int | float | str):
        raise _wrong()
    try:
        level = float(told)
    except (ValueError, OverflowError) as error:
        raise _wrong() from error
    if not math.isfinite(level):
        raise _wrong()
    return level


def _announced(part: dict[str, Any]) -> tuple[tuple[str, ...], bool]:
    """Which announcements are wanted, and whether with their text."""
    categories, with_body = part.get("categories") or [], part.get("include_body", False)
    if not isinstance(categories, list) or not all(isinstance(category, str) for category in categories):
        raise _wrong()
    if not isinstance(with_body, bool):
        raise _wrong()
    return tuple(categories), with_body


def _wrong() -> BadFrame:
    return BadFrame("WRONG_FORMAT", "Format 이 맞지 않습니다.")
