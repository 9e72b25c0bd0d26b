"""What must hold for any value: orders, fees, times and numbers survive the wire, and nonsense is named."""

from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from actors.upbit import order_wire, wire
from domain.money import strict_decimals
from domain.orders import OrderRequest, OrderType, Side, TimeInForce

strict_decimals()

PRICES = st.decimals("0.00000001", "999999999", places=8).filter(bool)
IDENTIFIERS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=36)


@st.composite
def requests(draw) -> OrderRequest:
    side = draw(st.sampled_from(Side))
    kind = draw(st.sampled_from(OrderType))
    forces = {
        OrderType.LIMIT: list(TimeInForce),
        OrderType.MARKET: [TimeInForce.GTC],
        OrderType.BEST: [TimeInForce.IOC, TimeInForce.FOK],
    }
    by_total = kind is not OrderType.LIMIT and side is Side.BUY
    return OrderRequest(
        identifier=draw(IDENTIFIERS),
        market="KRW-BTC",
        side=side,
        type=kind,
        price=draw(PRICES) if kind is OrderType.LIMIT else None,
        volume=None if by_total else draw(PRICES),
        funds=draw(PRICES) if by_total else None,
        time_in_force=draw(st.sampled_from(forces[kind])),
    )


@given(requests())
def test_what_is_asked_for_comes_back_as_the_order_it_describes(request):
    body = order_wire.order_body(request)
    assert all("e" not in body[name].lower() for name in ("price", "volume") if name in body)
    row = body | {"uuid": "u", "state": "wait", "created_at": "2026-11-22T15:04:05+09:00"}
    report = order_wire.order_report(wire.load(wire.dump(row)))
    wanted = (request.identifier, request.market, request.side, request.type, request.time_in_force)
    assert (report.identifier, report.market, report.side, report.type, report.time_in_force) == wanted
    assert (report.price, report.volume) == (request.price, request.volume)
    assert request.funds is None or D(body["price"]) == request.funds


@given(st.lists(PRICES, min_size=1, max_size=6), st.decimals("0", "1000000", places=12))
def test_shares_of_a_fee_add_up_to_it_to_the_last_digit(funds, paid):
    shares = order_wire.fee_shares(funds, paid)
    assert sum(shares) == paid
    assert len(shares) == len(funds)


@given(st.lists(PRICES, min_size=1, max_size=6), st.sampled_from([D("0.0005"), D("0.0025"), D("0.00139")]))
def test_at_the_exchanges_rates_each_share_is_the_fee_of_its_fill(funds, rate):
    assert order_wire.fee_shares(funds, sum(funds) * rate) == tuple(each * rate for each in funds)


@given(st.integers(0, 4_102_444_800))
def test_a_time_survives_the_way_to_the_exchange_and_back(seconds):
    assert wire.moment(wire.iso_utc(seconds * 1_000_000)) == seconds * 1_000_000


def test_a_bound_between_two_seconds_keeps_what_lies_before_it():
    assert wire.iso_utc(1_795_327_200_000_001) == "2026-11-22T06:00:01Z"
    assert wire.moment("2026-11-22T15:00:00+09:00") == wire.moment("2026-11-22T06:00:00") == 1_795_327_200_000_000


@given(st.decimals("0.00000001", "999999999", places=8), st.sampled_from(["f", "e", "E"]))
def test_a_number_is_the_same_in_every_spelling(value, spelling):
    text = format(value, spelling)
    assert wire.number(wire.load(f'{{"n":{text}}}'), "n") == value
    assert wire.number({"n": text}, "n") == value
