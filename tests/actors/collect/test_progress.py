"""What is shown of a backfill: rate, remaining time, and nothing that scrolls for ever."""

import io
import os
import pty

import pytest

from actors.collect.backfill import Job, Outcome
from actors.collect.progress import LINE_EVERY_S, Meter, PlainLines, ProgressBar, display
from domain.market import DAY, HOUR, MINUTE

JOB = Job("KRW-BTC", MINUTE, 0, DAY)


class Hand:
    """A clock moved by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_rates_are_counted_from_the_beginning_and_the_rest_follows_from_them():
    clock = Hand()
    meter = Meter(clock)
    clock.now += 50
    meter.begin(2, 2 * DAY)
    assert meter.remaining() == "?"
    clock.now += 10
    meter.page(JOB, 200, 1, HOUR)
    meter.page(JOB, 100, 3, 2 * HOUR)
    assert meter.words() == "0 of 2 markets, 300 candles, 30 candles/s, 0.4 requests/s"
    assert meter.remaining() == "0:02:30"


def test_what_will_not_come_is_not_waited_for():
    clock = Hand()
    meter = Meter(clock)
    meter.begin(2, 2 * DAY)
    clock.now += 10
    meter.page(JOB, 200, 1, HOUR)
    meter.end(Outcome(JOB, left=DAY))
    assert meter.remaining() == "0:03:50"
    assert meter.words().startswith("1 of 2 markets")


def test_lines_come_now_and_then_and_at_both_ends():
    clock, said = Hand(), []
    with PlainLines(said.append, clock) as lines:
        lines.begin(2, 3 * DAY // 2)
        for _ in range(45):
            clock.now += 1
            lines.page(JOB, 200, 1, HOUR)
    assert said[0] == "collecting 1.5 market-days of candles in 2 markets"
    assert len(said) == 2 + int(45 // LINE_EVERY_S)
    assert "0:00:26 left" in said[1]
    assert said[-1] == "0 of 2 markets, 9,000 candles, 200 candles/s, 1.0 requests/s"


@pytest.fixture
def terminal():
    """A terminal to write to, and the end that shows it."""
    shown, written = pty.openpty()
    out = os.fdopen(written, "w")
    yield out, shown
    out.close()
    os.close(shown)


def test_a_terminal_sees_a_bar_with_rate_and_remaining_time(terminal):
    out, shown = terminal
    with display(out, lambda _: None) as bar:
        assert isinstance(bar, ProgressBar)
        bar.begin(1, DAY)
        bar.page(JOB, 1_440, 8, DAY)
        bar.end(Outcome(JOB))
    out.flush()
    text = ""
    while "\x1b[?25h" not in text:  # the cursor is shown again when the bar is done
        text += os.read(shown, 100_000).decode(errors="replace")
    assert "100%" in text
    assert "1/1 markets  1,440 candles" in text
    assert "0:00:00\r\n" in text


def test_a_pipe_gets_plain_lines():
    said = []
    with display(io.StringIO(), said.append) as lines:
        lines.begin(1, DAY)
    assert isinstance(lines, PlainLines)
    assert len(said) == 2
