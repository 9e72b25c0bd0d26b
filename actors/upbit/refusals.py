"""Which error of ours an error of the exchange is, by its name first: the table of upbit-api.md 8."""

import functools
from collections.abc import Callable
from typing import Final, TypeAlias

from actors.upbit.news import NEWS
from domain.errors import (
    AboveMaximum,
    AuthError,
    AuthReason,
    BadTick,
    BelowMinimum,
    DuplicateIdentifier,
    Forbidden,
    InsufficientFunds,
    MarketOffline,
    NotFound,
    RequestRefused,
)

Kind: TypeAlias = Callable[[int, str, str], RequestRefused]


def _auth(reason: AuthReason) -> Kind:
    return functools.partial(AuthError, reason=reason)


NAMES: Final[dict[str, Kind]] = {
    # the key and its signature
    "jwt_verification": _auth(AuthReason.SIGNATURE),
    "invalid_query_payload": _auth(AuthReason.QUERY),
    "nonce_used": _auth(AuthReason.NONCE),
    "expired_access_key": _auth(AuthReason.EXPIRED),
    "invalid_access_key": _auth(AuthReason.UNKNOWN_KEY),
    "no_authorization_ip": _auth(AuthReason.ADDRESS),
    "no_authorization_i_p": _auth(AuthReason.ADDRESS),
    "no_authorization_token": _auth(AuthReason.TOKEN),
    # what a person must allow
    "out_of_scope": Forbidden,
    "open_api_withdraw_locked": Forbidden,
    "thirdparty_agreement_required": Forbidden,
    # orders
    "insufficient_funds_bid": InsufficientFunds,
    "insufficient_funds_ask": InsufficientFunds,
    "under_min_total_bid": BelowMinimum,
    "under_min_total_ask": BelowMinimum,
    "under_min_total_market_bid": BelowMinimum,
    "under_min_total_market_ask": BelowMinimum,
    "over_krw_funds_bid": AboveMaximum,
    "over_krw_funds_ask": AboveMaximum,
    "volume_too_large": AboveMaximum,
    "invalid_price_bid": BadTick,
    "invalid_price_ask": BadTick,
    "duplicated_identifier": DuplicateIdentifier,
    "market_offline": MarketOffline,
    # things that are not there
    "notfoundmarket": NotFound,
    "market_does_not_exist": NotFound,
    "order_not_found": NotFound,
    "pocket_not_found": NotFound,
    "currency_not_found": NotFound,
    "not_found": NotFound,
    "404": NotFound,
    # faults of ours without a remedy at run time
    **dict.fromkeys(
        (
            "400",
            "validation_error",
            "invalid_parameter",
            "bad_request",
            "create_bid_error",
            "create_ask_error",
            "invalid_time_in_force",
            "invalid_post_only",
            "invalid_volume",
            "invalid_volume_bid",
            "invalid_volume_ask",
            "invalid_funds",
            "invalid_funds_bid",
            "invalid_funds_ask",
            "withdraw_address_not_registered",
            "withdraw_address_not_registerd",  # as libraries spell it
            "QUERY_PARAMETER_NOT_SUPPORTED",
        ),
        RequestRefused,
    ),
}
STATUSES: Final[dict[int, Kind]] = {401: AuthError}
"""What a name of tomorrow is: whatever a 401 is called, our key was not accepted."""


def refusal(status: int, name: str, message: str) -> RequestRefused:
    """The error for a definite no of the exchange; a name nobody told us of is logged once."""
    if name not in NAMES:
        NEWS.note(f"error of HTTP {status}", name)
    return NAMES.get(name, STATUSES.get(status, RequestRefused))(status, name, message)
