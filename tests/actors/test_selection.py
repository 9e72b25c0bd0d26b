"""Which markets a session is for, of what an operator asked for and the exchange has."""

import pytest

from actors.selection import Selection, select
from domain.errors import ConfigError, ExchangeUnavailable

BTC, XRP, USDT = "KRW-BTC", "KRW-XRP", "USDT-BTC"


class Listed:
    def __init__(self, *markets):
        self._markets = markets

    def market_all(self):
        if not self._markets:
            raise ExchangeUnavailable("no answer")
        return self._markets


def selected(*named, markets=(BTC, XRP, USDT), watched=(), everything=False, local=False):
    return select(Listed(*markets), named, watched, everything=everything, local=local)


def test_without_names_the_universe_chooses_among_all_of_krw():
    assert selected() == Selection((BTC, XRP), chooses=True)


def test_named_markets_are_exactly_those():
    assert selected(XRP) == Selection((XRP,), chooses=False)


def test_everything_there_is_can_be_named_at_once():
    assert selected(everything=True) == Selection((BTC, XRP), chooses=False)


def test_what_is_only_watched_is_not_among_everything_and_is_not_chosen():
    assert selected(watched=(USDT, XRP), everything=True) == Selection((BTC,), chooses=False)
    assert selected(watched=(XRP,)) == Selection((BTC,), chooses=True)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"named": ("KRW-XXX",)}, "unknown market KRW-XXX; this exchange has 2 in KRW: KRW-BTC, KRW-XRP"),
        ({"watched": ("USDT-XXX",)}, "unknown market USDT-XXX"),
        ({"named": (USDT,)}, "USDT-BTC: only KRW markets are traded in this version"),
        ({"named": (XRP,), "watched": (XRP,)}, "KRW-XRP: named to be traded and to be watched only"),
    ],
)
def test_what_cannot_be_is_refused_in_words(more, words):
    with pytest.raises(ConfigError, match=words.replace("(", r"\(")):
        selected(*more.get("named", ()), watched=more.get("watched", ()))


def test_an_exchange_that_cannot_be_reached_is_a_reason_to_use_the_local_one():
    with pytest.raises(ConfigError, match="without network add --sandbox"):
        selected(markets=())
    with pytest.raises(ExchangeUnavailable):
        selected(markets=(), local=True)
