"""The states of the markets: what is published of each piece of evidence, of time, and of a restart."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from actors.runtime import Recovered, Restarted
from actors.warnings import ListingDue, Warnings
from domain.config import ListingSettings, Settings
from domain.kst import moments
from domain.listings import NORMAL, STATES, MarketListing, severity
from domain.market import DAY, HOUR, MINUTE
from domain.messages import (
    AnnouncementSeen,
    ListingChanged,
    ListingsRead,
    ListingStates,
    ListingsWanted,
    MarketRefused,
    MarketServed,
    SettingsChanged,
    StreamChanged,
)
from tests.actors.stage import BTC, T0, Stage, session

IQ = "KRW-IQ"
END = next(moments("2025-10-15 15:00", T0)).at  # 30 days after T0


@pytest.fixture
def warnings() -> Stage:
    return a_stage()


def a_stage() -> Stage:
    stage = Stage(Warnings, "warnings").tell(session(BTC, IQ)).tell(SettingsChanged(Settings(), "test", ""))
    return stage.tell(read(), "listings")


def read(at: int = T0, **more) -> ListingsRead:
    """IQ as it is listed, with something unusual about it, beside BTC as it should be."""
    plain = {"state": "ACTIVE", "korean": "아이큐", "english": "Everipedia"}
    return ListingsRead((MarketListing(BTC, state="ACTIVE"), MarketListing(IQ, **(plain | more))), at)


def announced(title: str, at: int = T0, **more) -> AnnouncementSeen:
    seen = AnnouncementSeen("CREATED", "4711", title, "trade", "https://upbit.com/4711", T0, "", at)
    return msgspec.structs.replace(seen, **more)


def told(stage: Stage) -> dict:
    """The markets that are not normal, as the last turn told them."""
    (states,) = stage.on("listings", ListingStates)
    return {one.market: one for one in states.states}


def moves(stage: Stage) -> list[tuple[str, str, str]]:
    """Before, after and the source of each transition of the last turn."""
    return [(one.before, one.after, one.notice.source) for one in stage.on("transitions", ListingChanged)]


def test_a_market_as_it_should_be_is_no_news(warnings):
    assert warnings.tell(read(), "listings").published == []


def test_a_market_goes_from_bad_to_worse_and_each_step_shows_what_was_said(warnings):
    warnings.tell(read(cautions=("X",)), "listings")
    assert moves(warnings) == [("NORMAL", "CAUTION", "flags")]
    assert not told(warnings)[IQ].may_enter
    warnings.tell(read(cautions=("X",), warning=True), "listings")
    assert moves(warnings) == [("CAUTION", "WARNING", "flags")]
    assert told(warnings)[IQ].leave_at == 0
    warnings.tell(announced("아이큐(IQ) 거래지원 종료 안내 (10/15 15:00)"), "userstream")
    (change,) = warnings.on("transitions", ListingChanged)
    assert (change.before, change.after, change.until) == ("WARNING", "TERMINATING", END)
    assert (change.notice.text, change.notice.url) == (
        "아이큐(IQ) 거래지원 종료 안내 (10/15 15:00)",
        "https://upbit.com/4711",
    )
    warnings.tell(ListingsRead((MarketListing(IQ, listed=False),), T0 + 1), "listings")
    assert moves(warnings) == [("TERMINATING", "HALTED", "flags")]
    assert told(warnings)[IQ].gone


def test_the_same_again_says_nothing(warnings):
    warnings.tell(read(warning=True), "listings")
    assert warnings.tell(read(warning=True), "listings").published == []


def test_what_is_taken_back_is_told_with_what_took_it_back(warnings):
    warnings.tell(read(warning=True), "listings").tell(read(T0 + 1), "listings")
    assert moves(warnings) == [("WARNING", "NORMAL", "flags")]
    assert told(warnings) == {}


def test_a_flag_that_falls_leaves_what_was_announced(warnings):
    warnings.tell(read(warning=True), "listings")
    warnings.tell(announced("아이큐(IQ) 거래 유의 종목 지정 안내"), "userstream")
    assert moves(warnings) == []
    warnings.tell(read(T0 + 1), "listings")
    assert moves(warnings) == []
    assert "거래 유의 종목 지정" in told(warnings)[IQ].text
    warnings.tell(announced("아이큐(IQ) 거래 유의 종목 지정 해제 안내", T0 + 2), "userstream")
    assert moves(warnings) == [("WARNING", "NORMAL", "notice")]


def test_an_end_that_is_put_off_is_a_transition_of_its_own(warnings):
    warnings.tell(announced("아이큐(IQ) 거래지원 종료 안내 (10/15 15:00)"), "userstream")
    warnings.tell(
        announced("아이큐(IQ) 거래지원 종료일 변경 안내 (10/16 15:00)", T0 + 1, event="UPDATED"), "userstream"
    )
    (change,) = warnings.on("transitions", ListingChanged)
    assert (change.before, change.after, change.until) == ("TERMINATING", "TERMINATING", END + DAY)
    assert told(warnings)[IQ].since == T0


def test_a_market_is_found_by_the_names_the_listings_told(warnings):
    warnings.tell(announced("아이큐 거래 유의 종목 지정 안내"), "userstream")
    assert told(warnings).keys() == {IQ}


def test_an_announcement_of_none_of_our_markets_says_nothing(warnings):
    assert warnings.tell(announced("가스(GAS) 거래지원 종료 안내"), "userstream").published == []


def test_a_reading_that_does_not_tell_the_ticker_leaves_its_word_as_it_was(warnings):
    warnings.tell(read(delisting="2025-10-15", delisting_at=END), "listings")
    assert warnings.tell(read(state=""), "listings").published == []


# --- refusals


def test_a_refusal_halts_its_market_has_it_looked_at_and_is_forgotten_when_an_order_is_taken(warnings):
    warnings.tell(MarketRefused(IQ, "market_offline"), "gateway")
    assert moves(warnings) == [("NORMAL", "HALTED", "orders")]
    assert not told(warnings)[IQ].gone
    assert warnings.to("listings", ListingsWanted)
    warnings.tell(MarketServed(IQ), "gateway", after_s=5)
    assert moves(warnings) == [("HALTED", "NORMAL", "orders")]


def test_a_refusal_of_long_ago_says_nothing_any_more(warnings):
    warnings.tell(MarketRefused(IQ, "market_offline"), "gateway").ring()
    assert warnings.now == T0 + ListingSettings().refusal_minutes * MINUTE
    assert moves(warnings) == [("HALTED", "NORMAL", "clock")]
    assert told(warnings) == {}


# --- time


def test_an_announced_end_halts_its_market_at_its_hour(warnings):
    warnings.tell(announced("아이큐(IQ) 거래지원 종료 안내 (10/15 15:00)"), "userstream")
    warnings.ring(40 * DAY)
    assert warnings.now == END
    (change,) = warnings.on("transitions", ListingChanged)
    assert (change.before, change.after, change.notice.source) == ("TERMINATING", "HALTED", "notice")
    assert told(warnings)[IQ].state == "HALTED"


def test_an_announced_pause_bars_entries_halts_at_its_hour_and_ends_by_itself(warnings):
    warnings.tell(announced("아이큐(IQ) 거래 일시 중단 안내 (10/15 15:00)"), "userstream")
    assert told(warnings)[IQ].state == "CAUTION"
    assert told(warnings.ring(40 * DAY))[IQ].state == "HALTED"
    assert moves(warnings.ring(2 * DAY)) == [("HALTED", "NORMAL", "clock")]
    assert warnings.now == END + 24 * HOUR


def test_a_timer_that_was_overtaken_changes_nothing(warnings):
    warnings.tell(MarketRefused(IQ, "market_offline"), "gateway")
    (_, stale) = warnings.timers[-1]
    warnings.tell(MarketRefused(IQ, "market_offline"), "gateway", after_s=60)
    assert warnings.tell(stale, "timer", after_s=540).published == []
    assert warnings.timers == []


def test_what_came_due_is_told_before_the_evidence_that_found_it_so(warnings):
    warnings.tell(announced("아이큐(IQ) 거래지원 종료 안내 (10/15 15:00)"), "userstream")
    warnings.now = END + HOUR
    warnings.tell(announced("아이큐(IQ) 거래지원 종료 철회 안내", END + HOUR), "userstream")
    assert moves(warnings) == [("TERMINATING", "HALTED", "notice"), ("HALTED", "NORMAL", "notice")]


# --- starts, settings, the stream


@pytest.mark.parametrize("back", [Recovered(2), Restarted()])
def test_a_restart_loses_nothing_and_looks_at_the_clock(warnings, back):
    warnings.tell(announced("아이큐(IQ) 거래지원 종료 안내 (10/15 15:00)"), "userstream")
    assert told(warnings.tell(back, "runtime", after_s=60))[IQ].until == END
    assert [delay for delay, message in warnings.timers if isinstance(message, ListingDue)] == [END - warnings.now]
    warnings.now = END
    states = warnings.tell(back, "runtime").on("listings", ListingStates)
    assert states[-1].states[0].state == "HALTED"


def test_a_start_goes_on_with_what_was_heard_before_of_its_own_markets_only(warnings):
    warnings.tell(read(warning=True), "listings")
    assert told(warnings.tell(session(BTC, IQ)))[IQ].state == "WARNING"
    assert told(warnings.tell(session(BTC))) == {}
    assert told(warnings.tell(session(BTC, IQ))) == {}


def test_a_market_of_the_books_that_the_exchange_does_not_list_is_gone_and_stops_nobody(warnings):
    warnings.tell(ListingsRead((MarketListing("KRW-LOST", listed=False),), T0), "engine")
    assert told(warnings)["KRW-LOST"].gone


def test_new_settings_count_at_once(warnings):
    warnings.tell(read(cautions=("X",)), "listings")
    lax = Settings(listings=ListingSettings(caution_enter=True))
    assert told(warnings.tell(SettingsChanged(lax, "test", "")))[IQ].may_enter
    assert moves(warnings) == []
    assert warnings.tell(SettingsChanged(lax, "test", "")).published == []


def test_whether_announcements_reach_us_is_told_and_a_gap_has_the_listings_read(warnings):
    (states,) = warnings.tell(StreamChanged("private", True, "", T0), "userstream").on("listings", ListingStates)
    assert states.announced
    assert warnings.to("listings", ListingsWanted)
    (states,) = warnings.tell(StreamChanged("private", False, "", T0), "userstream").on("listings", ListingStates)
    assert not states.announced
    assert warnings.sent == []
    assert warnings.tell(StreamChanged("public", True, "", T0), "feed").published == []


def test_a_process_start_has_no_stream_until_it_is_there(warnings):
    warnings.tell(StreamChanged("private", True, "", T0), "userstream")
    assert warnings.tell(Restarted(), "runtime").on("listings", ListingStates)[-1].announced
    assert not warnings.tell(Recovered(2), "runtime").on("listings", ListingStates)[-1].announced


# --- any evidence

TITLES = (
    "거래지원 종료 안내 (10/15 15:00)",
    "거래 유의 종목 지정 안내",
    "유의 종목 지정 해제 안내",
    "거래 일시 중단 안내",
    "거래 재개 안내",
)
EVIDENCE = st.one_of(
    st.builds(lambda **more: ("listings", more), warning=st.booleans(), cautions=st.sampled_from([(), ("X",)])),
    st.builds(lambda day: ("ticker", day), st.integers(0, 20)),
    st.sampled_from(TITLES).map(lambda title: ("notice", title)),
    st.sampled_from([("refused", ""), ("served", ""), ("restart", ""), ("due", "")]),
)


def message_of(kind: str, more: object, now: int) -> object:
    match kind, more:
        case "listings", dict():
            return ListingsRead((MarketListing(IQ, **more),), now)
        case "ticker", int():
            date = {"delisting": "a day", "delisting_at": now + more * DAY} if more else {}
            return ListingsRead((MarketListing(IQ, state="ACTIVE", **date),), now)
        case "notice", str():
            return announced(f"아이큐(IQ) {more}", now)
        case "refused", _:
            return MarketRefused(IQ, "market_offline")
        case "served", _:
            return MarketServed(IQ)
        case "restart", _:
            return Restarted()
        case _:
            return ListingDue(0)


@how(max_examples=60, deadline=None)
@given(st.lists(st.tuples(EVIDENCE, st.integers(0, 40 * 24)), max_size=12))
def test_transitions_form_one_chain_each_has_a_notice_and_the_last_is_what_stands(evidence):
    stage, state, until = a_stage(), NORMAL, None
    for (kind, more), hours in evidence:
        stage.now += hours * HOUR
        stage.tell(message_of(kind, more, stage.now), "somebody")
        for change in stage.on("transitions", ListingChanged):
            assert change.before == state
            assert (change.after, change.until) != (state, until)
            assert change.after in STATES
            assert change.notice.text
            if severity(change.after) > severity(state):
                assert change.notice.source != "clock"  # it was somebody's word
            state, until = change.after, change.until
        for states in stage.on("listings", ListingStates):
            last = states
        if stage.on("listings", ListingStates):
            assert {one.market: (one.state, one.until) for one in last.states} == (
                {} if state == NORMAL else {IQ: (state, until)}
            )
