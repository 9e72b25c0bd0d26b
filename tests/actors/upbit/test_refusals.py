"""Every error of the exchange that is known, in every form it comes in, and which error of ours it is."""

import json

import pytest

from actors.upbit import refusals
from domain.errors import (
    AboveMaximum,
    AuthError,
    AuthReason,
    BadTick,
    BelowMinimum,
    Blocked,
    DuplicateIdentifier,
    ExchangeUnavailable,
    Forbidden,
    InsufficientFunds,
    MarketOffline,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ServerError,
)
from tests.actors.upbit.conftest import Answer
from tests.actors.upbit.rows import BUY, error

KNOWN = {  # upbit-api.md 8 and 3.4
    (400, "validation_error"): RequestRefused,
    (400, "invalid_parameter"): RequestRefused,
    (400, "bad_request"): RequestRefused,
    (400, "create_bid_error"): RequestRefused,
    (400, "create_ask_error"): RequestRefused,
    (400, "invalid_price_bid"): BadTick,
    (400, "invalid_price_ask"): BadTick,
    (400, "invalid_time_in_force"): RequestRefused,
    (400, "invalid_post_only"): RequestRefused,
    (400, "insufficient_funds_bid"): InsufficientFunds,
    (400, "insufficient_funds_ask"): InsufficientFunds,
    (400, "under_min_total_bid"): BelowMinimum,
    (400, "under_min_total_ask"): BelowMinimum,
    (400, "under_min_total_market_ask"): BelowMinimum,
    (400, "over_krw_funds_bid"): AboveMaximum,
    (400, "over_krw_funds_ask"): AboveMaximum,
    (400, "notfoundmarket"): NotFound,
    (400, "market_does_not_exist"): NotFound,
    (400, "duplicated_identifier"): DuplicateIdentifier,
    (400, "volume_too_large"): AboveMaximum,
    (400, "invalid_volume_bid"): RequestRefused,
    (400, "invalid_volume_ask"): RequestRefused,
    (400, "invalid_funds"): RequestRefused,
    (400, "invalid_funds_bid"): RequestRefused,
    (400, "thirdparty_agreement_required"): Forbidden,
    (400, "withdraw_address_not_registered"): RequestRefused,
    (400, "withdraw_address_not_registerd"): RequestRefused,
    (400, "QUERY_PARAMETER_NOT_SUPPORTED"): RequestRefused,
    (401, "jwt_verification"): AuthReason.SIGNATURE,
    (401, "invalid_query_payload"): AuthReason.QUERY,
    (401, "expired_access_key"): AuthReason.EXPIRED,
    (401, "invalid_access_key"): AuthReason.UNKNOWN_KEY,
    (401, "no_authorization_ip"): AuthReason.ADDRESS,
    (401, "no_authorization_i_p"): AuthReason.ADDRESS,
    (401, "no_authorization_token"): AuthReason.TOKEN,
    (401, "out_of_scope"): Forbidden,
    (403, "out_of_scope"): Forbidden,
    (403, "open_api_withdraw_locked"): Forbidden,
    (403, "market_offline"): MarketOffline,
    (404, "order_not_found"): NotFound,
    (404, "pocket_not_found"): NotFound,
    (404, "currency_not_found"): NotFound,
    (404, "not_found"): NotFound,
}


@pytest.mark.parametrize(("told", "kind"), KNOWN.items(), ids=str)
def test_an_order_refused_by_name_is_a_definite_no_of_its_own_kind(exchange, rest, caplog, told, kind):
    status, name = told
    exchange.says(error(status, name, "왜냐하면"))
    with pytest.raises(RequestRefused) as caught:
        rest.place(BUY)
    raised = caught.value
    assert (raised.status, raised.name, raised.message) == (status, name, "왜냐하면")
    if isinstance(kind, AuthReason):
        assert (type(raised), raised.reason) == (AuthError, kind)
    else:
        assert type(raised) is kind
    assert caplog.text == ""


FORMS = {
    "nested": '{"error":{"name":"insufficient_funds_bid","message":"m"}}',
    "flat": '{"name":"insufficient_funds_bid","message":"m"}',
    "a name alone": '{"error":"insufficient_funds_bid"}',
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
def test_the_name_is_found_in_every_form_of_a_body(exchange, rest, body):
    exchange.says(Answer(400, body))
    with pytest.raises(InsufficientFunds):
        rest.place(BUY)


@pytest.mark.parametrize(("status", "kind"), [(400, RequestRefused), (404, NotFound)])
def test_the_numbers_of_the_quotation_side_are_names_too(exchange, rest, status, kind):
    exchange.says(Answer(status, json.dumps({"error": {"name": status, "message": "Code not found"}})))
    with pytest.raises(RequestRefused) as caught:
        rest.ticker(["KRW-NONE"])
    assert (type(caught.value), caught.value.name) == (kind, str(status))
    assert len(exchange.requests) == 1


def test_a_name_of_tomorrow_is_a_plain_refusal_logged_once(exchange, rest, caplog):
    exchange.says(error(400, "too_sunny_for_orders"))
    for _ in range(2):
        with pytest.raises(RequestRefused) as caught:
            rest.place(BUY)
        assert type(caught.value) is RequestRefused
    assert caplog.text.count("too_sunny_for_orders") == 1


def test_a_401_of_tomorrow_says_that_our_key_was_not_accepted(exchange, rest):
    exchange.says(error(401, "key_too_old_for_this"))
    with pytest.raises(AuthError) as caught:
        rest.accounts()
    assert caught.value.reason is AuthReason.OTHER


PAGES = ["Unauthorized", "<html>403</html>", "", '{"error":{}}', "[]"]


@pytest.mark.parametrize("body", PAGES)
@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_no_without_a_name_is_the_word_of_a_gateway(exchange, rest, status, body):
    exchange.says(Answer(status, body))
    with pytest.raises(OutcomeUnknown):
        rest.place(BUY)
    with pytest.raises(ExchangeUnavailable):
        rest.accounts()


@pytest.mark.parametrize("name", ["internal_server_error", "insufficient_funds_bid"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_of_the_server_is_no_refusal_whatever_its_name(exchange, rest, status, name):
    exchange.says(error(status, name))
    with pytest.raises(OutcomeUnknown):
        rest.place(BUY)
    with pytest.raises(ServerError):
        rest.accounts()


def test_a_429_and_a_418_are_told_apart(exchange, rest):
    exchange.says(error(429, "too_many_requests"))
    with pytest.raises(RateLimited) as caught:
        rest.place(BUY)
    assert (type(caught.value), caught.value.sent) == (RateLimited, True)
    exchange.says(Answer(418, "I'm a teapot", {"Retry-After": "600000"}))
    with pytest.raises(Blocked) as caught:
        rest.cancel("i")
    assert (caught.value.sent, caught.value.retry_after_s) == (True, pytest.approx(600.0, abs=1.0))
    with pytest.raises(Blocked) as caught:
        rest.place(BUY)
    assert not caught.value.sent
    assert len(exchange.requests) == 2


def test_no_name_of_the_table_is_spelled_as_nobody_spells_it():
    names = {name for _, name in KNOWN} | {"nonce_used", "400", "404"}
    extra = {"under_min_total_market_bid", "invalid_volume", "invalid_funds_ask"}  # the missing halves of pairs
    assert refusals.NAMES.keys() == names | extra
