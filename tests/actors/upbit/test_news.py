"""What the exchange says that is new to us: said once, counted always, and never in the way."""

import pytest

from actors.upbit.frames import LOOK_EVERY, UnknownFrame
from actors.upbit.news import KEPT, MORE, NEWS, News
from tests.actors.upbit.forms import FORMS, comparable, one
from tests.actors.upbit.samples import BOOK, CANDLE, ORDER_EVENT, TICKER, TRADE


@pytest.fixture(autouse=True)
def nothing_told_before():
    """Each test hears what is new for itself."""
    NEWS.forget()


def test_new_fields_kinds_and_states_are_each_logged_once_and_all_counted(caplog):
    for _ in range(3):
        assert one(b'{"type":"of_tomorrow","code":"KRW-BTC"}') == UnknownFrame(
            "of_tomorrow", {"type": "of_tomorrow", "code": "KRW-BTC"}
        )
        frame = one(ORDER_EVENT.replace(b'"state":"trade"', b'"state":"dreaming","news":1'))
        assert not frame.finished
        assert one(b'{"hello":1}') == UnknownFrame("", {"hello": 1})
    assert NEWS.counts() == {
        "stream type=of_tomorrow": 3,
        "order state=dreaming": 3,
        "field of myOrder=news": 3,
        "stream type=None": 3,
    }
    assert len(caplog.records) == 4


@pytest.mark.parametrize("sample", [TICKER, TRADE, BOOK, CANDLE])
@pytest.mark.parametrize("form", FORMS)
def test_a_new_field_of_a_frequent_frame_is_soon_seen(sample, form):
    raw = FORMS[form](sample.replace(b'"type"', b'"of_tomorrow":[1.5],"type"', 1))
    usual = FORMS[form](sample)
    for _ in range(LOOK_EVERY):
        assert comparable(one(raw)) == comparable(one(sample))
        assert comparable(one(usual)) == comparable(one(sample))
    assert [name.partition("=")[2] for name in NEWS.counts()] == ["of_tomorrow"]


def test_a_new_field_at_the_end_keeps_the_frame_on_the_fast_way_and_is_seen_as_well():
    raw = TRADE[:-1] + b',"of_tomorrow":{"x":1}}'
    told = {comparable(one(raw)) for _ in range(LOOK_EVERY)}
    assert told == {one(TRADE)}
    assert NEWS.counts() == {"field of trade=of_tomorrow": 1}


def test_an_exchange_that_garbles_every_name_does_not_fill_our_memory():
    news = News()
    for number in range(KEPT + 10):
        news.note("field", number)
    counts = news.counts()
    assert len(counts) == KEPT + 1
    assert counts[MORE] == 10
