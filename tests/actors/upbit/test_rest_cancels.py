"""Cancels of many orders, the kill switch, and an order put in the place of another."""

import json
from decimal import Decimal as D

import pytest

from actors.upbit.cancelling import KILL_PASSES
from domain.errors import ExchangeUnavailable, OutcomeUnknown, RequestRefused
from domain.orders import OrderRequest, OrderType, Side, TimeInForce
from domain.policy import CancelBatch, OrderName
from tests.actors.upbit.conftest import Answer
from tests.actors.upbit.rows import BUY, ORDER, error

BATCH = {
    "success": {"count": 1, "orders": [{"uuid": "u1", "market": "KRW-BTC", "identifier": "bot1"}]},
    "failed": {"count": 1, "orders": [{"uuid": "u2", "market": "KRW-ETH"}]},
}
NONE = {"success": {"count": 0, "orders": []}, "failed": {"count": 0, "orders": []}}


def cancelled(*order_ids: str) -> dict:
    rows = [{"uuid": one, "market": "KRW-BTC"} for one in order_ids]
    return {"success": {"count": len(rows), "orders": rows}, "failed": {"count": 0, "orders": []}}


def test_orders_are_cancelled_by_twenty_names_at_once(exchange, rest):
    exchange.serves(lambda request: Answer(200, json.dumps(cancelled(*[value for _, value in request.query]))))
    batch = rest.cancel_orders(order_ids=[f"u{n}" for n in range(45)])
    assert [len(one.query) for one in exchange.requests] == [20, 20, 5]
    assert {(one.method, one.body) for one in exchange.requests} == {("DELETE", b"")}
    assert [one.order_id for one in batch.accepted] == [f"u{n}" for n in range(45)]
    assert rest.cancel_orders() == CancelBatch()
    rest.cancel_orders(["a", "b"])
    assert exchange.requests[-1].query == [("identifiers[]", "a"), ("identifiers[]", "b")]


def test_what_was_accepted_and_what_failed_are_told_apart(exchange, rest):
    exchange.says(Answer(200, json.dumps(BATCH)))
    batch = rest.cancel_orders(["bot1", "bot2"])
    assert batch == CancelBatch((OrderName("u1", "bot1", "KRW-BTC"),), (OrderName("u2", "", "KRW-ETH"),))


def test_an_order_that_is_not_there_fails_by_the_name_it_was_asked_for(exchange, rest):
    exchange.says(Answer(200, json.dumps(NONE | {"failed": {"count": 1, "orders": [{"identifier": "nope"}]}})))
    assert rest.cancel_orders(["nope"]).failed == (OrderName("", "nope", ""),)
    exchange.says(Answer(200, json.dumps(NONE | {"failed": {"count": 1, "orders": [{"market": "KRW-BTC"}]}})))
    with pytest.raises(OutcomeUnknown, match="uuid or identifier"):
        rest.cancel_orders(["nope"])


def test_open_orders_are_cancelled_by_the_filters_of_the_reference(exchange, rest):
    exchange.says(Answer(200, json.dumps(BATCH)))
    rest.cancel_open(markets=("KRW-BTC", "KRW-ETH"), side=Side.BUY, count=20)
    rest.cancel_open(currencies=("KRW", "BTC"), excluded=("KRW-XRP",), count=999, oldest_first=True)
    assert [one.path for one in exchange.requests] == [
        "/v1/orders/open?pairs=KRW-BTC%2CKRW-ETH&cancel_side=bid&count=20&order_by=desc",
        "/v1/orders/open?quote_currencies=KRW%2CBTC&excluded_pairs=KRW-XRP&cancel_side=all&count=300&order_by=asc",
    ]


@pytest.mark.parametrize(
    "filters",
    [
        {"markets": ("KRW-BTC",), "currencies": ("KRW",)},
        {"markets": tuple(f"KRW-{n}" for n in range(21))},
        {"excluded": tuple(f"KRW-{n}" for n in range(21))},
    ],
)
def test_filters_the_exchange_would_not_take_are_not_sent(exchange, rest, filters):
    with pytest.raises(ValueError, match="cancelled"):
        rest.cancel_open(**filters)
    assert exchange.requests == []


@pytest.mark.parametrize("answer", [Answer(cut=True), Answer(200, "{}"), Answer(502, "<html>")])
def test_a_cancel_of_many_without_a_readable_answer_is_unknown(exchange, rest, answer):
    exchange.says(answer)
    for call in (rest.cancel_open, lambda: rest.cancel_orders(["a"])):
        with pytest.raises(OutcomeUnknown):
            call()
    assert len(exchange.requests) == 2


# --- the kill switch


class Floor:
    """Open orders that end only some questions after their cancel was accepted; `wilful` ones take ids only."""

    def __init__(self, count: int, *, wilful: int = 0, lag: int = 1) -> None:
        self.open = {f"u{n}": -1 for n in range(count)}
        self.wilful = {f"u{n}" for n in range(wilful)}
        self.lag = lag
        self.asked: list[str] = []

    def __call__(self, request) -> Answer:
        path, _, _ = request.path.partition("?")
        self.asked.append(f"{request.method} {path}")
        if request.method == "GET":
            page = int(dict(request.query)["page"])
            self.open = {one: left - 1 if left > 0 else left for one, left in self.open.items() if left != 0}
            rows = [ORDER | {"uuid": one} for one in list(self.open)[(page - 1) * 100 : page * 100]]
            return Answer(200, json.dumps(rows))
        if path.endswith("uuids"):
            chosen = [value for _, value in request.query if value in self.open]
        else:
            chosen = [one for one in self.open if one not in self.wilful][: int(dict(request.query)["count"])]
        self.open |= {one: self.lag for one in chosen if self.open[one] < 0}
        return Answer(200, json.dumps(cancelled(*chosen)))


def test_a_kill_switch_goes_on_until_nothing_is_open(exchange, rest):
    floor = Floor(450, wilful=3)
    exchange.serves(floor)
    assert rest.cancel_everything() == ()
    assert floor.open == {}
    assert floor.asked.count("DELETE /v1/orders/open") > 1
    assert "DELETE /v1/orders/uuids" in floor.asked


def test_a_kill_switch_with_nothing_open_asks_once_and_looks_once(exchange, rest):
    floor = Floor(0)
    exchange.serves(floor)
    assert rest.cancel_everything() == ()
    assert floor.asked == ["DELETE /v1/orders/open", "GET /v1/orders/open"]


def test_a_kill_switch_survives_lost_answers_and_refusals_of_the_moment(exchange, rest):
    floor = Floor(3)
    troubles = [Answer(cut=True), Answer(200, "<html>"), error(403, "market_offline"), Answer(429, "Too many")]
    troubles += [error(404, "order_not_found"), error(400, "bad_request")]

    def serve(request) -> Answer:
        return troubles.pop() if troubles and request.method == "DELETE" else floor(request)

    exchange.serves(serve)
    assert rest.cancel_everything() == ()
    assert troubles == []


def test_what_will_not_end_is_told_after_the_last_pass(exchange, rest):
    exchange.serves(Floor(2, lag=10_000))
    assert {one.order_id for one in rest.cancel_everything(passes=3)} == {"u0", "u1"}
    assert sum("DELETE /v1/orders/open" in f"{one.method} {one.path}" for one in exchange.requests) == 3


def test_a_kill_switch_that_cannot_see_says_so(exchange, rest):
    exchange.says(Answer(502, "<html>"))
    with pytest.raises(ExchangeUnavailable):
        rest.cancel_everything(passes=2)


def test_a_kill_switch_without_permission_says_so_at_once(exchange, rest):
    exchange.says(error(401, "out_of_scope"))
    with pytest.raises(RequestRefused, match="out_of_scope"):
        rest.cancel_everything()
    assert len(exchange.requests) == 1


def test_a_closed_client_does_not_go_on_killing(exchange, rest):
    rest.close()
    with pytest.raises(ExchangeUnavailable):
        rest.cancel_everything(KILL_PASSES)
    assert exchange.requests == []


# --- cancel and new


def test_an_order_takes_the_place_of_another_with_its_fields_in_order(exchange, rest):
    row = ORDER | {"new_order_uuid": "n1", "new_order_identifier": "abcd-e2"}
    exchange.says(Answer(201, json.dumps(row)), Answer(200, json.dumps(row)))
    new = OrderRequest("abcd-e2", "KRW-BTC", Side.BUY, OrderType.LIMIT, D(155_000_000), D("0.0002"))
    told = rest.cancel_and_new(new, identifier="abcd-e1")
    (sent,) = exchange.requests
    assert (sent.method, sent.path) == ("POST", "/v1/orders/cancel_and_new")
    assert list(json.loads(sent.body).items()) == [
        ("prev_order_identifier", "abcd-e1"),
        ("new_ord_type", "limit"),
        ("new_volume", "0.0002"),
        ("new_price", "155000000"),
        ("new_identifier", "abcd-e2"),
    ]
    assert (told.previous.order_id, told.previous.finished) == ("u1", False)
    assert (told.order_id, told.identifier) == ("n1", "abcd-e2")
    rest.cancel_and_new(BUY, order_id="u1", remaining=True)
    body = json.loads(exchange.requests[1].body)
    assert list(body) == [
        "prev_order_uuid",
        "new_ord_type",
        "new_volume",
        "new_price",
        "new_time_in_force",
        "new_identifier",
    ]
    assert (body["prev_order_uuid"], body["new_volume"], body["new_time_in_force"]) == ("u1", "remain_only", "ioc")


def test_the_rest_of_a_sale_at_market_needs_no_volume_of_its_own(exchange, rest):
    exchange.says(Answer(201, json.dumps(ORDER | {"new_order_uuid": "n1"})))
    new = OrderRequest("n", "KRW-BTC", Side.SELL, OrderType.BEST, time_in_force=TimeInForce.IOC)
    assert rest.cancel_and_new(new, order_id="u1", remaining=True).identifier == ""
    body = json.loads(exchange.requests[0].body)
    assert (body["new_ord_type"], body["new_volume"], "new_price" in body) == ("best", "remain_only", False)


@pytest.mark.parametrize(
    "answer",
    [Answer(cut=True), error(500, "internal_server_error"), Answer(201, json.dumps(ORDER)), Answer(201, "{")],
    ids=["a cut connection", "an error of the server", "no name of the new order", "not JSON"],
)
def test_a_replacement_without_a_readable_answer_is_unknown_and_never_sent_again(exchange, rest, answer):
    exchange.says(answer)
    with pytest.raises(OutcomeUnknown):
        rest.cancel_and_new(BUY, order_id="u1")
    assert len(exchange.requests) == 1


def test_a_replacement_needs_a_name_of_its_own_and_one_to_replace(exchange, rest):
    with pytest.raises(ValueError, match="of its own"):
        rest.cancel_and_new(BUY, identifier=BUY.identifier)
    with pytest.raises(ValueError, match="neither"):
        rest.cancel_and_new(BUY)
    assert exchange.requests == []


def test_a_cancel_whose_answer_cannot_be_read_is_unknown(exchange, rest):
    exchange.says(Answer(200, "{}"))
    with pytest.raises(OutcomeUnknown):
        rest.cancel("abcd-e1")
