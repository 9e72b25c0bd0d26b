"""Settings that exist are usable: what is refused, and in which words."""

from decimal import Decimal as D

import pytest

from domain.config import Settings, UniverseSettings, watching
from domain.errors import ConfigError


def test_the_reference_profile_of_the_universe_is_the_quants():
    found = Settings().universe
    assert (found.top_n, found.leave_factor, found.min_days, found.min_value) == (30, D("1.2"), 30, D(5_000_000_000))
    assert (found.max_spread1, found.max_spread2, found.max_tick) == (D("0.0015"), D("0.003"), D("0.002"))
    assert {"USDT", "USDC"} <= set(found.stablecoins)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"top_n": 0}, "top_n must lie in 1..100"),
        ({"top_n": 101}, "top_n must lie in 1..100"),
        ({"leave_factor": D("0.9")}, "leave_factor must lie in"),
        ({"leave_factor": D("3.1")}, "leave_factor must lie in"),
        ({"min_value": D(-1)}, "min_value must not be negative"),
        ({"min_days": 0}, "min_days must lie in 1..200"),
        ({"min_days": 201}, "min_days must lie in 1..200"),
        ({"max_spread1": D(0)}, "0 < max_spread1 <= max_spread2 < 1"),
        ({"max_spread1": D("0.004")}, "0 < max_spread1 <= max_spread2 < 1"),
        ({"max_spread2": D(1)}, "0 < max_spread1 <= max_spread2 < 1"),
        ({"max_tick": D(0)}, "max_tick must lie in"),
        ({"max_tick": D(1)}, "max_tick must lie in"),
        ({"min_books": 0}, "min_books must lie in 1..60"),
        ({"min_books": 61}, "min_books must lie in 1..60"),
        ({"stablecoins": ("",)}, "stablecoins must be currencies"),
        ({"never": ("DOGE",)}, "universe.never: no market of Upbit is called 'DOGE'"),
        ({"watched": ("EUR-BTC",)}, "universe.watched: no market of Upbit"),
        ({"only": ("KRW-A",), "always": ("KRW-B", "KRW-A")}, "always names KRW-B, which only leaves out"),
        ({"always": ("KRW-A",), "never": ("KRW-A",)}, "always and never both name KRW-A"),
        ({"only": ("KRW-A",), "never": ("KRW-A",)}, "only and never both name KRW-A"),
        ({"only": ("KRW-A",), "watched": ("KRW-A",)}, "watched and only both name KRW-A"),
        ({"always": ("KRW-A",), "watched": ("KRW-A",)}, "watched and always both name KRW-A"),
        ({"only": ("USDT-BTC",)}, "name USDT-BTC, and only KRW markets can be traded in this version"),
        ({"always": ("BTC-ETH",)}, "watch them with universe.watched"),
    ],
    ids=str,
)
def test_a_universe_that_cannot_be_is_refused_in_words(more, words):
    with pytest.raises(ConfigError, match="setting refused: universe") as refused:
        UniverseSettings(**more)
    assert words in str(refused.value)


@pytest.mark.parametrize("quotes", [("KRW", "USDT"), ("BTC",), ()])
def test_trading_in_another_currency_is_refused_and_told_why(quotes):
    with pytest.raises(ConfigError, match="this version keeps its books in KRW alone"):
        UniverseSettings(quotes=quotes)


def test_markets_watched_by_a_flag_come_to_those_of_the_settings():
    settings = Settings(universe=UniverseSettings(watched=("USDT-BTC",)))
    assert watching(settings, ("BTC-ETH", "USDT-BTC")).universe.watched == ("USDT-BTC", "BTC-ETH")
    assert watching(settings, ()) == settings


def test_a_market_that_is_always_traded_cannot_be_watched_by_a_flag():
    with pytest.raises(ConfigError, match="watched and always both name KRW-XRP"):
        watching(Settings(universe=UniverseSettings(always=("KRW-XRP",))), ("KRW-XRP",))
