"""GET /v1/orders/chance and the rows of balances, in every quote currency."""

from decimal import Decimal

import pytest

from actors.sandbox.accounts import only_pocket
from actors.sandbox.choices import Choices
from actors.sandbox.desk import Desk
from actors.sandbox.store import Store
from actors.sandbox.wallet import account_row, chance_row
from domain.matching import Holding
from domain.rules import default_terms
from tests.actors.sandbox.client import name_of

D = Decimal
AT = 1_790_000_000_000_000


def test_chance_tells_fees_limits_and_both_accounts(start):
    client = start()
    row = client.get("/v1/orders/chance", {"market": "KRW-XRP"}).json()
    assert (row["bid_fee"], row["market"]["bid"]["min_total"], row["market"]["max_total"]) == (
        "0.0005",
        "5000",
        "1000000000",
    )
    assert (row["bid_account"]["balance"], row["ask_account"]["currency"]) == ("10000000", "XRP")
    assert name_of(client.get("/v1/orders/chance", {"market": "KRW-NOPE"})) == (400, "notfoundmarket")
    assert name_of(client.get("/v1/orders/chance")) == (400, "invalid_parameter")


@pytest.mark.parametrize(
    ("market", "name", "quote", "least", "most"),
    [("BTC-ETH", "ETH/BTC", "BTC", "0.00005", "10"), ("USDT-XRP", "XRP/USDT", "USDT", "0.5", "1000000000")],
)
def test_markets_in_bitcoin_and_dollars_have_currencies_minimums_and_fees_of_their_own(
    market, name, quote, least, most
):
    row = chance_row(default_terms(market, AT), {quote: Holding(D("1.5"))})
    told = row["market"]
    assert (told["name"], told["bid"], told["max_total"]) == (name, {"currency": quote, "min_total": least}, most)
    assert told["ask"] == {"currency": market.partition("-")[2], "min_total": least}
    assert {row[fee] for fee in ("bid_fee", "ask_fee", "maker_bid_fee", "maker_ask_fee")} == {"0.0025"}
    assert (row["bid_account"]["currency"], row["bid_account"]["balance"]) == (quote, "1.5")


def test_a_balance_names_the_currency_its_average_is_in():
    row = account_row("ETH", Holding(D(2), D(1), D("0.05"), "BTC"))
    assert (row["balance"], row["locked"], row["avg_buy_price"], row["unit_currency"]) == ("2", "1", "0.05", "BTC")


@pytest.mark.parametrize("fee", ["0.0025", "0.0005"])
def test_the_fee_outside_krw_can_be_chosen_and_that_of_krw_stays(tmp_path, fee):
    terms = {market: default_terms(market, AT) for market in ("KRW-BTC", "BTC-ETH")}
    store = Store(tmp_path / "home")
    desk = Desk(store, "salt", terms, only_pocket("1", 0))
    choices = Choices(other_fee=fee)
    desk.rule(choices.habits, choices.fee_elsewhere)
    desk.commit(1)
    again = Desk(store, "salt", terms, only_pocket("1", 0))
    store.close()
    for each in (desk, again):
        assert each.exchange.terms["BTC-ETH"].bid_fee == each.exchange.terms["BTC-ETH"].ask_fee == D(fee)
        assert each.exchange.terms["KRW-BTC"].bid_fee == D("0.0005")
