"""One look at the tickers of a sandbox by stream."""

import pytest

from actors.upbit.glance import tickers_now
from domain.errors import ExchangeUnavailable
from tests.actors.sandbox.conftest import start

__all__ = ["start"]

BTC, XRP = "KRW-BTC", "KRW-XRP"


def test_it_tells_the_state_and_the_end_of_every_market_asked_for(start):
    client = start()
    client.arm("delisting", market=XRP, date="2026-12-01")
    found = tickers_now(client.ready["ws"], (BTC, XRP))
    assert {market: (one.state, one.delisting) for market, one in found.items()} == {
        BTC: ("ACTIVE", ""),
        XRP: ("ACTIVE", "2026-12-01"),
    }


def test_a_market_that_is_silent_is_missing_and_keeps_nothing_from_the_others(start):
    client = start()
    assert tickers_now(client.ready["ws"], (BTC, "KRW-NOBODY"), wait_s=1.0).keys() == {BTC}


def test_when_nothing_comes_it_says_so_and_why(start):
    client = start()
    with pytest.raises(ExchangeUnavailable, match="1 markets came by stream in 0 s: connected"):
        tickers_now(client.ready["ws"], ("KRW-NOBODY",), wait_s=0.4)
    client.running.stop()
    with pytest.raises(ExchangeUnavailable, match="1 markets came by stream"):
        tickers_now(client.ready["ws"], (BTC,), wait_s=0.2)


def test_no_market_needs_no_socket():
    assert tickers_now("ws://127.0.0.1:1", ()) == {}
