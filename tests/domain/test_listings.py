"""The state of a market at the exchange: what each source says, who may take what back, and what follows."""

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.config import ListingSettings
from domain.listings import (
    CAUTION,
    HALTED,
    NORMAL,
    STATES,
    TERMINATING,
    WARNING,
    MarketListing,
    Notice,
    Word,
    heard,
    leading,
    next_due,
    refused,
    served,
    severity,
    standing,
    words_of,
)
from domain.market import DAY, MINUTE

MARKET, NOW, SETTINGS = "KRW-IQ", 10**15, ListingSettings()
END = NOW + 30 * DAY


def judged(*words: Word, now: int = NOW, settings: ListingSettings = SETTINGS):
    found: dict[str, Word] = {}
    for word in words:
        found = heard(found, word)
    return standing(MARKET, found, settings, now)


def read(**more: object):
    """How a reading of the market alone is judged."""
    return judged(*words_of(MarketListing(MARKET, **{"state": "ACTIVE", **more}), NOW))


@pytest.mark.parametrize(
    ("more", "state", "words", "leave_at", "gone"),
    [
        ({}, NORMAL, "", None, False),
        ({"cautions": ("A", "B")}, CAUTION, "caution is up: A, B", None, False),
        ({"warning": True}, WARNING, "warns of it", 0, False),
        ({"warning": True, "cautions": ("A",)}, WARNING, "caution is up: A", 0, False),
        ({"delisting": "2025-12-01", "delisting_at": END}, TERMINATING, "it on 2025-12-01 (KST)", END - 3 * DAY, False),
        ({"delisting": "2025-12-01", "delisting_at": END, "warning": True}, TERMINATING, "warns of it", 0, False),
        ({"delisting": "soon"}, TERMINATING, "it on soon (KST)", 0, False),
        ({"state": "PREVIEW"}, HALTED, "its state at the exchange is PREVIEW", None, False),
        ({"state": "DELISTED", "delisting": "2025-12-01", "delisting_at": 7}, HALTED, "DELISTED", None, True),
        ({"listed": False, "state": ""}, HALTED, "does not list it any more", None, True),
        ({"warning": True, "state": ""}, WARNING, "warns of it", 0, False),
    ],
    ids=str,
)
def test_what_a_reading_says_of_a_market(more, state, words, leave_at, gone):
    found = read(**more)
    assert (found.state, found.leave_at, found.gone) == (state, leave_at, gone)
    assert words in found.text
    assert found.may_enter == (state == NORMAL)


@pytest.mark.parametrize(
    ("more", "tighten"),
    [
        ({}, None),
        ({"cautions": ("A",)}, None),
        ({"warning": True}, D("0.5")),
        ({"delisting": "2025-12-01", "delisting_at": END}, D("0.25")),
        ({"listed": False}, None),
    ],
    ids=str,
)
def test_a_worse_state_brings_the_stop_nearer(more, tighten):
    settings = ListingSettings(terminating_stop=D("0.25"))
    words = words_of(MarketListing(MARKET, **{"state": "ACTIVE", **more}), NOW)
    assert judged(*words, settings=settings).tighten == tighten


def test_a_consequence_is_a_setting():
    lax = ListingSettings(caution_enter=True, warning_enter=True, warning_leave=False, warning_stop=D(1))
    found = judged(*words_of(MarketListing(MARKET, warning=True, cautions=("A",)), NOW), settings=lax)
    assert (found.state, found.may_enter, found.leave_at, found.tighten) == (WARNING, True, None, None)
    strict = ListingSettings(caution_stop=D("0.8"), caution_leave=True)
    found = judged(*words_of(MarketListing(MARKET, cautions=("A",)), NOW), settings=strict)
    assert (found.may_enter, found.leave_at, found.tighten) == (False, 0, D("0.8"))


# --- sources


def word(source: str, state: str, at: int = NOW, **more: object) -> Word:
    return Word(source, state, at, Notice(source, f"{source} says {state}", at), **more)


def test_a_source_takes_back_what_it_said_and_nothing_else():
    up = (word("flags", WARNING), word("notice:end", TERMINATING, until=END, halts_at=END))
    assert judged(*up, word("flags", NORMAL, NOW + 1)).state == TERMINATING
    assert judged(*up, word("ticker", NORMAL, NOW + 1)).state == TERMINATING
    assert judged(*up, word("notice:end", NORMAL, NOW + 1)).state == WARNING
    assert judged(*up, word("notice:end", NORMAL, NOW + 1), word("flags", NORMAL, NOW + 1)).state == NORMAL


def test_the_worst_living_word_names_the_state_and_all_reasons_are_told_worst_first():
    found = judged(word("flags", CAUTION), word("orders", HALTED), word("notice:warning", WARNING))
    assert found.state == HALTED
    assert found.text == "orders says HALTED; notice:warning says WARNING; flags says CAUTION"
    assert (found.leave_at, found.tighten) == (0, SETTINGS.warning_stop)


def test_a_refusal_counts_until_an_order_is_taken_or_it_is_old():
    no = refused("market_offline", SETTINGS, NOW)
    old = NOW + SETTINGS.refusal_minutes * MINUTE
    assert "market_offline" in judged(no).text
    assert [judged(no, now=at).state for at in (NOW, old - 1, old)] == [HALTED, HALTED, NORMAL]
    assert judged(no, served(NOW + 1)).state == NORMAL
    assert judged(no, served(NOW + 1), refused("market_offline", SETTINGS, NOW + 2)).state == HALTED


def test_an_announced_end_halts_its_market_when_it_comes_and_still_wants_to_be_left():
    end = word("notice:end", TERMINATING, until=END, halts_at=END, expires=END + 30 * DAY)
    assert [judged(end, now=at).state for at in (END - 1, END, END + 30 * DAY)] == [TERMINATING, HALTED, NORMAL]
    assert judged(end, now=END).leave_at == END - 3 * DAY
    assert next_due([end], NOW) == END
    assert next_due([end], END) == END + 30 * DAY
    assert next_due([end], END + 30 * DAY) is None


def test_the_date_of_a_ticker_halts_its_market_when_that_day_is_over():
    words = words_of(MarketListing(MARKET, state="ACTIVE", delisting="2025-12-01", delisting_at=END), NOW)
    assert [judged(*words, now=at).state for at in (END + DAY - 1, END + DAY)] == [TERMINATING, HALTED]


# --- what holds of any evidence

STATE = st.sampled_from(STATES)
TIMES = st.integers(NOW - 3, NOW + 3)
WORDS = st.builds(
    word,
    st.sampled_from(["flags", "ticker", "orders", "notice:end", "notice:pause"]),
    STATE,
    st.integers(NOW - 5, NOW),
    until=st.none() | TIMES,
    halts_at=st.none() | TIMES,
    expires=st.none() | TIMES,
    gone=st.booleans(),
)


@given(st.lists(WORDS, max_size=8).flatmap(lambda words: st.tuples(st.just(words), st.permutations(words))), TIMES)
def test_the_order_of_hearing_and_hearing_twice_change_nothing(told, now):
    words, shuffled = told
    assert judged(*words, now=now) == judged(*shuffled, *words, now=now)


@given(st.lists(WORDS, max_size=6), WORDS, TIMES)
def test_a_word_of_a_source_that_was_silent_never_makes_a_market_laxer(words, more, now):
    words = [one for one in words if one.source != more.source]
    before, after = judged(*words, now=now), judged(*words, more, now=now)
    assert severity(after.state) == max(severity(before.state), severity(more.state_at(now)))
    assert after.may_enter <= before.may_enter
    assert (after.tighten or 1) <= (before.tighten or 1)
    assert after.gone >= before.gone
    if before.leave_at is not None:
        assert after.leave_at is not None
        assert after.leave_at <= before.leave_at


@given(st.lists(WORDS, max_size=6), TIMES)
def test_no_state_is_without_a_living_word_that_says_it(words, now):
    found: dict[str, Word] = {}
    for one in words:
        found = heard(found, one)
    lead = leading(found, now)
    judgement = standing(MARKET, found, SETTINGS, now)
    assert (lead is None) == (judgement.state == NORMAL)
    if lead is not None:
        assert lead in words
        assert lead.state_at(now) == judgement.state
        assert lead.notice.text in judgement.text


@given(st.lists(WORDS, min_size=1, max_size=6), TIMES, st.integers(1, 6))
def test_between_two_dues_time_alone_changes_no_state(words, now, later):
    due = next_due(words, now)
    if due is None or now + later < due:
        assert [one.state_at(now) for one in words] == [one.state_at(now + later) for one in words]
