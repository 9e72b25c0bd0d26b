"""Requests and answers of the REST side, and the exchange's three ways of saying no."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, unquote_plus

import msgspec

from actors.sandbox.accounts import Caller

JSON: Final = "application/json; charset=utf-8"
FORM: Final = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class Request:
    """One HTTP request; header names are lower case, `query` is the raw query string.

    The form in the body of a GET counts as its query: clients in use (pyupbit) ask like that. `address` is where it
    came from; `caller` who signed it, once that was checked.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""
    address: str = "127.0.0.1"
    caller: Caller | None = None
    params: list[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        if self.method == "GET" and self.headers.get("content-type", "").startswith(FORM):
            self.query = self.query or self.body.decode(errors="replace")
        parts = [part.partition("=") for part in self.query.split("&") if part]
        self.params = [(unquote_plus(name), unquote_plus(value)) for name, _, value in parts]

    @property
    def signer(self) -> Caller:
        """Who signed it; only handlers of private routes may ask."""
        if self.caller is None:
            raise RuntimeError(f"{self.method} {self.path} was handled without a signature")
        return self.caller

    @property
    def hashed_query(self) -> str:
        """The query string as it is hashed: decoded, in the order received."""
        return unquote(self.query)

    def get(self, *names: str) -> str | None:
        """The first parameter with one of these names, None if there is none or it is empty."""
        return next((value for name, value in self.params if name in names and value), None)

    def every(self, name: str) -> list[str]:
        """All values of an array parameter, written `name[]=a&name[]=b` or `name=a,b`."""
        listed = [value for key, value in self.params if key == f"{name}[]"]
        return listed or [piece for piece in (self.get(name) or "").split(",") if piece]


@dataclass(slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: list[tuple[str, str]] = field(default_factory=list)


class Refused(Exception):
    """The request ends here with this status; `name` is a word on the exchange side, a number on the quotation side."""

    def __init__(self, status: int, name: str | int, message: str) -> None:
        super().__init__(message)
        self.status, self.name, self.message = status, name, message

    def answer(self) -> Answer:
        """As it goes over the wire."""
        return Answer(self.status, error_body(self.name, self.message))


class Dropped(Exception):
    """The connection ends here without an answer."""


def error_body(name: str | int, message: str) -> bytes:
    """The body of an error."""
    return msgspec.json.encode({"error": {"name": name, "message": message}})


def told(value: object, status: int = 200) -> Answer:
    """An answer of plain values; numbers already in their wire form are msgspec.Raw."""
    return Answer(status, msgspec.json.encode(value))


def missing() -> Refused:
    """A required parameter of the quotation side is absent."""
    return Refused(400, 400, "Missing request parameter error. Check the required parameters!")


def mistyped() -> Refused:
    """A parameter of the quotation side is not of its type."""
    return Refused(400, 400, "Type mismatch error. Check the parameters type!")


def invalid() -> Refused:
    """A parameter of the quotation side has no possible value."""
    return Refused(400, 400, "Invalid parameter. Check the given value!")


def no_code() -> Refused:
    """A market of the quotation side does not exist."""
    return Refused(404, 404, "Code not found")


def bad_parameter(message: str = "잘못된 파라미터") -> Refused:
    """A parameter of the exchange side is wrong."""
    return Refused(400, "invalid_parameter", message)


def no_route() -> Answer:
    """There is nothing at this path."""
    return Answer(404, error_body("not_found", "no Route matched with those values"))
