"""The rule book against an exchange that tells something else, and what becomes of such a market."""

import pytest

from actors.rulebook import barred, terms_faults, tick_faults
from actors.runtime import wall_clock
from actors.universe import Universe
from actors.upbit.rest import UpbitRest
from actors.upbit.sign import Keys
from domain.messages import OrderIntended, SessionOpened, UniverseChanged
from domain.secret import Secret
from tests.actors.liar import ACCESS, HIDDEN, MARKETS, Liar, chance, instrument, ticker
from tests.actors.stage import BTC, Stage
from tests.actors.trade import ETH, a_portfolio, decided, evaluation

INSTRUMENTS, TICKER = "/v1/orderbook/instruments", "/v1/ticker"


@pytest.fixture
def liar():
    made = Liar()
    yield made
    made.close()


@pytest.fixture
def client(liar):
    made = UpbitRest(liar.url, Keys(ACCESS, Secret(HIDDEN)), wall_clock(), pause=lambda _: None)
    yield made
    made.close()


def rows(**ticks):
    """Instruments, some of them with another step."""
    named = {f"KRW-{coin}": tick for coin, tick in ticks.items()}
    return 200, [instrument(market, named.get(market, tick)) for market, (_, tick) in MARKETS.items()]


def now() -> int:
    return wall_clock().now()


def test_steps_that_are_those_of_the_rule_book_bar_nothing(client):
    assert barred(client, tuple(MARKETS), now) == {}


def test_another_step_bars_its_market_and_no_other_with_both_numbers_in_the_reason(client, liar):
    liar.says(INSTRUMENTS, rows(XRP="5"))
    (reason,) = barred(client, tuple(MARKETS), now).items()
    assert reason[0] == "KRW-XRP"
    assert "at 3000 in steps of 5, the rule book in 1: no new orders" in reason[1]


def test_a_price_that_moved_into_another_band_between_two_calls_is_no_fault(client, liar):
    liar.says(INSTRUMENTS, rows(XRP="5"), rows())
    assert tick_faults(client, tuple(MARKETS), now) == {}


def test_a_market_without_a_step_is_barred(client, liar):
    liar.says(INSTRUMENTS, (200, [instrument("KRW-BTC", "1000")]))
    assert set(barred(client, ("KRW-BTC", "KRW-XRP"), now)) == {"KRW-XRP"}


def test_an_exchange_that_does_not_tell_its_steps_bars_every_market(client, liar):
    liar.says(INSTRUMENTS, (503, "<html>maintenance</html>"))
    found = barred(client, tuple(MARKETS), now)
    assert set(found) == set(MARKETS)
    assert all("could not be compared" in reason for reason in found.values())


def test_three_hundred_markets_are_asked_for_in_pieces(client, liar):
    many = [f"KRW-C{number}" for number in range(250)]
    liar.says(TICKER, (200, [ticker(market, "3000") for market in many]))
    liar.says(INSTRUMENTS, (200, [instrument(market, "1") for market in many]))
    assert tick_faults(client, many, now) == {}
    assert [path for _, path, _ in liar.calls] == [INSTRUMENTS, TICKER] * 3


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"fee": "0.001"}, "fee of a buy 0.001, in the rule book 0.0005; fee of a sale 0.001"),
        ({"least": "10000"}, "smallest buy 10000, in the rule book 5000"),
        ({"state": "paused"}, "state paused"),
    ],
)
def test_terms_that_differ_are_told_in_words(client, liar, told, words):
    liar.says("/v1/orders/chance", (200, chance(**told)))
    assert words in terms_faults(client, ("KRW-BTC",), now())["KRW-BTC"]
    liar.says("/v1/orders/chance", (200, chance()))
    assert terms_faults(client, ("KRW-BTC",), now()) == {}


def test_a_barred_market_is_decided_against_with_the_reason_and_the_others_go_on():
    universe = Stage(Universe, "universe").tell(
        SessionOpened("sandbox", "abcd1234", (BTC, ETH), 1.0, halted=((BTC, "why"),))
    )
    (told,) = universe.on("universe", UniverseChanged)
    portfolio = a_portfolio().tell(told)
    decisions = decided(portfolio, evaluation(signal=True), evaluation(ETH, signal=True))
    reasons = {one.market: [(gate.code, gate.numbers) for gate in one.gates] for one in decisions}
    assert reasons[BTC] == [("MARKET_HALT", "why")]
    assert reasons[ETH] == []
    assert [sent.intent.market for sent in portfolio.to("risk", OrderIntended)] == [ETH]


def test_the_next_session_lifts_what_its_start_does_not_find_again():
    universe = Stage(Universe, "universe").tell(
        SessionOpened("sandbox", "abcd1234", (BTC,), 1.0, halted=((BTC, "why"),))
    )
    universe.tell(SessionOpened("sandbox", "abcd1234", (BTC,), 1.0))
    assert universe.on("universe", UniverseChanged) == [UniverseChanged((BTC,))]
