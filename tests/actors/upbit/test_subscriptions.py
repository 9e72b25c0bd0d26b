"""What a stream wants, what it gets, and what it does about the difference; over real sockets."""

import json

import pytest

from actors.upbit.frames import read_all
from actors.upbit.limits import Limiter, Urgency
from actors.upbit.staleness import Clocks
from actors.upbit.streams import Timing
from actors.upbit.subscriptions import DesiredSet, drift
from domain.errors import RateLimited
from tests.actors.upbit.heard import trade
from tests.actors.upbit.peer import PING, TEXT, frame
from tests.actors.upbit.test_limits import HandClock

ORDERBOOK = {"type": "orderbook", "codes": ["KRW-BTC.15"]}
SOON = Timing(backoff_s=0.01, backoff_max_s=0.02, snapshot_s=0.2)


def asked(peer, line) -> list:
    return json.loads(peer.read(line, TEXT))


def listed(*types: dict) -> bytes:
    return frame(json.dumps({"method": "LIST_SUBSCRIPTIONS", "result": types, "ticket": "x"}).encode())


def codes(request: list) -> dict[str, list[str]]:
    return {part["type"]: part.get("codes") for part in request if "type" in part}


def test_a_set_grows_and_shrinks_by_type_and_is_always_sent_whole():
    wanted = DesiredSet(({"type": "trade", "codes": ["KRW-BTC"]}, ORDERBOOK))
    first = wanted.request()
    wanted.add("trade", ["KRW-ETH", "KRW-BTC"])
    wanted.add("candle.1m", ["KRW-BTC"])
    wanted.remove("orderbook", ["KRW-BTC.15"])
    wanted.remove("ticker", ["KRW-BTC"])
    second = wanted.request()
    assert codes(json.loads(second.text)) == {"trade": ["KRW-BTC", "KRW-ETH"], "candle.1m": ["KRW-BTC"]}
    assert first.keys == {("trade", "KRW-BTC"), ("orderbook", "KRW-BTC")}
    assert second.keys == {("trade", "KRW-BTC"), ("trade", "KRW-ETH"), ("candle.1m", "KRW-BTC")}
    assert second.version > first.version
    assert not first.empty
    wanted.replace(())
    assert wanted.request().empty


def test_private_types_are_asked_for_without_codes_and_expected_to_send_no_snapshot():
    request = DesiredSet(({"type": "myOrder"}, {"type": "myAsset"}, {"type": "myOrder"})).request()
    assert codes(json.loads(request.text)) == {"myOrder": None, "myAsset": None}
    assert not request.snapshots


def test_who_wants_no_snapshot_is_not_told_that_there_was_none():
    only = {"type": "trade", "codes": ["KRW-BTC"], "is_only_realtime": True}
    assert DesiredSet((only, ORDERBOOK)).request().snapshots == {("orderbook", "KRW-BTC")}


@pytest.mark.parametrize("wanted", [({"type": "trade", "codes": ["KRW-A"]}, {"type": "trade", "codes": ["KRW-B"]})])
def test_a_type_that_is_asked_for_twice_in_two_ways_is_refused(wanted):
    with pytest.raises(ValueError, match="two of trade"):
        DesiredSet(wanted)


def test_a_format_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="SIMPLE_LIST"):
        DesiredSet((), "simple")


def test_a_difference_names_both_sides_and_equality_is_none():
    have, told = frozenset({("trade", "A"), ("trade", "B")}), frozenset({("trade", "B"), ("trade", "C")})
    assert drift(have, told) == ((("trade", "A"),), (("trade", "C"),))
    assert drift(have, have) is None


@pytest.mark.parametrize("form", ["DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"])
def test_every_format_can_be_asked_for(peer, listening, form):
    listening(form=form)
    assert asked(peer, peer.accept())[-1] == {"format": form}


def test_markets_are_added_and_removed_on_the_running_connection_and_outlive_it(peer, listening):
    heard = listening(wanted=({"type": "trade", "codes": ["KRW-BTC"]}, ORDERBOOK))
    line = peer.accept()
    asked(peer, line)
    heard.stream.add("trade", ["KRW-ETH"])
    heard.stream.remove("orderbook", ["KRW-BTC.15"])
    heard.stream.remove("trade", ["KRW-BTC"])
    assert codes(asked(peer, line)) == {"trade": ["KRW-ETH"]}  # three changes, one message
    line.close()
    assert codes(asked(peer, peer.accept())) == {"trade": ["KRW-ETH"]}


def test_when_nothing_is_wanted_any_more_the_old_set_does_not_go_on(peer, listening):
    heard = listening()
    line = peer.accept()
    asked(peer, line)
    assert heard.state()[0]
    heard.stream.remove("trade", ["KRW-BTC"])
    assert heard.state() == (False, "nothing is wanted from it any more")
    line = peer.accept()
    heard.stream.add("trade", ["KRW-ETH"])
    assert codes(asked(peer, line)) == {"trade": ["KRW-ETH"]}


def test_a_check_asks_without_a_format_and_equality_changes_nothing(peer, listening):
    heard = listening(wanted=({"type": "trade", "codes": ["KRW-BTC"]}, ORDERBOOK))
    line = peer.accept()
    asked(peer, line)
    heard.stream.check()
    request = asked(peer, line)
    assert [set(part) for part in request] == [{"ticket"}, {"method"}]
    line.sendall(
        listed({"type": "trade", "codes": ["KRW-BTC"]}, {"type": "orderbook", "codes": ["KRW-BTC"], "level": 0})
    )
    heard.stream.check()
    assert asked(peer, line)[1] == {"method": "LIST_SUBSCRIPTIONS"}  # and not the set again


def test_a_set_that_drifted_is_reported_and_sent_again(peer, listening, caplog):
    heard = listening()
    line = peer.accept()
    first = asked(peer, line)
    heard.stream.check()
    asked(peer, line)
    line.sendall(listed({"type": "trade", "codes": ["KRW-XRP"]}))
    assert codes(asked(peer, line)) == codes(first)
    assert "missing trade KRW-BTC, unwanted trade KRW-XRP" in caplog.text
    assert heard.stream.staleness().drifts == 1


def test_an_answer_about_a_set_that_changed_meanwhile_is_not_compared(peer, listening, caplog):
    heard = listening()
    line = peer.accept()
    asked(peer, line)
    heard.stream.check()
    asked(peer, line)
    heard.stream.add("trade", ["KRW-ETH"])
    line.sendall(listed({"type": "trade", "codes": ["KRW-BTC"]}))
    assert codes(asked(peer, line)) == {"trade": ["KRW-BTC", "KRW-ETH"]}
    line.sendall(frame(trade(1)))
    assert heard.number() == 1
    assert "drifted" not in caplog.text


def test_a_code_without_a_snapshot_is_reported_and_the_exchange_is_asked(peer, listening, caplog):
    heard = listening(wanted=({"type": "trade", "codes": ["KRW-BTC", "krw-eth"]},), timing=SOON)
    line = peer.accept()
    asked(peer, line)
    line.sendall(frame(trade(1)))
    assert heard.number() == 1
    assert asked(peer, line)[1] == {"method": "LIST_SUBSCRIPTIONS"}
    assert heard.stream.staleness().unheard == (("trade", "krw-eth"),)
    heard.stream.check()
    asked(peer, line)  # and only what was asked for here: a report comes once
    assert caplog.text.count("no snapshot of trade krw-eth") == 1


def test_a_code_the_exchange_does_not_know_is_asked_for_once_more_and_then_left_alone(peer, listening, caplog):
    often = Timing(ping_s=0.1, backoff_s=0.01, backoff_max_s=0.02, snapshot_s=0.2)
    listening(wanted=({"type": "trade", "codes": ["KRW-BTC", "krw-eth"]},), timing=often)
    line = peer.accept()
    first = asked(peer, line)
    line.sendall(frame(trade(1)))
    asked(peer, line)
    line.sendall(listed({"type": "trade", "codes": ["KRW-BTC"]}))
    assert codes(asked(peer, line)) == codes(first)
    for _ in range(12):  # a second, in which the time for a snapshot ends again
        peer.read(line, PING)
    assert caplog.text.count("no snapshot") == caplog.text.count("drifted") == 1


def test_clocks_tell_each_type_and_market_and_forget_what_is_not_wanted_any_more():
    clocks, wanted = Clocks(10.0, 3.0), DesiredSet(({"type": "trade", "codes": ["KRW-BTC", "KRW-ETH"]},))
    (btc,) = read_all(trade(1))
    clocks.opened(100.0)
    clocks.asked(wanted.request(), 100.0)
    for at in (101.0, 103.0, 105.0):
        clocks.note(btc, at)
    early, late = clocks.measure(106.0), clocks.measure(150.0)
    assert [(one.market, one.age_s, one.expected_s, one.is_late) for one in early.markets] == [
        ("KRW-BTC", 1.0, 16.0, False),
        ("KRW-ETH", None, None, False),
    ]
    assert early.unheard == ()
    assert late.unheard == (("trade", "KRW-ETH"),)
    assert [one.market for one in late.markets if one.is_late] == ["KRW-BTC"]
    wanted.remove("trade", ["KRW-BTC"])
    clocks.asked(wanted.request(), 150.0)
    clocks.note(btc, 151.0)
    assert clocks.strays == ()  # the old set's last frames
    clocks.note(btc, 160.0)
    assert clocks.strays == (("trade", "KRW-BTC"),)
    assert [one.market for one in clocks.measure(160.0).markets] == ["KRW-ETH"]


def test_too_many_messages_shut_the_budget_of_connections(peer, listening):
    limiter = Limiter(HandClock(speed=1.0))
    heard = listening(limiter=limiter)
    peer.accept().sendall(frame(b'{"error":{"name":"TOO_MANY_REQUEST","message":"slow"}}'))
    assert heard.state()[0]
    assert "TOO_MANY_REQUEST" in heard.state()[1]
    with pytest.raises(RateLimited):
        limiter.acquire("websocket", Urgency.QUERY, timeout_s=0.0)


def test_what_comes_unasked_is_answered_with_the_whole_set_again(peer, listening, caplog):
    heard = listening(timing=Timing(backoff_s=0.01, backoff_max_s=0.02, stray_s=0.0))
    line = peer.accept()
    first = asked(peer, line)
    line.sendall(frame(trade(1, "KRW-DOGE")))
    assert codes(asked(peer, line)) == codes(first)
    assert "sends trade KRW-DOGE unasked" in caplog.text
    line.sendall(frame(trade(2)))
    assert [heard.number(), heard.number()] == [1, 2]
    assert heard.stream.staleness().strays == ()


def test_who_is_told_to_renew_comes_back_on_another_connection(peer, listening):
    heard = listening()
    peer.accept()
    assert heard.state()[0]
    heard.stream.renew("no data although there were trades")
    assert heard.state() == (False, "no data although there were trades")
    assert asked(peer, peer.accept())
    assert heard.state()[0]
