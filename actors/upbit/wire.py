"""How the exchange writes JSON, numbers, times and errors; what its rows mean stands beside each kind of row."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from domain.errors import BadPayload
from domain.market import US_PER_S
from domain.money import parse

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
US_PER_MS: Final = 1_000
LAST_MS: Final = 253_402_300_799_999  # the end of year 9999: a later time is a garbled one
_LARGEST: Final = LAST_MS * 10_000  # a sequential id is its trade's milliseconds with four more digits
_decoder = msgspec.json.Decoder(float_hook=Decimal)
# not UTF-8 inside a text, a number beyond any Decimal, brackets without end: none of them is a DecodeError
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError)
GARBLED: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    UnicodeError,
    ValueError,
    msgspec.MsgspecError,
)
"""What reading a row raises that is not as documented."""


def load(raw: bytes | str) -> Any:
    """JSON with every fraction an exact Decimal; raises BadPayload when it is none."""
    try:
        return _decoder.decode(raw)
    except UNREADABLE as error:
        raise BadPayload(f"the exchange's answer is not JSON: {str(raw[:120])!r}") from error


def dump(body: Mapping[str, str]) -> bytes:
    """A JSON body, keys in the order given."""
    return msgspec.json.encode(body)


def moment(text: str) -> int:
    """Microseconds UTC of an ISO time; one without a zone is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except (ValueError, TypeError) as error:
        raise BadPayload(f"expected an ISO time, found {text!r}") from error
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def iso_utc(at: int) -> str:
    """A time as the exchange's `to` parameter takes it: whole seconds, up, since what lies before it is meant."""
    return (EPOCH + timedelta(seconds=-(-at // US_PER_S))).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole(row: Mapping[str, Any], name: str) -> int:
    """A whole number of a row; raises BadPayload for anything else."""
    value = row.get(name)
    if isinstance(value, Decimal) and abs(value) <= _LARGEST and value == value.to_integral_value():
        value = int(value)
    if type(value) is not int or abs(value) > _LARGEST:
        raise BadPayload(f"expected a whole number in {name!r}, found {value!r:.80}")
    return value


def at_ms(row: Mapping[str, Any], name: str) -> int:
    """A time told in milliseconds, in microseconds UTC."""
    value = whole(row, name)
    if not 0 <= value <= LAST_MS:
        raise BadPayload(f"expected a time in milliseconds in {name!r}, found {value}")
    return value * US_PER_MS


def number(row: Mapping[str, Any], name: str, default: Decimal | None = None) -> Decimal:
    """A number of a row, given as JSON number or text; raises BadPayload without one and without a default."""
    value = row.get(name)
    if value is None:
        if default is None:
            raise BadPayload(f"expected a number in {name!r}, found none in {dict(row)!r:.200}")
        return default
    try:
        return parse(value)
    except ValueError as error:
        raise BadPayload(f"expected a number in {name!r}: {error}") from error


def positive(row: Mapping[str, Any], name: str) -> Decimal:
    """A number above zero of a row."""
    value = number(row, name)
    if value <= 0:
        raise BadPayload(f"expected {name!r} above zero, found {value}")
    return value


def identity(row: Mapping[str, Any], name: str) -> str:
    """An identity of a row; raises BadPayload without one: two things without a name would count as the same."""
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise BadPayload(f"expected a text in {name!r}, found {value!r:.80}")
    return value


def text(row: Mapping[str, Any], name: str) -> str:
    """A text of a row, "" where it is left out or null."""
    value = row.get(name)
    return "" if value is None else str(value)


_TIME_TOLD: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(s\b|sec|초|min|분)")


def seconds_told(text: str, header: str | None = None) -> float | None:
    """How long a refusal says to stay away, in seconds of the exchange's time: from its text, or a Retry-After."""
    if told := _TIME_TOLD.search(text):
        return float(told[1]) * (60.0 if told[2] in {"min", "분"} else 1.0)
    if header and header.strip().isdecimal():
        return float(header)
    return None


def error_of(raw: bytes) -> tuple[str, str]:
    """Name and message of an error body of any family; ("", text) when it is none of them."""
    text = raw.decode("utf-8", "replace")
    try:
        body = _decoder.decode(raw)
    except UNREADABLE:
        return "", text[:200]
    inner = body.get("error", body) if isinstance(body, dict) else None
    if isinstance(inner, str):
        return inner, ""
    if isinstance(inner, dict) and isinstance(inner.get("name"), str | int):
        return str(inner["name"]), str(inner.get("message", ""))
    return "", text[:200]
