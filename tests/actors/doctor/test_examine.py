"""The whole table, and what it says when it cannot look."""

import threading

import pytest

from actors.doctor.checks import Exchange, diagnose
from actors.doctor.examine import Check, Once, examine
from actors.doctor.show import table, well
from actors.runtime import wall_clock
from domain.errors import ExchangeUnavailable
from domain.finding import Finding, Status, green, grey, red, yellow
from tests.actors.doctor.conftest import KEYS
from tests.actors.liar import ACCESS, HIDDEN, error, instrument

GREEN, YELLOW, RED, GREY = Status.GREEN, Status.YELLOW, Status.RED, Status.GREY


def test_a_truthful_exchange_is_green_and_one_that_lies_is_red_where_it_lies(liar, tmp_path):
    (tmp_path / "journal").mkdir()

    def seen(keys):
        exchange = Exchange(liar.url, liar.socket, wall_clock(), keys, "a test's")
        return {each.name: each for each in diagnose(exchange, tmp_path, tmp_path / "journal", {})}

    found = seen(KEYS)
    assert {name for name, each in found.items() if each.status is RED} == {"websocket"}  # the liar has none
    assert {name for name, each in found.items() if each.status is GREY} >= {"dns", "tls", "withdrawal", "journal"}
    assert found["price steps"].status is found["dry order"].status is found["fees and minimums"].status is GREEN
    liar.says("/v1/orderbook/instruments", (200, [instrument("KRW-BTC", "500")]))
    liar.says("/v1/api_keys", error(401, "expired_access_key"))
    liar.says("/v1/orders/test", error(400, "invalid_price_bid"))
    liar.skew_s = 90
    found = seen(KEYS)
    lies = {"websocket", "price steps", "api key", "dry order", "clock"}
    assert {name for name, each in found.items() if each.status is RED} == lies
    assert HIDDEN not in table(tuple(found.values()))
    assert ACCESS not in table(tuple(found.values()))
    found = seen(None)
    assert all(found[name].status is GREY for name in ("api key", "permissions", "key expiry", "dry order"))


def test_what_cannot_be_looked_at_is_grey_and_holds_nobody_up(caplog):
    never = threading.Event()

    def unreachable() -> Finding:
        raise ExchangeUnavailable("nobody there")

    def broken() -> Finding:
        raise ZeroDivisionError("secret")

    checks = [
        Check("stuck", lambda: (never.wait(), green("stuck", "late"))[1], 0.05),
        Check("unreachable", unreachable),
        Check("broken", broken),
        Check("well", lambda: green("well", "yes")),
    ]
    found = examine(checks)
    never.set()
    assert [(each.name, each.status) for each in found] == [
        ("stuck", GREY),
        ("unreachable", GREY),
        ("broken", GREY),
        ("well", GREEN),
    ]
    assert "nobody there" in found[1].found
    assert "secret" not in found[2].found
    assert "check failed" in caplog.text


def test_what_several_look_at_is_asked_for_once():
    asked, gate = [], threading.Barrier(4)
    answer = Once(lambda: asked.append(1) or "told")

    def look() -> Finding:
        gate.wait(10)
        return green("look", answer())

    assert {each.found for each in examine([Check("look", look)] * 4)} == {"told"}
    assert asked == [1]


def test_a_failed_question_is_not_asked_again():
    asked = []

    def ask():
        asked.append(1)
        raise ExchangeUnavailable("nobody there")

    answer = Once(ask)
    for _ in range(2):
        with pytest.raises(ExchangeUnavailable):
            answer()
    assert asked == [1]


def test_only_red_is_not_well_and_every_row_says_what_to_do():
    rows = (green("a", "1"), yellow("b", "2", "more", "mend b"), grey("c", "3", "mend c"))
    assert well(rows)
    bad = (*rows, red("d", "4", "less", "mend d"))
    assert not well(bad)
    text = table(bad)
    assert all(word in text for word in ("mend b", "mend c", "mend d", "expected: less"))
    assert text.splitlines()[-1] == "1 green, 1 yellow, 1 red, 1 grey"


def test_words_of_the_exchange_do_not_steer_the_terminal():
    assert "\n" not in table((grey("a", "bad\x1b[2Jname\n"),)).splitlines()[0]
    assert "bad?[2Jname?" in table((grey("a", "bad\x1b[2Jname\n"),))
