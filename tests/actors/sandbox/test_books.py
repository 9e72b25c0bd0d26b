"""The made-up books: on the grid, two sides, deep or thin as their market is, and met by the trades that follow."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from actors.sandbox.books import PATIENCE_MS, STYLES, BookMaker
from actors.sandbox.live import LiveMarket
from actors.sandbox.player import Player
from actors.sandbox.prints import UNITS
from actors.sandbox.series import make_series
from actors.sandbox.synthetic import synthetic_universe
from actors.sandbox.ticks import grid_at
from domain.market import DAY, HOUR, MINUTE
from domain.rules import tick_size

T0 = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC


@pytest.fixture(scope="module")
def universe():
    return synthetic_universe(4, 2, ())


def watched(series, hours=3):
    """Each trade of some hours with the book it met."""
    opening = T0 + DAY
    live, player = LiveMarket(series, opening), Player({series.market: series}, opening)
    while (player.next_at() or opening + DAY) < opening + hours * HOUR:
        _, trade = player.take()
        yield trade, live.book, live.touch
        live.take(trade)


def test_a_book_has_two_sides_on_the_grid_that_never_cross(universe):
    for market, series in universe.items():
        book = LiveMarket(series, T0 + DAY).book
        grid = grid_at(market, T0)
        assert list(book.ask_prices) == sorted(set(book.ask_prices))
        assert list(book.bid_prices) == sorted(set(book.bid_prices), reverse=True)
        assert book.bid_prices[0] < book.ask_prices[0]
        assert 1 <= len(book.ask_prices) == len(book.ask_sizes) <= 30
        assert 1 <= len(book.bid_prices) == len(book.bid_sizes) <= 30
        assert min(book.ask_sizes + book.bid_sizes) > 0
        for price in (*book.ask_prices, *book.bid_prices):
            exact = Decimal(f"{price:.8f}")
            assert exact % tick_size(market, exact, T0) == 0, (market, price)
            assert grid.floor(np.array([price]))[0] == price


@pytest.mark.parametrize("market", ["KRW-BTC", "KRW-DOGE", "KRW-BTT", "BTC-ETH", "USDT-XRP"])
def test_a_taker_prints_at_the_touch_shown_before_and_finds_enough_there(universe, market):
    seen = 0
    for trade, book, _ in watched(universe[market]):
        price, size = (book.ask_prices[0], book.ask_sizes[0]) if trade.buys else (book.bid_prices[0], book.bid_sizes[0])
        assert price == trade.price
        assert size >= trade.units
        seen += 1
    assert seen > 50


def test_the_touch_told_with_a_trade_is_the_touch_of_the_book(universe):
    for _, book, touch in watched(universe["KRW-SOL"], 1):
        assert book.touch() == touch


def test_the_same_trades_leave_the_same_book_and_another_seed_another(universe):
    one, same = (LiveMarket(universe["KRW-XRP"], T0 + DAY).book for _ in range(2))
    other = LiveMarket(synthetic_universe(5, 2, ("KRW-XRP",))["KRW-XRP"], T0 + DAY).book
    assert one == same
    assert one.ask_sizes != other.ask_sizes


def test_busy_markets_are_a_step_wide_and_thin_ones_wider(universe):
    steps = {}
    for market in ("KRW-XRP", "KRW-SOL", "KRW-ENS", "KRW-BTT"):
        grid = grid_at(market, T0)
        touches = [touch for _, _, touch in watched(universe[market])]
        steps[market] = [round((touch.ask - touch.bid) / grid.tick(touch.bid)) for touch in touches]
    for market in ("KRW-XRP", "KRW-SOL"):
        assert np.median(steps[market]) == 1
    assert np.mean(steps["KRW-ENS"]) > 1.3


def test_thin_books_end_early_and_busy_ones_never(universe):
    levels = {
        market: {len(side) for _, book, _ in watched(universe[market]) for side in (book.ask_prices, book.bid_prices)}
        for market in ("KRW-BTC", "KRW-WAVES", "BTC-DOGE")
    }
    assert levels["KRW-BTC"] == {30}
    assert min(levels["KRW-WAVES"]) < 30
    assert min(levels["BTC-DOGE"]) < 10


def test_what_rests_at_a_level_spreads_as_its_style_says_and_grows_away_from_the_touch(universe):
    series = universe["KRW-SOL"]
    style = BookMaker(series).style
    assert style is STYLES[0]
    worth = [
        [price * size / UNITS for price, size in zip(book.ask_prices, book.ask_sizes, strict=True)]
        for trade, book, _ in list(watched(series, 12))[::40]
        if not trade.buys
    ]
    logs = np.log(np.array([row[20:] for row in worth]))
    assert logs.std() == pytest.approx(style.sigma, rel=0.3)
    far, near = (np.median([row[part] for row in worth]) for part in (slice(20, 30), slice(1, 3)))
    assert far > 1.3 * near


def test_a_book_outlives_the_trades_that_do_not_move_it(universe):
    sides = []
    for _, book, _ in watched(universe["KRW-BTC"], 1):
        sides.append((book.at_ms // PATIENCE_MS, book.bid_prices[0], book.bid_prices))
    same = [one[2] == two[2] for one, two in pairwise(sides) if one[:2] == two[:2]]
    assert len(same) > 5
    assert all(same)


def test_a_price_at_the_smallest_step_has_nothing_below_it():
    minute = T0 + np.arange(40) * MINUTE
    flat = np.full(40, 1e-8)
    series = make_series("BTC-BTT", 1, minute, (flat, flat, flat, flat), (np.full(40, 1e8), np.full(40, np.nan)))
    lives = [LiveMarket(series, at) for at in minute[1:].tolist()]
    assert all(live.touch == live.book.touch() for live in lives)
    bought = [live.book for live in lives if live.touch.ask == 1e-8]
    assert bought
    assert not any(book.bid_prices for book in bought)
