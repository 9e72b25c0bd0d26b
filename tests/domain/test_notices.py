"""What an announcement says: of which markets, what of them, and from when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.config import ListingSettings
from domain.listings import CAUTION, HALTED, NORMAL, TERMINATING, WARNING, Notice
from domain.market import DAY, HOUR
from domain.messages import AnnouncementSeen
from domain.notices import Names, named, words_in
from tests.domain.test_kst import NOTICE, at

IQ, GAS, BTC, IQ_BTC, IQ_USDT = "KRW-IQ", "KRW-GAS", "KRW-BTC", "BTC-IQ", "USDT-IQ"
NAMES = {
    IQ: Names("아이큐", "Everipedia"),
    GAS: Names("가스", "GAS"),
    BTC: Names("비트코인", "Bitcoin"),
    IQ_BTC: Names("아이큐", "Everipedia"),
    "KRW-X": Names(),
}
SETTINGS = ListingSettings()
SEEN = AnnouncementSeen("CREATED", "4711", "", "trade", "https://upbit.com/4711", NOTICE, "", NOTICE + 1)


def said(title: str, **more: object) -> dict[str, dict[str, tuple[str, int | None, int | None]]]:
    """By market and source: state, announced end, and when trading stops."""
    found: dict[str, dict[str, tuple[str, int | None, int | None]]] = {}
    for market, word in words_in(replace(SEEN, title=title, **more), NAMES, SETTINGS):
        found.setdefault(market, {})[word.source] = (word.state, word.until, word.halts_at)
    return found


@pytest.mark.parametrize(
    ("title", "source", "state"),
    [
        ("아이큐(IQ) 거래지원 종료 안내", "notice:end", TERMINATING),
        ("[거래] 아이큐(IQ) 거래지원종료 안내", "notice:end", TERMINATING),
        ("아이큐(IQ) 거래지원 종료 철회 안내", "notice:end", NORMAL),
        ("Termination of Trading Support for Everipedia (IQ)", "notice:end", TERMINATING),
        ("[유의] 아이큐(IQ) 거래 유의 종목 지정 안내", "notice:warning", WARNING),
        ("아이큐(IQ) 유의 종목 지정 기간 연장 안내", "notice:warning", WARNING),
        ("아이큐(IQ) 거래 유의 종목 지정 해제 안내", "notice:warning", NORMAL),
        ("아이큐(IQ) 디지털 자산 주의 종목 지정 안내", "notice:caution", CAUTION),
        ("아이큐(IQ) 주의 종목 지정 해제 안내", "notice:caution", NORMAL),
        ("아이큐(IQ) 리브랜딩에 따른 거래 일시 중단 안내", "notice:pause", HALTED),
        ("아이큐(IQ) 거래 재개 안내", "notice:pause", NORMAL),
    ],
)
def test_the_usual_titles_say_what_they_are_about(title, source, state):
    assert {market: {name: word[0] for name, word in words.items()} for market, words in said(title).items()} == {
        IQ: {source: state},
        IQ_BTC: {source: state},
    }


@pytest.mark.parametrize(
    "title",
    [
        "아이큐(IQ) 입출금 일시 중단 안내",
        "아이큐(IQ) KRW, USDT 마켓 디지털 자산 추가",
        "아이큐(IQ) 네트워크 업그레이드에 따른 입출금 중단 안내",
        "서비스 점검 안내 (10/15 15:00)",
        "거래 수수료 이벤트 안내",
        "",
    ],
)
def test_other_titles_say_nothing(title):
    assert said(title) == {}


def test_only_the_categories_that_can_be_about_a_market_count():
    assert said("아이큐(IQ) 거래지원 종료 안내", category="event") == {}
    assert said("아이큐(IQ) 거래지원 종료 안내", category="notice").keys() == {IQ, IQ_BTC}


def test_a_title_that_is_about_two_things_says_both():
    words = said("아이큐(IQ) 유의 종목 지정 해제 및 거래지원 종료 안내 (10/15 15:00)")[IQ]
    assert {source: word[0] for source, word in words.items()} == {"notice:warning": NORMAL, "notice:end": TERMINATING}


# --- which markets


@pytest.mark.parametrize(
    ("title", "markets"),
    [
        ("아이큐(IQ), 가스(GAS) 거래지원 종료 안내", (IQ, GAS, IQ_BTC)),
        ("거래지원 종료 안내 (IQ, GAS)", (IQ, GAS, IQ_BTC)),
        ("아이큐(IQ) BTC 마켓 거래지원 종료 안내", (IQ_BTC,)),
        ("아이큐(IQ) KRW, USDT 마켓 거래지원 종료 안내", (IQ,)),
        ("아이큐(IQ) 원화 마켓 거래지원 종료 안내", (IQ,)),
        ("비트코인(BTC) 거래지원 종료 안내", (BTC,)),
        ("아이큐 거래지원 종료 안내 (10/15 15:00)", (IQ, IQ_BTC)),
        ("everipedia 거래지원 종료 안내", (IQ, IQ_BTC)),
        ("IQ 거래지원 종료 안내", (IQ, IQ_BTC)),
        ("KRW-IQ 거래지원 종료 안내", (IQ,)),
        ("가스비 거래지원 종료 안내", ()),
        ("가스라이팅(GASL) 거래지원 종료 안내", ()),
        ("가스(NEW) 거래지원 종료 안내", ()),
        ("IQX 거래지원 종료 안내", ()),
    ],
)
def test_a_market_is_named_by_code_in_brackets_or_by_its_name_as_a_word(title, markets):
    assert named(title, "", NAMES) == markets


def test_a_title_that_names_no_coin_leaves_it_to_the_text_where_name_and_code_stand_together():
    body = "<p>안녕하세요. 업비트입니다.</p><ul><li>아이큐 (IQ)</li></ul><p>BTC 가격과 가스 등은 무관합니다. (GAS)</p>"
    assert named("디지털 자산 거래지원 종료 안내", body, NAMES) == (IQ, IQ_BTC)


# --- when


def test_the_end_stands_in_the_title_with_its_time():
    assert said("아이큐(IQ) 거래지원 종료 안내 (10/15 15:00)")[IQ]["notice:end"] == (
        TERMINATING,
        at(2026, 10, 15, 15),
        at(2026, 10, 15, 15),
    )


def test_a_date_without_a_time_may_be_any_time_of_its_day():
    begin = at(2026, 10, 15)
    assert said("아이큐(IQ) 거래지원 종료 안내 (10/15)")[IQ]["notice:end"] == (TERMINATING, begin, begin + DAY)


def test_the_end_stands_in_the_text_behind_what_it_is_about_and_is_never_over():
    body = (
        "(2026-09-01 유의 종목 지정) 거래지원 종료: 2026-08-01 결정, 2026년 10월 15일 15:00 KST 종료. 출금은 11/14까지"
    )
    assert said("아이큐(IQ) 거래지원 종료 안내", body=body)[IQ]["notice:end"][1] == at(2026, 10, 15, 15)


def test_an_end_without_a_date_may_come_at_any_time():
    assert said("아이큐(IQ) 거래지원 종료 안내")[IQ]["notice:end"] == (TERMINATING, None, None)


def test_the_date_of_a_withdrawal_is_not_that_of_the_market():
    words = said("아이큐(IQ) 거래지원 종료에 따른 출금 지원 종료 안내 (11/14 15:00)")
    assert words[IQ]["notice:end"] == (TERMINATING, None, None)


def test_a_pause_begins_at_its_date_and_counts_for_a_day_after_that():
    ((_, word), *_) = words_in(replace(SEEN, title="아이큐(IQ) 거래 일시 중단 안내 (10/15 15:00)"), NAMES, SETTINGS)
    begin = at(2026, 10, 15, 15)
    assert (word.state, word.until, word.halts_at, word.expires) == (HALTED, None, begin, begin + 24 * HOUR)
    assert [word.state_at(now) for now in (begin - 1, begin, begin + 24 * HOUR)] == [CAUTION, HALTED, NORMAL]


def test_a_word_carries_its_notice_and_is_forgotten_after_a_while():
    ((_, word), *_) = words_in(replace(SEEN, title="아이큐(IQ) 거래 유의 종목 지정 안내"), NAMES, SETTINGS)
    assert word.notice == Notice(
        "notice", "아이큐(IQ) 거래 유의 종목 지정 안내", NOTICE, "https://upbit.com/4711", "4711"
    )
    assert word.expires == SEEN.at + SETTINGS.notice_days * DAY


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_announcement_breaks_the_reading(title, body):
    for market, word in words_in(replace(SEEN, title=title + " 거래지원 종료", body=body), NAMES, SETTINGS):
        assert market in NAMES
        assert word.state == TERMINATING
