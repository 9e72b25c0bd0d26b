import threading

from tests.webui.fake_engine import WAIT_S
from webui.hub import GOING_AWAY, KEYS_MAX, SEATS_MAX, TRY_AGAIN, Hub, Outbox


def a_seat(hub: Hub, lang: str = "ko", *fragments: str) -> Outbox:
    outbox = hub.join(lang, fragments or ("kpis",))
    assert outbox is not None
    return outbox


def test_the_newest_text_of_a_key_wins_and_keeps_its_place() -> None:
    outbox = Outbox("ko", frozenset())
    outbox.put("a", "1")
    outbox.put("b", "2")
    outbox.put("a", "3")
    assert outbox.take(0) == ["3", "2"]
    assert outbox.take(0) == []


def test_a_browser_that_reads_nothing_holds_a_bounded_number_of_texts() -> None:
    outbox = Outbox("ko", frozenset())
    for key in range(KEYS_MAX + 10):
        outbox.put(str(key), "x")
    assert outbox.closing == TRY_AGAIN
    assert len(outbox.take(0)) == KEYS_MAX


def test_each_fragment_is_rendered_once_for_a_language() -> None:
    hub = Hub()
    seats = [a_seat(hub, lang) for lang in ("ko", "en", "ko")]
    rendered: list[str] = []

    def render(lang: str) -> str:
        rendered.append(lang)
        return f"<{lang}>"

    hub.publish("kpis", render)
    assert sorted(rendered) == ["en", "ko"]
    assert [seat.take(0) for seat in seats] == [["<ko>"], ["<en>"], ["<ko>"]]


def test_a_page_gets_only_the_fragments_it_shows_and_every_broadcast() -> None:
    hub = Hub()
    seat = a_seat(hub, "ko", "tape")
    hub.publish("kpis", lambda _: "kpis")
    hub.broadcast("answer-1", lambda _: "answer")
    assert seat.take(0) == ["answer"]


def test_nothing_is_rendered_for_nobody() -> None:
    def render(_: str) -> str:
        raise AssertionError("rendered")

    Hub().publish("kpis", render)


def test_there_are_so_many_seats_and_one_that_is_left_is_free_again() -> None:
    hub = Hub()
    seats = [a_seat(hub) for _ in range(SEATS_MAX)]
    assert hub.full
    assert hub.join("ko", ("kpis",)) is None
    hub.leave(seats[0])
    assert not hub.full
    assert hub.join("ko", ("kpis",)) is not None


def test_closing_ends_every_seat_and_those_taken_afterwards() -> None:
    hub = Hub()
    before = a_seat(hub)
    hub.close_all()
    assert before.closing == GOING_AWAY
    assert a_seat(hub).closing == GOING_AWAY


def test_a_waiting_thread_wakes_for_news_and_for_the_end() -> None:
    outbox = Outbox("ko", frozenset())
    taken: list[list[str]] = []
    thread = threading.Thread(target=lambda: taken.extend(outbox.take(WAIT_S) for _ in range(2)))
    thread.start()
    outbox.put("a", "1")
    while not taken:
        thread.join(0.01)
    outbox.close(GOING_AWAY)
    thread.join(WAIT_S)
    assert taken == [["1"], []]
