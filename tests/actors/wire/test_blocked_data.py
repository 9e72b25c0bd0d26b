"""What the real socket, the real REST side and their clocks make of the belief in the data."""

from dataclasses import replace

from msgspec import structs

from domain.config import DataSettings, Settings
from domain.messages import DataBlocked, DecisionsMade, MarketEvaluated
from tests.actors.trade import evaluation
from tests.actors.wire.conftest import QUICK, XRP

RENEWED = replace(QUICK, dataless_s=11.0)  # real seconds after which a silent stream is given up for another
DATA = Settings(data=DataSettings(late_s=1_000_000))  # nobody tells candles here


def blocked(code):
    return lambda one: isinstance(one, DataBlocked) and any(block.code == code for block in one.changed)


def free(code):
    return lambda one: isinstance(one, DataBlocked) and any(block.code == code for block in one.ended)


def objections(one):
    """What speaks against entering the market by its next decision, once it is one that may be entered at all."""
    decisions = ()
    while not decisions:
        at = one.clock.now()
        made = MarketEvaluated(structs.replace(evaluation(XRP, signal=True).evaluation, at=at))
        one.host.tell("portfolio", made, f"market:{XRP}")
        decisions = one.until(lambda message, at=at: isinstance(message, DecisionsMade) and message.at == at)[
            -1
        ].decisions
    return {gate.code: gate.numbers for gate in decisions[0].gates}


def test_a_stream_that_falls_silent_blocks_entries_until_it_has_spoken_again_for_a_minute(trader):
    one = trader(measured=0.2, settings=DATA, speed=600.0, timing=RENEWED)
    assert "DATA_STALE" not in objections(one)
    one.client.arm("ws_silence", socket="public", count=1, seconds=7_200)
    silent = one.until(blocked("STREAM_SILENT"))[-1]
    assert "STREAM_SILENT: public: no data for 1" in objections(one)["DATA_STALE"]
    over = one.until(free("STREAM_SILENT"))[-1]
    assert over.at - silent.at >= 60_000_000
    assert "DATA_STALE" not in objections(one)


def test_a_clock_that_is_three_seconds_off_blocks_entries(trader):
    one = trader(measured=0.2, settings=DATA, speed=10.0, off_s=3, ready=False)
    (block,) = one.until(blocked("CLOCK_SKEW"))[-1].changed
    assert block.text.startswith("rest: the exchange's clock is -")
    assert "CLOCK_SKEW" in objections(one)["DATA_STALE"]
