"""When a trade that REST shows is missing from the stream for certain."""

from actors.lookout import Lookout

BTC = "KRW-BTC"


def lookout() -> Lookout:
    return Lookout(None, confirm_s=1.0)  # nothing is asked here


def test_a_trade_the_stream_does_not_tell_within_its_time_is_missing():
    one = lookout()
    assert not one.is_certain(BTC, newest=20, told=10, now=5.0)
    assert not one.is_certain(BTC, newest=30, told=10, now=5.9)
    assert one.is_certain(BTC, newest=40, told=10, now=6.0)
    assert one.doubts == {}


def test_a_busy_market_whose_stream_is_a_moment_behind_rest_is_never_missing():
    one = lookout()
    for second in range(10):
        assert not one.is_certain(BTC, newest=10 * second + 10, told=10 * second, now=float(second))


def test_what_the_stream_has_told_is_in_doubt_no_more():
    one = lookout()
    one.is_certain(BTC, newest=20, told=10, now=5.0)
    one.settle(BTC)
    assert not one.is_certain(BTC, newest=30, told=20, now=9.0)
