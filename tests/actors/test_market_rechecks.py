"""Minutes that are confirmed again though they were final: the word was lost, or came from too early a look."""

from actors.runtime import Recovered
from domain.messages import CandlesTold, HistoryLoaded, IntervalEnded, StreamChanged
from tests.actors.stage import BTC
from tests.actors.test_market_checks import Rig, at, bar


def test_minutes_that_were_final_before_a_restart_are_told_again_after_it():
    rig = Rig().run(5).ring().answer()
    assert rig.state.finality.waiting == 0
    rig.told.clear()  # the process dies before anybody hears
    rig.tell(Recovered(2), "runtime")
    rig.tell(StreamChanged("public", True, "", at(6))).tell(IntervalEnded(at(7)))
    rig.tell(HistoryLoaded(BTC, at(5), at(7), (bar(5), bar(6))), "rest")
    rig.minute = 7
    rig.run(3).ring().answer()
    assert rig.told[-1] == CandlesTold(BTC, at(0), at(10), tuple(bar(k) for k in range(10)), "rest", "final")


def test_a_market_that_knows_no_minute_yet_has_none_told_again():
    rig = Rig()
    rig.tell(Recovered(2), "runtime")
    assert rig.state.finality.unchecked == ()


def test_a_minute_asked_about_before_it_was_settled_is_asked_about_again():
    rig = Rig().run(5)  # of the last minute a trade never came
    rig.changed[4] = bar(4, 20_000, "1.5")
    rig.trade(4.9, volume="0.5").answer()  # another one comes late; the exchange knows that one already
    rig.changed[4] = bar(4, 20_000, "2.5")
    rig.minute = 5
    rig.run(5).ring().answer()
    final = [one for told in rig.told if told.state == "final" for one in told.bars if one.start == at(4)]
    assert final == [bar(4, 20_000, "1.5"), bar(4, 20_000, "2.5")]
    assert (rig.wanted[-1].since, rig.wanted[-1].until) == (at(4), at(10))
