"""What a request is about, as far as faults may ask for it."""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

import msgspec

from actors.sandbox.answers import Request
from actors.sandbox.rules import Subject

_SHOWN: Final = 64  # characters of an identifier in the log


class _Body(msgspec.Struct):
    """The fields of an order that a rule may name; anything else in a body is none of its business."""

    market: str = ""
    side: str = ""
    identifier: str = ""


class _Claims(msgspec.Struct):
    access_key: str = ""


_body: Final = msgspec.json.Decoder(_Body)
_claims: Final = msgspec.json.Decoder(_Claims)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error, ValueError)


def subject_of(request: Request, accounts: Mapping[str, str]) -> Subject:
    """Method, path, market and side of a request, and the account of the key it claims to be signed with.

    `accounts` are names by access key; the name in the log carries the identifier of an order.
    """
    body = _read(request.body)
    market = body.market or request.get("market", "markets") or ""
    identifier = body.identifier or request.get("identifier") or request.get("uuid") or ""
    name = " ".join(filter(None, (request.method, request.path, market, body.side, identifier[:_SHOWN])))
    account = accounts.get(_access_key(request.headers.get("authorization", "")), "")
    return Subject(name, request.method, request.path, market.upper(), body.side, account)


def _read(body: bytes) -> _Body:
    if not body:
        return _Body()
    try:
        return _body.decode(body)
    except _UNREADABLE:
        return _Body()  # whoever handles the request says what is wrong with it


def _access_key(header: str) -> str:
    """Which key a token names, whether or not it was signed with it."""
    parts = header.split(".")
    if len(parts) < 2:  # noqa: PLR2004 (head and claims)
        return ""
    try:
        return _claims.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))).access_key
    except _UNREADABLE:
        return ""  # the gatekeeper says what is wrong with it
