"""A held coin on its way out of the exchange, step by step, over the real sockets of a sandbox (RISK-06 H5, H6)."""

from decimal import Decimal as D

import pytest

from domain.config import ListingSettings, Settings
from domain.messages import (
    AnnouncementSeen,
    ExitTriggered,
    IncidentRaised,
    ListingChanged,
    ListingsWanted,
    OrderIntended,
    PositionChanged,
    PositionClosed,
    SettingsChanged,
)
from tests.actors.wire.conftest import XRP, posts
from tests.actors.wire.test_halted_markets import decide, exits, in_days, objection, price


def became(state):
    return lambda message: isinstance(message, ListingChanged) and (message.market, message.after) == (XRP, state)


def incident(kind):
    return lambda message: isinstance(message, IncidentRaised) and (message.kind, message.subject) == (kind, XRP)


def look(one):
    one.host.tell("listings", ListingsWanted("the test asks"))


def step(one, state):
    """What is told up to the market's next state and its bar; gives its transition, and all of it."""
    told = one.until(became(state))
    return told[-1], told + one.until(incident("market_free" if state == "NORMAL" else "market_halt"))


def tightened(message):
    return isinstance(message, PositionChanged) and message.reason == "TIGHTENED"


@pytest.fixture
def holder(trader):
    def make():
        one = trader()
        one.finish(one.buy("held"))
        assert objection(decide(one)) is None
        return one

    return make


def short(date):
    """A date as a title has it."""
    _, month, day = date.split("-")
    return f"{int(month)}/{int(day)}"


def test_a_held_coin_goes_from_caution_to_its_end_and_baeu_does_what_each_step_asks(holder):
    one = holder()

    # a caution: nothing is bought there, what is held stays with its guard
    one.client.arm("caution", market=XRP, flag="PRICE_FLUCTUATIONS")
    look(one)
    change, _ = step(one, "CAUTION")
    assert "PRICE_FLUCTUATIONS" in change.notice.text
    told = decide(one)
    assert "PRICE_FLUCTUATIONS" in objection(told)
    assert exits(told) == []

    # an end is announced for a month ahead: the stop comes nearer, the sale is for later
    date = in_days(one, 30)
    title = f"엑스알피(XRP) 거래지원 종료 안내 ({short(date)} 15:00)"
    one.client.arm("announcement", title=title, category="trade", body="…")
    change, told = step(one, "TERMINATING")
    assert (change.before, change.notice.source, change.notice.text) == ("CAUTION", "notice", title)
    assert change.notice.url.startswith("https://upbit.com/")
    assert change.until > one.client.status()["now"]
    assert any(isinstance(message, AnnouncementSeen) and message.title == title for message in told)
    if not any(map(tightened, told)):
        told += one.until(tightened)
    (position,) = filter(tightened, told)
    assert position.entry - position.levels.stop < position.entry * Settings().exits.stop_lo
    told = decide(one)
    assert title in objection(told)
    assert exits(told) == []

    # the market takes no orders: a sale that falls due is refused, told once, and tried ever later
    offline = one.client.arm("market_offline", market=XRP)
    one.host.tell("portfolio", ExitTriggered(XRP, "STOP", price(one), one.clock.now()), "guard")
    change, told = step(one, "HALTED")
    assert "market_offline" in change.notice.text
    if not any(map(incident("halted_held"), told)):
        one.until(incident("halted_held"))
    before = len(posts(one.client))
    one.client.disarm(offline)

    # it trades again: the sale goes through, only the refusal is taken back, the announced end still stands
    change, told = step(one, "TERMINATING")
    assert (change.before, change.notice.source) == ("HALTED", "orders")
    if not any(isinstance(message, PositionClosed) for message in told):
        told += one.until(lambda message: isinstance(message, PositionClosed))
    assert [message.reason for message in told if isinstance(message, PositionClosed)] == ["STOP"]
    assert not any(map(incident("halted_held"), told))
    assert len(posts(one.client)) - before <= 2
    assert title in objection(decide(one))
    one.green()


def test_a_coin_that_is_kept_by_setting_goes_all_the_way_from_caution_to_the_end_of_its_market(holder):
    one = holder()
    kept = Settings(listings=ListingSettings(warning_leave=False, warning_stop=D("0.8"), terminating_stop=D("0.5")))
    for name in ("warnings", "portfolio"):
        one.host.tell(name, SettingsChanged(kept, "test", ""))
    faults = (
        ("caution", {"flag": "DEPOSIT_AMOUNT_SOARING"}, "CAUTION"),
        ("warning", {}, "WARNING"),
        ("delisting", {"date": in_days(one, 30)}, "TERMINATING"),
        ("delisted", {}, "HALTED"),
    )
    path, told = [], []
    for fault, more, state in faults:
        one.client.arm(fault, market=XRP, **more)
        look(one)
        change, heard = step(one, state)
        path.append((change.before, change.after, change.notice.source))
        told += heard + decide(one)
    assert path == [
        ("NORMAL", "CAUTION", "flags"),
        ("CAUTION", "WARNING", "flags"),
        ("WARNING", "TERMINATING", "ticker"),
        ("TERMINATING", "HALTED", "flags"),
    ]
    assert len(list(filter(tightened, told))) == 2  # a warned coin, then one about to end
    assert exits(told) == []
    told += [] if any(map(incident("delisted_held"), told)) else one.until(incident("delisted_held"))
    assert [call["status"] for call in posts(one.client)] == [201]
    one.green()


def test_a_warning_that_is_announced_sells_at_once_before_the_flag_is_read(holder):
    one = holder()
    one.client.arm("announcement", title="엑스알피(XRP) 거래 유의 종목 지정 안내", category="trade", body="")
    told = one.until(lambda message: isinstance(message, PositionClosed))
    assert told[-1].reason == "DELISTING"
    assert any(map(became("WARNING"), told))
    one.client.arm("announcement", title="엑스알피(XRP) 거래 유의 종목 지정 해제 안내", category="trade", body="")
    step(one, "NORMAL")
    assert objection(decide(one)) is None
    one.green()


def test_a_notice_about_another_coin_or_of_another_category_changes_nothing(holder):
    one = holder()
    one.client.arm("announcement", title="가스(GAS) 거래지원 종료 안내", category="trade", body="")
    one.client.arm("announcement", title="엑스알피(XRP) 거래지원 종료 안내", category="event", body="")
    one.client.arm("announcement", title="엑스알피(XRP) 입출금 일시 중단 안내", category="notice", body="")
    told = one.until(lambda message: isinstance(message, AnnouncementSeen) and message.category == "notice")
    assert objection(decide(one)) is None
    assert not any(isinstance(message, ListingChanged) for message in told)


def test_the_last_gate_lets_no_buy_into_a_market_that_may_not_be_entered_and_every_sale_out(holder):
    one = holder()
    one.client.arm("warning", market=XRP)
    look(one)
    step(one, "WARNING")
    told = one.until(lambda message: isinstance(message, PositionClosed))  # the sale passed
    assert told[-1].reason == "DELISTING"
    known = len(posts(one.client))
    one.host.tell("risk", OrderIntended(one.buy("late")), "portfolio")
    decide(one)
    one.green()
    assert len(posts(one.client)) == known
