"""What the exchange says of a key, and of an order that is rehearsed."""

import pytest

from actors.doctor import account, rules
from actors.keys.probe import KeyReport, probe
from actors.runtime import wall_clock
from domain.errors import ExchangeUnavailable
from domain.finding import Status
from domain.market import DAY
from tests.actors.doctor.conftest import KEYS, now
from tests.actors.liar import NO_ROUTE, chance, error, instrument, key_row, pockets

GREEN, YELLOW, RED, GREY = Status.GREEN, Status.YELLOW, Status.RED, Status.GREY


def report(liar) -> KeyReport:
    return probe(liar.url, KEYS, wall_clock())


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("invalid_access_key", (RED, GREY, GREY, GREY, GREY)),
        ("expired_access_key", (RED, GREY, GREY, GREY, GREY)),
        ("no_authorization_ip", (GREEN, RED, GREY, GREY, GREY)),
        ("no_authorization_i_p", (GREEN, RED, GREY, GREY, GREY)),
        ("something_new", (RED, GREY, GREY, GREY, GREY)),
    ],
)
def test_a_key_that_is_refused_is_red_once_and_the_rest_is_not_known(liar, name, rows):
    liar.says("/v1/api_keys", error(401, name))
    told = report(liar)
    assert told.objection.startswith(name)
    looks = (
        account.works(told, "vault"),
        account.allow_list(told),
        account.permissions(told),
        account.withdrawal(told),
        account.expiry(told, now()),
    )
    assert tuple(each.status for each in looks) == rows
    assert all(each.advice for each in looks if each.status is RED)
    assert [path for _, path, _ in liar.calls] == ["/v1/api_keys"]  # a refused key is not tried again


def test_permissions_are_found_by_calls_that_change_nothing(liar):
    told = report(liar)
    assert told.allowed == ("view_account", "view_orders", "make_orders")
    assert told.missing == ("view_withdrawals", "view_deposits")
    assert "withdraw" in told.unknown
    assert told.objection == ""
    assert {method for method, _, _ in liar.calls} == {"GET", "POST"}
    assert [path for method, path, _ in liar.calls if method == "POST"] == ["/v1/orders/test"]


@pytest.mark.parametrize(
    ("path", "lacking", "label"),
    [
        ("/v1/accounts", "view_account", "자산조회"),
        ("/v1/orders/chance", "view_orders", "주문조회"),
        ("/v1/orders/test", "make_orders", "주문하기"),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_permission_is_red_and_named_in_both_languages(liar, path, lacking, label, status):
    liar.says(path, error(status, "out_of_scope"))
    told = report(liar)
    assert lacking in told.missing
    found = account.permissions(told)
    assert (found.status, lacking in found.found, label in found.found) == (RED, True, True)
    assert lacking in told.objection


def test_a_refusal_for_another_reason_shows_that_the_permission_is_there(liar):
    liar.says("/v1/orders/test", error(400, "insufficient_funds_bid"))
    liar.says("/v1/orders/chance", error(400, "notfoundmarket"))
    assert report(liar).allowed == ("view_account", "view_orders", "make_orders")


def test_a_call_the_exchange_does_not_have_tells_nothing(liar):
    liar.says("/v1/orders/test", NO_ROUTE)
    told = report(liar)
    assert "make_orders" in told.unknown
    assert account.permissions(told).status is GREY


def test_an_exchange_that_is_down_is_no_verdict_on_the_key(liar):
    liar.says("/v1/api_keys", (500, "oops"))
    with pytest.raises(ExchangeUnavailable):
        report(liar)


def test_a_key_that_may_withdraw_is_red_and_must_not_be_used(liar):
    liar.says("/v1/pockets/api_keys", pockets("view_account", "view_orders", "make_orders", "withdraw"))
    told = report(liar)
    assert "WITHDRAW" in told.objection
    assert account.withdrawal(told).status is RED


def test_a_listed_key_tells_exactly_what_it_may_and_from_where(liar):
    liar.says("/v1/pockets/api_keys", pockets("view_account", "view_orders", "make_orders", "manage_pockets"))
    told = report(liar)
    assert told.unknown == ()
    assert account.withdrawal(told).status is GREEN
    assert "203.0.113.7" in account.allow_list(told).found
    assert [path for _, path, _ in liar.calls if "orders" in path] == []


def test_a_permission_nobody_has_told_us_of_leaves_the_others_unknown(liar):
    liar.says("/v1/pockets/api_keys", pockets("view_account", "view_orders", "make_orders", "take_it_all"))
    told = report(liar)
    assert "withdraw" in told.unknown
    assert account.withdrawal(told).status is GREY
    assert account.permissions(told).status is GREEN


def test_a_listing_without_permissions_tells_nothing(liar):
    status, rows = pockets()
    rows[0]["keys"][0]["permissions"] = None
    liar.says("/v1/pockets/api_keys", (status, rows))
    assert "withdraw" in report(liar).unknown
    liar.says("/v1/pockets/api_keys", pockets())
    assert "make_orders" in report(liar).missing


def test_a_key_that_sees_withdrawals_is_doubted(liar):
    liar.says("/v1/withdraws", (200, []))
    assert account.withdrawal(report(liar)).status is YELLOW
    liar.says("/v1/withdraws", NO_ROUTE)
    assert account.withdrawal(report(liar)).status is GREY


@pytest.mark.parametrize(
    ("days", "status", "urgent"),
    [
        (365, GREEN, ""),
        (30.5, GREEN, ""),
        (30, YELLOW, "make"),
        (7, YELLOW, "this week"),
        (1, RED, "today"),
        (-1, RED, ""),
    ],
)
def test_a_key_near_its_end_is_warned_of_at_thirty_seven_and_one_days(days, status, urgent):
    found = account.expiry(KeyReport(expires_at=int(days * DAY)), 0)
    assert found.status is status
    assert found.advice.startswith(urgent)


def test_the_end_of_a_key_is_read_from_the_exchange(liar):
    liar.says("/v1/api_keys", (200, [key_row("2026-11-30T09:00:00+09:00")]))
    told = report(liar)
    assert account.expiry(told, told.expires_at - 5 * DAY).found == "5 days left"
    liar.says("/v1/api_keys", (200, []))
    assert account.expiry(report(liar), now()).status is GREY


def test_fees_that_differ_are_yellow_and_steps_that_differ_red(client, liar):
    liar.says("/v1/orders/chance", (200, chance(fee="0.0004")))
    found = rules.fees_and_minimums(client, ("KRW-BTC",), now)
    assert (found.status, "0.0004" in found.found) == (YELLOW, True)
    liar.says("/v1/orderbook/instruments", (200, [instrument("KRW-BTC", "500")]))
    found = rules.price_steps(client, ("KRW-BTC",), now)
    assert (found.status, "steps of 500" in found.found) == (RED, True)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((201, {}), GREEN),
        (error(400, "insufficient_funds_bid"), YELLOW),
        (error(400, "invalid_price_bid"), RED),
        (error(403, "out_of_scope"), RED),
        (error(403, "market_offline"), RED),
    ],
)
def test_an_order_is_rehearsed_and_never_placed(client, liar, answer, status):
    liar.says("/v1/orders/test", answer)
    assert account.dry_order(client, "KRW-BTC", now).status is status
    ((_, path, body),) = [call for call in liar.calls if call[0] == "POST"]
    assert path == "/v1/orders/test"
    assert '"price":"150000000","identifier":"doctor-' in body
