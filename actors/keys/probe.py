"""Finds out what an API key may do, by calls that move no money (upbit-api.md 1.3 to 1.5).

Withdrawing itself is never tried. Only a main key that manages pockets can list permissions; for any other key the
exchange does not tell whether it may withdraw, and we say so.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

from actors.runtime import Clock
from actors.upbit.limits import Limiter, Urgency
from actors.upbit.news import NEWS
from actors.upbit.rest import UpbitRest
from actors.upbit.retry import WATCHED
from actors.upbit.sign import Keys, Params
from actors.upbit.transport import Transport
from domain.errors import BadPayload, RequestRefused
from domain.keys import Checked
from domain.money import ceil_to
from domain.orders import OrderRequest, OrderType, Side

PERMISSIONS: Final = {
    "view_account": "자산조회",
    "view_orders": "주문조회",
    "make_orders": "주문하기",
    "view_withdrawals": "출금조회",
    "withdraw": "출금하기",
    "view_deposits": "입금조회",
    "deposit": "입금하기",
    "transfer": "자산이전",
    "manage_pockets": "포켓관리",
}
"""Every permission: the exchange's name, and the label on its page."""
NEEDED: Final = ("view_account", "view_orders", "make_orders")
FORBIDDEN: Final = "withdraw"
SCOPE: Final = "out_of_scope"
ADDRESS: Final = frozenset({"no_authorization_ip", "no_authorization_i_p"})
REFUSALS: Final = {
    "invalid_access_key": "the exchange knows no such access key: copy it again, or it was deleted there",
    "jwt_verification": "the secret key does not belong to this access key: copy both again",
    "expired_access_key": "the key is past its year: make a new one on Upbit's page, then `keys rotate`",
    "no_authorization_ip": "this machine's public address is not on the key's allow-list: `keys allow-list` tells how",
}
_UNAUTHORIZED: Final = 401
_LEAST: Final = Decimal("0.00000001")
_TOTAL: Final = Decimal(6_000)  # KRW, a little above the exchange's minimum
_NO_ROUTE: Final = "not_found"
_LOOKS: Final[Mapping[str, tuple[str, Params]]] = {
    "view_account": ("/v1/accounts", {}),
    "view_withdrawals": ("/v1/withdraws", {"limit": 1}),
    "view_deposits": ("/v1/deposits", {"limit": 1}),
}


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What the exchange said of a key. `refused` is its error name when it takes the key for nothing at all.

    Each permission stands in one of `allowed`, `missing` and `unknown`; `addresses` is the allow-list where it tells.
    """

    refused: str = ""
    expires_at: int | None = None
    allowed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    @property
    def objection(self) -> str:
        """Why this key must not be used, "" when it may."""
        if self.refused:
            return f"{self.refused}: {advice(self.refused)}"
        if FORBIDDEN in self.allowed:
            return "this key may WITHDRAW (출금하기): delete it on Upbit's page and make one without that permission"
        if lacking := [name for name in NEEDED if name in self.missing]:
            labels = ", ".join(f"{name} ({PERMISSIONS[name]})" for name in lacking)
            return f"this key lacks {labels}: make one with these permissions"
        return ""

    def checked(self, at: int) -> Checked:
        """As it is kept with the key."""
        return Checked(at, self.expires_at, self.allowed, self.unknown)


def probe(url: str, keys: Keys, clock: Clock) -> KeyReport:
    """Ask the exchange what a key is and may do; raises ExchangeError when it does not answer."""
    limiter = Limiter(clock)
    http = Transport(url, keys, limiter, timeouts=WATCHED)
    rest = UpbitRest(url, keys, clock, limiter=limiter, timeouts=WATCHED)
    try:
        return _report(http, rest, keys.access)
    except RequestRefused as error:
        if error.status == _UNAUTHORIZED:
            return KeyReport(refused=error.name)
        raise
    finally:
        http.close()
        rest.close()


def rehearsal(market: str, price: Decimal, prefix: str, total: Decimal = _TOTAL) -> OrderRequest:
    """A buy to be checked and not placed, with a throw-away identifier."""
    volume = ceil_to(total / price, _LEAST)
    return OrderRequest(f"{prefix}-{uuid.uuid4().hex[:20]}", market, Side.BUY, OrderType.LIMIT, price, volume)


def _report(http: Transport, rest: UpbitRest, access: str) -> KeyReport:
    expires_at = rest.key_expires_at()  # any valid key may ask: a no is about the key itself
    if (row := _listed(http, access)) is not None:
        return _as_listed(row, expires_at)
    may = dict(_looked(http, rest))
    return KeyReport(
        "",
        expires_at,
        allowed=tuple(name for name in PERMISSIONS if may.get(name) is True),
        missing=tuple(name for name in PERMISSIONS if may.get(name) is False),
        unknown=tuple(name for name in PERMISSIONS if may.get(name) is None),
    )


def _as_listed(row: Mapping[str, Any], expires_at: int | None) -> KeyReport:
    """A listed key. A permission we have no name for may be any: then what is not named is unknown, not absent."""
    held = tuple(str(name) for name in row["permissions"])
    others = tuple(name for name in PERMISSIONS if name not in held)
    new = [name for name in held if name not in PERMISSIONS]
    for name in new:
        NEWS.note("permission", name)
    return KeyReport(
        "",
        expires_at,
        allowed=held,
        missing=() if new else others,
        unknown=others if new else (),
        addresses=tuple(str(address) for address in row.get("allowed_ips") or ()),
    )


def _listed(http: Transport, access: str) -> Mapping[str, Any] | None:
    """The key's row where the exchange lists permissions; None when it does not, at least not to this key."""
    try:
        pockets = http.get("/v1/pockets/api_keys", {}, "default", Urgency.QUERY, signed=True)
    except RequestRefused:
        return None
    rows = [row for pocket in _rows(pockets) for row in _rows(pocket.get("keys"))]
    return next((row for row in rows if row.get("access_key") == access and row.get("permissions") is not None), None)


def _looked(http: Transport, rest: UpbitRest) -> Iterator[tuple[str, bool | None]]:
    """Permissions that a harmless call shows: whether it is there, None when the answer does not tell."""
    for name, (path, params) in _LOOKS.items():
        yield name, _may(partial(http.get, path, params, "default", Urgency.QUERY, signed=True))
    yield "view_orders", _may(lambda: rest.chance("KRW-BTC"), any_no=True)
    yield "make_orders", _may(lambda: rest.rehearse(rehearsal("KRW-BTC", Decimal(1_000_000), "check")), any_no=True)


def _may(call: Callable[[], object], *, any_no: bool = False) -> bool | None:
    """Whether the key is let in; with `any_no` every refusal but that of the scope shows that it is."""
    try:
        call()
    except RequestRefused as error:
        if error.name == SCOPE:
            return False
        if error.status == _UNAUTHORIZED:
            raise
        return True if any_no and error.name != _NO_ROUTE else None
    return True


def _rows(told: object) -> list[Mapping[str, Any]]:
    if told is None:
        return []
    if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
        raise BadPayload(f"expected a list of rows, found {type(told).__name__}")
    return told


def advice(name: str) -> str:
    """What to do about a refusal of the key by this name."""
    known = "no_authorization_ip" if name in ADDRESS else name
    return REFUSALS.get(known, "the exchange does not take this key: look at it on Upbit's page")
