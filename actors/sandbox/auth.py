"""Checks a signed request as the exchange does (upbit-api.md section 1): each failure has its own name."""

import base64
import binascii
import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final

from actors.sandbox.accounts import Caller, Key, Pocket
from actors.sandbox.answers import Refused, Request
from actors.sandbox.choices import Choices
from actors.sandbox.faults import Faults

ADDRESS: Final = "127.0.0.1"
_DIGESTS: Final = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}
_NONCES: Final = 500_000  # remembered; the oldest are forgotten first
_SCHEME: Final = "Bearer "
_PARTS: Final = 3


class Gatekeeper:
    """Knows the keys of every pocket, and every nonce each was used with; `now` is the exchange's clock."""

    def __init__(self, pockets: Iterable[Pocket], choices: Callable[[], Choices], now: Callable[[], int]) -> None:
        self._callers = {key.access_key: Caller(pocket, key) for pocket in pockets for key in pocket.keys}
        self._choices, self._now = choices, now
        self._nonces: OrderedDict[tuple[str, str], None] = OrderedDict()

    def check(self, header: str | None, hashed: str, faults: Faults, address: str = ADDRESS) -> Caller:
        """Who sent a request with this Authorization header and this text to be hashed; raises Refused."""
        caller, claims = self._verified(header)
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not nonce:
            raise _unverified()
        used = (caller.key.access_key, nonce)
        if used in self._nonces:
            raise Refused(401, "nonce_used", "이미 사용한 nonce값입니다.")
        self._nonces[used] = None
        if len(self._nonces) > _NONCES:
            self._nonces.popitem(last=False)
        _check_query(claims, hashed)
        self._check_key(caller.key, faults, address)
        return caller

    def check_scope(self, caller: Caller, permission: str) -> None:
        """Raise Refused when the caller's key does not permit this; "" needs no permission."""
        if permission and permission not in caller.key.permissions:
            raise self._out_of_scope()

    def _verified(self, header: str | None) -> tuple[Caller, dict[str, Any]]:
        if not header or not header.startswith(_SCHEME):
            raise Refused(401, "no_authorization_token", "Jwt 토큰 인증정보가 없습니다.")
        parts = header.removeprefix(_SCHEME).strip().split(".")
        if len(parts) != _PARTS:
            raise _unverified()
        head, claims = _decoded(parts[0]), _decoded(parts[1])
        digest = _DIGESTS.get(str(head.get("alg")))
        if digest is None:
            raise _unverified()
        caller = self._callers.get(str(claims.get("access_key")))
        if caller is None:
            raise Refused(401, "invalid_access_key", "잘못된 엑세스 키입니다.")
        expected = hmac.new(caller.key.secret_key.encode(), f"{parts[0]}.{parts[1]}".encode(), digest).digest()
        if not hmac.compare_digest(expected, _bytes(parts[2])):
            raise _unverified()
        return caller, claims

    def _check_key(self, key: Key, faults: Faults, address: str) -> None:
        if faults.expired_key or self._now() >= key.expires_at:
            raise Refused(401, "expired_access_key", "This key has expired.")
        if faults.wrong_ip or (key.allowed_ips and address not in key.allowed_ips):
            raise Refused(401, self._choices().ip_error, "This is not a verified IP.")
        if faults.out_of_scope:
            raise self._out_of_scope()

    def _out_of_scope(self) -> Refused:
        return Refused(int(self._choices().scope_status), "out_of_scope", "권한이 부족합니다.")


def body_pairs(body: bytes) -> list[tuple[str, str]]:
    """Names and values of a JSON object, in the order of the body; nulls are left out, and so is what is no object."""
    try:
        fields = json.loads(body, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return []
    if not isinstance(fields, dict):
        return []
    return [(name, _text(value)) for name, value in fields.items() if value is not None]


def hashed_text(request: Request) -> str:
    """What this request's `query_hash` must be the hash of; empty when it must have none."""
    return request.hashed_query or "&".join(f"{name}={value}" for name, value in body_pairs(request.body))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _check_query(claims: dict[str, Any], hashed: str) -> None:
    given = claims.get("query_hash")
    if given is None and not hashed:
        return
    algorithm = str(claims.get("query_hash_alg", "SHA512")).upper()
    expected = hashlib.sha512(hashed.encode(errors="replace")).hexdigest()
    if algorithm != "SHA512" or not hashed or given != expected:
        raise Refused(401, "invalid_query_payload", "Failed to verify the query of Jwt.")


def _unverified() -> Refused:
    return Refused(401, "jwt_verification", "Jwt 토큰 검증에 실패했습니다.")


def _bytes(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise _unverified() from error


def _decoded(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_bytes(part))
    except (ValueError, RecursionError) as error:
        raise _unverified() from error
    if not isinstance(value, dict):
        raise _unverified()
    return value
