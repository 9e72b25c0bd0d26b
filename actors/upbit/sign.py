"""Signs requests to the exchange (upbit-api.md 1): JWT with a fresh nonce and a hash of the unencoded query.

The token is made of the standard library: PyJWT warns of every Upbit secret (40 characters) as too short for HS512,
and the exchange, not we, chose its length.
"""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import quote

import msgspec

Params: TypeAlias = Mapping[str, str | int | bool | Sequence[str] | None]
"""Parameters in the order they are sent; a sequence becomes `name[]=…` for each item, None is left out."""

_DIGESTS: Final = {"HS512": hashlib.sha512, "HS256": hashlib.sha256}


class Secret:
    """A text that shows itself to nobody: not in a repr, a log, a message or a journal."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text, for the one place that signs with it."""
        return self._text

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True, slots=True)
class Keys:
    """An API key pair; `algorithm` is HS512 or HS256."""

    access: str = field(repr=False)
    secret: Secret
    algorithm: str = "HS512"


def pairs(params: Params) -> tuple[tuple[str, str], ...]:
    """Every key and value in the order sent; lists repeat their key with brackets, None is left out."""
    out: list[tuple[str, str]] = []
    for key, value in params.items():
        if value is None:
            continue
        if isinstance(value, bool):
            out.append((key, "true" if value else "false"))
        elif isinstance(value, str | int):
            out.append((key, str(value)))
        else:
            out.extend((f"{key}[]", str(item)) for item in value)
    return tuple(out)


def hashed_text(params: Params) -> str:
    """The text that is hashed: not encoded, in the order sent."""
    return "&".join(f"{key}={value}" for key, value in pairs(params))


def wire_query(params: Params) -> str:
    """The same pairs as they go over the wire: percent-encoded, brackets literal."""
    return "&".join(f"{quote(key, safe='[]')}={quote(value, safe='')}" for key, value in pairs(params))


def bearer(keys: Keys, params: Params | None = None, nonce: str | None = None) -> str:
    """The Authorization header of one request; each attempt needs its own, because a nonce counts once."""
    claims = {"access_key": keys.access, "nonce": nonce or str(uuid.uuid4())}
    if params and pairs(params):
        claims["query_hash"] = hashlib.sha512(hashed_text(params).encode()).hexdigest()
        claims["query_hash_alg"] = "SHA512"
    head = f"{_encoded({'alg': keys.algorithm, 'typ': 'JWT'})}.{_encoded(claims)}"
    digest = hmac.new(keys.secret.reveal().encode(), head.encode(), _DIGESTS[keys.algorithm]).digest()
    return f"Bearer {head}.{_base64(digest)}"


def _encoded(value: dict[str, str]) -> str:
    return _base64(msgspec.json.encode(value))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
