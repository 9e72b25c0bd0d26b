"""Signs requests to the exchange (upbit-api.md 1): JWT with a fresh nonce and a hash of the unencoded query.

PyJWT makes the token. It would warn of every Upbit secret (40 characters) as too short for HS512; the exchange, not we,
chose its length, so our algorithms do not measure it. That is per signer: no warning filter of the process is touched.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import quote

import jwt
import msgspec
from jwt.algorithms import HMACAlgorithm

from domain.errors import ConfigError
from domain.secret import Secret

Params: TypeAlias = Mapping[str, str | int | bool | Sequence[str] | None]
"""Parameters in the order they are sent; a sequence becomes `name[]=…` for each item, None is left out."""


class _AnyLength(HMACAlgorithm):
    """HMAC with a key of the length the exchange gives out."""

    def check_key_length(self, key: bytes) -> str | None:
        """Find no fault."""
        del key
        return None


ALGORITHMS: Final = {"HS512": _AnyLength(HMACAlgorithm.SHA512), "HS256": _AnyLength(HMACAlgorithm.SHA256)}


def _signer() -> jwt.PyJWS:
    signer = jwt.PyJWS(algorithms=[])
    for name, algorithm in ALGORITHMS.items():
        signer.register_algorithm(name, algorithm)
    return signer


_SIGNER: Final = _signer()


@dataclass(frozen=True, slots=True)
class Keys:
    """An API key pair; `algorithm` is HS512 or HS256."""

    access: str = field(repr=False)
    secret: Secret
    algorithm: str = "HS512"

    def __post_init__(self) -> None:
        if not self.access or not self.secret.reveal():
            raise ConfigError("an API key is an access key and a secret key, and one of them is empty")
        if self.algorithm not in ALGORITHMS:
            raise ConfigError(f"expected the algorithm to be one of {', '.join(ALGORITHMS)}, found {self.algorithm!r}")


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
    """The same pairs as they go over the wire: percent-encoded, brackets literal.

    The HTTP library encodes brackets too on its way; the exchange decodes what it gets before it hashes.
    """
    return "&".join(f"{quote(key, safe='[]')}={quote(value, safe='')}" for key, value in pairs(params))


def bearer(keys: Keys, params: Params | None = None, nonce: str | None = None) -> str:
    """The Authorization header of one request; each attempt needs its own, because a nonce counts once."""
    claims = {"access_key": keys.access, "nonce": nonce or str(uuid.uuid4())}
    if params and pairs(params):
        claims["query_hash"] = hashlib.sha512(hashed_text(params).encode()).hexdigest()
        claims["query_hash_alg"] = "SHA512"
    token = _SIGNER.encode(
        msgspec.json.encode(claims), keys.secret.reveal(), algorithm=keys.algorithm, sort_headers=True
    )
    return f"Bearer {token}"
