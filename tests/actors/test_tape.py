"""A market's trades: each once, in order across a gap."""

from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from actors.rhythm import Rhythm
from actors.tape import WINDOW, Tape
from domain.market import Trade
from domain.orders import Side
from tests.actors.stage import T0


def a_trade(number: int, at: int | None = None) -> Trade:
    return Trade(T0 + (number if at is None else at), D(100), D(1), Side.BUY, number)


def numbers(trades) -> list[int]:
    return [trade.sequential_id for trade in trades]


def told(*trades: Trade) -> Tape:
    tape = Tape()
    for trade in trades:
        tape.take(trade, 0.0)
    return tape


def test_a_trade_told_twice_goes_on_once():
    tape = told(a_trade(1))
    assert tape.take(a_trade(1), 1.0) == ()
    assert tape.doubled == 1


def test_a_late_trade_counts_although_its_number_and_its_time_are_old():
    tape = told(a_trade(9))
    assert numbers(tape.take(a_trade(3), 0.0)) == [3]
    assert tape.last_at == T0 + 9


def test_the_numbers_remembered_are_bounded_and_the_newest_are_among_them():
    tape = told(*(a_trade(number) for number in range(3 * WINDOW)))
    assert tape.take(a_trade(2 * WINDOW), 0.0) == ()
    assert numbers(tape.take(a_trade(0), 0.0)) == [0]


def test_behind_it_holds_the_stream_until_the_missing_ones_came_and_tells_all_by_time():
    tape = told(a_trade(1))
    tape.fall_behind()
    assert tape.take(a_trade(5), 7.0) == ()
    assert tape.take(a_trade(4), 8.0) == ()
    assert (tape.behind, tape.held_at) == (True, 7.0)
    assert numbers(tape.fill([a_trade(1), a_trade(3), a_trade(2), a_trade(4)])) == [2, 3, 4, 5]
    assert not tape.behind
    assert numbers(tape.take(a_trade(6), 9.0)) == [6]


def test_trades_of_one_time_go_on_in_the_order_they_were_told_whatever_their_numbers():
    tape = told(a_trade(1))
    tape.fall_behind()
    tape.take(a_trade(9, 50), 0.0)
    tape.take(a_trade(7, 50), 0.0)
    assert numbers(tape.fill([a_trade(8, 50), a_trade(6, 50), a_trade(5, 40)])) == [5, 8, 6, 9, 7]


def test_doubles_are_counted_until_they_are_asked_for():
    tape = told(a_trade(1), a_trade(1), a_trade(1))
    assert (tape.count_doubled(), tape.count_doubled()) == (2, 0)


def test_a_trade_known_already_shows_that_nothing_was_missed():
    tape = told(a_trade(1))
    tape.fall_behind()
    assert tape.take(a_trade(1), 0.0) == ()
    assert not tape.behind


def test_a_double_after_a_new_trade_shows_nothing():
    tape = told(a_trade(1))
    tape.fall_behind()
    tape.take(a_trade(3), 0.0)
    tape.take(a_trade(1), 0.0)
    assert tape.behind


def test_while_the_stream_says_nothing_what_rest_tells_goes_on_and_it_stays_behind():
    tape = told(a_trade(1))
    tape.fall_behind()
    assert numbers(tape.fill([a_trade(1), a_trade(2)])) == [2]
    assert tape.behind
    assert numbers(tape.fill([a_trade(2), a_trade(3)])) == [3]


def test_a_second_loss_before_the_first_gap_is_filled_needs_the_stream_to_speak_again():
    tape = told(a_trade(1))
    tape.fall_behind()
    tape.take(a_trade(3), 0.0)
    tape.fall_behind()
    assert numbers(tape.fill([a_trade(2)])) == [2, 3]
    assert tape.behind


def test_given_up_it_goes_on_with_what_it_held():
    tape = told(a_trade(1))
    tape.fall_behind()
    tape.take(a_trade(3), 0.0)
    assert numbers(tape.give_up()) == [3]
    assert not tape.behind


@given(
    gone=st.sets(st.integers(2, 40)),
    doubles=st.lists(st.integers(1, 60), max_size=20),
    order=st.randoms(use_true_random=False),
)
def test_whatever_is_lost_doubled_or_out_of_order_each_trade_goes_on_once(gone, doubles, order):
    tape, heard = told(a_trade(1)), [1]
    for number in range(2, 10):
        if number not in gone:
            heard += numbers(tape.take(a_trade(number), 0.0))
    tape.fall_behind()
    later = [number for number in (*range(41, 60), *doubles) if number not in gone]
    order.shuffle(later)
    for number in (60, *later):
        heard += numbers(tape.take(a_trade(number), 0.0))
    heard += numbers(tape.fill(a_trade(number) for number in range(2, 61)))
    assert sorted(heard) == list(range(1, 61))


def test_a_rhythm_is_not_known_before_it_came_twice_and_a_burst_counts_once():
    rhythm = Rhythm()
    assert rhythm.silent_s(5.0) is None
    for at in (0.0, 0.1, 0.2):
        rhythm.note(at)
    assert rhythm.expected_s is None
    for at in (4.0, 4.1, 8.0, 12.0):
        rhythm.note(at)
    assert rhythm.expected_s == 32.0
    assert rhythm.silent_s(20.0) == 8.0


def test_a_busy_market_is_overdue_soon_a_quiet_one_late_and_a_look_resets_both():
    busy, quiet = Tape(), Tape()
    for second in range(100):
        busy.take(a_trade(second), float(second))
    quiet.take(a_trade(1), 99.0)
    assert not busy.is_overdue(108.0, 60.0)
    assert busy.is_overdue(110.0, 60.0)
    assert not quiet.is_overdue(158.0, 60.0)
    assert quiet.is_overdue(160.0, 60.0)
    busy.looked = quiet.looked = 160.0
    assert not busy.is_overdue(169.0, 60.0)
    assert not quiet.is_overdue(219.0, 60.0)
