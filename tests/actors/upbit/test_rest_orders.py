"""The private side of REST: what is told of orders and the account, and what must never be misread."""

import datetime as dt
import json
from decimal import Decimal as D
from itertools import pairwise
from urllib.parse import parse_qsl

import pytest

from actors.runtime import ScaledClock
from actors.upbit.limits import Limiter
from actors.upbit.rest import UpbitRest
from actors.upbit.sign import Keys, Secret
from domain.errors import OutcomeUnknown, RateLimited, RequestRefused
from domain.orders import OrderRequest, OrderType, Side, TimeInForce
from tests.actors.upbit.conftest import Answer
from tests.actors.upbit.rows import BUY, ORDER, error

# --- the account


def test_an_average_price_is_told_with_its_currency(exchange, rest):
    row = {"balance": "1", "locked": "0.5", "avg_buy_price": "3"}
    rows = [row | {"currency": "A", "unit_currency": "KRW"}, row | {"currency": "B", "unit_currency": "BTC"}]
    exchange.says(Answer(200, json.dumps(rows)))
    assert [(one.free, one.locked, one.average_price, one.average_unit) for one in rest.accounts()] == [
        (D(1), D("0.5"), D(3), "KRW"),
        (D(1), D("0.5"), D(3), "BTC"),
    ]


def test_our_key_says_when_it_ends_and_no_other(exchange, rest):
    rows = [
        {"access_key": "another", "expire_at": "2020-01-01T00:00:00+09:00"},
        {"access_key": "access-key", "expire_at": "2026-11-22T15:00:00+09:00"},
    ]
    exchange.says(Answer(200, json.dumps(rows)))
    assert rest.key_expires_at() == 1_795_327_200_000_000
    exchange.says(Answer(200, json.dumps(rows[:1])))
    assert rest.key_expires_at() is None


# --- orders, where money is lost


def test_trades_that_lag_behind_their_order_are_left_for_the_next_look(exchange, rest):
    trade = {"uuid": "t", "price": "3000", "volume": "2", "funds": "6000", "created_at": "2026-11-22T15:05:00+09:00"}
    row = ORDER | {"state": "done", "executed_volume": "3", "paid_fee": "4.5", "trades": [trade]}
    exchange.says(Answer(200, json.dumps(row)))
    report = rest.order(identifier="abcd-e1")
    assert (report.fills, report.complete, report.executed_volume) == ((), False, D(3))
    exchange.says(Answer(200, json.dumps(row | {"executed_volume": "2", "paid_fee": "3"})))
    report = rest.order(order_id="u1")
    assert ([fill.fee for fill in report.fills], report.complete) == ([D(3)], True)
    assert exchange.requests[-1].path == "/v1/order?uuid=u1"


def test_a_list_row_with_executions_is_not_complete_without_its_trades(exchange, rest):
    rows = [ORDER, ORDER | {"uuid": "u2", "state": "cancel", "executed_volume": "0.00005"}]
    exchange.says(Answer(200, json.dumps(rows)))
    assert [report.complete for report in rest.orders_by(["a", "b"])] == [True, False]


def test_an_order_that_was_taken_with_an_unreadable_answer_is_unknown(exchange, rest):
    exchange.says(Answer(201, json.dumps({name: ORDER[name] for name in ORDER if name != "uuid"})))
    with pytest.raises(OutcomeUnknown):
        rest.place(BUY)


@pytest.mark.parametrize("status", [301, 302, 307, 408])
def test_an_order_follows_no_redirect_and_a_gateways_word_is_no_refusal(exchange, rest, status):
    exchange.says(error(status, "moved") if status == 408 else Answer(status, "", {"Location": "/v1/elsewhere"}))
    with pytest.raises(OutcomeUnknown):
        rest.place(BUY)
    assert [one.path for one in exchange.requests] == ["/v1/orders"]


def test_a_used_nonce_means_a_copy_came_first(exchange, rest):
    exchange.says(error(401, "nonce_used"))
    with pytest.raises(OutcomeUnknown):
        rest.place(BUY)
    exchange.says(error(401, "nonce_used"), Answer(200, "[]"))
    assert rest.accounts() == ()
    nonces = {dict(one.headers)["Authorization"] for one in exchange.requests}
    assert len(nonces) == len(exchange.requests) == 3


@pytest.mark.parametrize("answer", [Answer(cut=True), Answer(502, "<html>")])
def test_a_cancel_without_an_answer_is_unknown_and_not_sent_again(exchange, rest, answer):
    exchange.says(answer)
    with pytest.raises(OutcomeUnknown):
        rest.cancel("abcd-e1")
    assert [(one.method, one.path, one.body) for one in exchange.requests] == [
        ("DELETE", "/v1/order?identifier=abcd-e1", b"")
    ]


def test_the_self_match_rule_is_sent_in_its_place_and_only_where_it_is_allowed(exchange):
    keys = Keys("access", Secret("secret"))
    client = UpbitRest(exchange.url, keys, ScaledClock(0, 0, 1000.0), smp_type="cancel_taker")
    exchange.says(Answer(201, json.dumps(ORDER)))
    client.place(BUY)
    client.place(OrderRequest("abcd-e1", "KRW-BTC", Side.BUY, OrderType.LIMIT, D(1), D(1), None, TimeInForce.POST_ONLY))
    client.close()
    first, second = (json.loads(one.body) for one in exchange.requests)
    assert list(first)[-3:] == ["time_in_force", "smp_type", "identifier"]
    assert first["smp_type"] == "cancel_taker"
    assert "smp_type" not in second


def test_a_rehearsal_places_nothing_and_raises_what_an_order_would(exchange, rest):
    exchange.says(error(403, "market_offline"))
    with pytest.raises(RequestRefused, match="market_offline"):
        rest.rehearse(BUY)
    assert exchange.requests[0].path == "/v1/orders/test"


def test_an_order_without_a_name_is_nobodys(exchange, rest):
    for call in (rest.order, rest.cancel):
        with pytest.raises(ValueError, match="neither"):
            call()
    assert exchange.requests == []


# --- lists of orders


def served(exchange, answer) -> None:
    """Let `answer(query)` say what each request gets."""

    class Scripted(list):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, _: object) -> Answer:
            query = dict(parse_qsl(exchange.requests[-1].path.partition("?")[2]))
            return Answer(200, json.dumps(answer(query)))

    exchange.answers = Scripted()


def test_closed_orders_of_a_month_are_cut_into_what_the_exchange_takes(exchange, rest):
    """A day apart each, but 1,500 in one hour, where an answer of a thousand must be cut again."""
    hour, day = 3_600_000, 86_400_000
    first = 1_790_000_000_000
    created = [first + n * day for n in range(30)] + [first + 12 * day + n * hour // 1_500 for n in range(1, 1_501)]

    def answer(query: dict) -> list[dict]:
        since, until = int(query["start_time"]), int(query["end_time"])
        assert 0 < until - since <= 7 * day
        stamps = [at for at in created if since <= at <= until]
        iso = [f"{dt.datetime.fromtimestamp(at / 1000, dt.UTC):%Y-%m-%dT%H:%M:%S}+00:00" for at in stamps]
        return [ORDER | {"uuid": f"u{at}", "created_at": text} for at, text in zip(stamps, iso, strict=True)][:1_000]

    served(exchange, answer)
    found = rest.closed_orders("KRW-BTC", start=first * 1_000, end=(first + 30 * day) * 1_000)
    assert sorted(report.order_id for report in found) == sorted(f"u{at}" for at in set(created))
    assert all(new.created_at >= old.created_at for new, old in pairwise(found))


def test_orders_are_asked_for_by_a_hundred_names_at_once(exchange, rest):
    asked: list[list[str]] = []

    def answer(_: dict) -> list[dict]:
        names = [value for name, value in parse_qsl(exchange.requests[-1].path.partition("?")[2]) if name == "uuids[]"]
        asked.append(names)
        return [ORDER | {"uuid": name} for name in names if name != "u7"]

    served(exchange, answer)
    found = rest.orders_by(order_ids=[f"u{n}" for n in range(230)])
    assert [len(names) for names in asked] == [100, 100, 30]
    assert len(found) == 229
    assert rest.orders_by() == ()


def test_an_order_that_would_wait_long_for_its_turn_is_not_sent_late(exchange):
    clock = ScaledClock(0, 0, 1000.0)
    limiter = Limiter(clock)
    limiter.refused("order", blocked=True, seconds=60_000)  # a minute in real time
    client = UpbitRest(exchange.url, Keys("access", Secret("secret")), clock, limiter=limiter)
    with pytest.raises(RateLimited):
        client.place(BUY)
    assert exchange.requests == []
