"""Orders over the wire: validation names, matching against the shown book, money to the last digit."""

from decimal import ROUND_DOWN, Decimal

from tests.actors.sandbox.client import book, name_of, settled

D = Decimal
FEE = D("0.0005")
STEP = D("0.00000001")


def walked_buy(levels, total):
    """Volumes and funds a total buys, level by level, volumes cut to 8 decimals: an oracle of its own."""
    fills, left = [], total
    for price, size in levels:
        volume = min(size, (left / price).quantize(STEP, ROUND_DOWN))
        if volume <= 0:
            break
        fills.append((price, volume))
        left -= price * volume
    return fills


def test_the_answer_to_a_market_buy_is_wait_and_it_ends_cancel_with_a_remainder(start):
    client = start()
    asks, _ = book(client)
    answer = client.order(market="KRW-XRP", side="bid", ord_type="price", price="10000", identifier="one")
    row = answer.json()
    assert (row["state"], row["executed_volume"], row["trades_count"], row["locked"]) == ("wait", "0", 0, "10005")
    assert "volume" not in row
    assert "remaining_volume" not in row
    order = settled(client, answer)
    ((price, volume),) = walked_buy(asks, D(10_000))
    assert (order["state"], D(order["executed_volume"])) == ("cancel", volume)
    assert D(order["paid_fee"]) == price * volume * FEE
    (trade,) = order["trades"]
    assert (D(trade["price"]), D(trade["volume"]), D(trade["funds"])) == (price, volume, price * volume)
    assert client.balance("KRW") == (D(10_000_000) - price * volume * (1 + FEE), 0)
    assert client.balance("XRP") == (volume, 0)


def test_a_market_buy_walks_the_book_level_by_level(start):
    client = start(capital=D(10**9))
    asks, _ = book(client)
    total = sum((price * size for price, size in asks[:3]), D(0)).quantize(D(1), ROUND_DOWN) + 1_000
    order = settled(client, client.order(market="KRW-XRP", side="bid", ord_type="price", price=str(total)))
    expected = walked_buy(asks, total)
    assert len(expected) == 4
    assert [(D(trade["price"]), D(trade["volume"])) for trade in order["trades"]] == expected


def test_what_was_taken_stays_taken_until_the_book_changes(start):
    client = start(capital=D(10**9))
    asks, _ = book(client)
    all_of_it = str((asks[0][0] * asks[0][1]).quantize(D(1), ROUND_DOWN) + 10_000)
    settled(client, client.order(market="KRW-XRP", side="bid", ord_type="price", price=all_of_it))
    second = settled(client, client.order(market="KRW-XRP", side="bid", ord_type="price", price="10000"))
    assert D(second["trades"][0]["price"]) == asks[1][0]


def test_an_exact_total_ends_done(start):
    client = start()
    asks, _ = book(client)
    total = asks[0][0] * 2
    order = settled(client, client.order(market="KRW-XRP", side="bid", ord_type="price", price=str(total)))
    assert (order["state"], order["executed_volume"]) == ("done", "2")


def test_a_market_sale_ends_done_and_pays_its_fee_out_of_the_proceeds(start):
    client = start()
    bought = settled(client, client.order(market="KRW-XRP", side="bid", ord_type="price", price="100000"))
    _, bids = book(client)
    krw, _ = client.balance("KRW")
    volume = bought["executed_volume"]
    order = settled(client, client.order(market="KRW-XRP", side="ask", ord_type="market", volume=volume))
    assert (order["state"], order["executed_volume"], order["reserved_fee"]) == ("done", volume, "0")
    assert "price" not in order
    funds = D(volume) * bids[0][0]
    assert client.balance("KRW") == (krw + funds - funds * FEE, 0)
    assert client.balance("XRP") == (0, 0)
    assert [row["currency"] for row in client.get("/v1/accounts").json()] == ["KRW"]


def test_a_resting_bid_locks_its_total_and_fee_until_it_is_cancelled(start):
    client = start()
    answer = client.order(market="KRW-BTC", side="bid", ord_type="limit", price="100000000", volume="0.00008")
    assert (answer.json()["reserved_fee"], answer.json()["locked"]) == ("4", "8004")
    assert client.balance("KRW") == (D(9_991_996), 8_004)
    (row,) = client.get("/v1/orders/open", {"market": "KRW-BTC"}).json()
    assert (row["state"], row["remaining_volume"], "trades" in row) == ("wait", "0.00008", False)
    cancelled = client.delete("/v1/order", {"uuid": row["uuid"]})
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "wait")
    assert client.get("/v1/order", {"uuid": row["uuid"]}).json()["state"] == "cancel"
    assert client.balance("KRW") == (10_000_000, 0)
    assert name_of(client.delete("/v1/order", {"uuid": row["uuid"]})) == (404, "order_not_found")


def test_a_limit_buy_above_the_asks_takes_at_their_prices_and_rests_with_the_rest(start):
    client = start(capital=D(10**9))
    asks, _ = book(client)
    volume = asks[0][1] + asks[1][1] + 10
    answer = client.order(
        market="KRW-XRP", side="bid", ord_type="limit", price=str(asks[1][0]), volume=str(volume), identifier="deep"
    )
    order = settled(client, answer)
    assert (order["state"], D(order["remaining_volume"])) == ("wait", 10)
    assert [(D(trade["price"]), D(trade["volume"])) for trade in order["trades"]] == asks[:2]
    free, locked = client.balance("KRW")
    spent = sum((price * size for price, size in asks[:2]), D(0)) * (1 + FEE)
    assert free + locked == D(10**9) - spent


def test_ioc_drops_what_it_cannot_fill_and_fok_fills_all_or_nothing(start):
    client = start(capital=D(10**9))
    asks, _ = book(client)
    wish = {"market": "KRW-XRP", "side": "bid", "ord_type": "limit", "price": str(asks[0][0])}
    more = str(asks[0][1] + 5)
    nothing = settled(client, client.order(**wish, volume=more, time_in_force="fok"))
    assert (nothing["state"], nothing["executed_volume"], nothing["trades"]) == ("cancel", "0", [])
    some = settled(client, client.order(**wish, volume=more, time_in_force="ioc"))
    assert (some["state"], D(some["executed_volume"])) == ("cancel", asks[0][1])
    assert some["locked"] == "0"


def test_best_takes_the_opposite_best_price_only(start):
    client = start(capital=D(10**9))
    asks, _ = book(client)
    total = str((asks[0][0] * asks[0][1]).quantize(D(1), ROUND_DOWN) + 100_000)
    wish = {"market": "KRW-XRP", "side": "bid", "ord_type": "best", "price": total}
    order = settled(client, client.order(**wish, time_in_force="ioc"))
    assert [(D(trade["price"]), D(trade["volume"])) for trade in order["trades"]] == asks[:1]
    assert order["ord_type"] == "best"
    assert name_of(client.order(**wish)) == (400, "invalid_time_in_force")


def test_post_only_that_would_take_is_accepted_and_then_cancelled(start):
    client = start(choices={"smp_era": "after"})
    asks, bids = book(client)
    wish = {"market": "KRW-XRP", "side": "bid", "ord_type": "limit", "volume": "10", "time_in_force": "post_only"}
    taking = settled(client, client.order(**wish, price=str(asks[0][0])))
    assert (taking["state"], taking["executed_volume"], taking["smp_type"]) == ("cancel", "0", "none")
    making = settled(client, client.order(**wish, price=str(bids[0][0])))
    assert making["state"] == "wait"
    assert name_of(client.order(**wish, price=str(bids[0][0]), smp_type="reduce")) == (400, "invalid_post_only")
