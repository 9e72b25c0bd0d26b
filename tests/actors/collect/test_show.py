"""Words for people, plain values for JSON."""

import json

import pytest

from actors.collect.show import comparison_lines, detail_lines, import_lines, info_rows, lasting, plain, when
from domain.collection import Comparison, Conflict, FileImport, FrameInfo, Spike, Stretch
from domain.market import DAY, HOUR, MINUTE

NAN = float("nan")
AT = 20_000 * DAY
ROW = (1.0, 2.0, 1.0, 2.0, 5.0, NAN)


@pytest.mark.parametrize(
    ("length", "words"),
    [(0, "-"), (MINUTE, "1m"), (90 * MINUTE, "1h 30m"), (DAY + HOUR + MINUTE, "1d 1h"), (3 * DAY, "3d")],
)
def test_a_length_is_told_in_its_two_largest_units(length, words):
    assert lasting(length) == words


def test_a_time_is_told_in_utc():
    assert when(AT + 61 * MINUTE) == "2024-10-04 01:01"


def test_an_import_is_one_line_and_its_first_conflicts():
    conflict = Conflict(AT, ("close",), ROW, (1.0, 3.0, 1.0, 3.0, 5.0, NAN))
    done = FileImport("a.csv", "KRW-BTC", "1m", 10, 2, 3, 1, 4, 2, 1, 5 * MINUTE, AT, AT + HOUR, (conflict,))
    parts = (
        "10 candles, 2 new, 3 changed, 1 completed, 2 stored ones that it lacks are kept, 1 holes not collected (5m)"
    )
    assert list(import_lines(done)) == [
        f"a.csv: 1m, 2024-10-04 00:00 to 2024-10-04 01:00: {parts}",
        "  2024-10-04 00:00  close 2.0 stored, 3.0 told",
        "  … and 2 more",
    ]
    assert list(import_lines(FileImport("b.csv", "KRW-BTC", "1m", error="b.csv: row 3 is bad"))) == [
        "refused: b.csv: row 3 is bad"
    ]


def test_a_comparison_names_what_differs():
    conflicts = (Conflict(AT, (), None, ROW), Conflict(AT, (), ROW, None))
    lines = list(comparison_lines(Comparison("KRW-BTC", "1m", "the exchange", 9, conflicts)))
    assert lines == [
        "KRW-BTC 1m: 9 candles beside the exchange: 2 differ",
        "  2024-10-04 00:00  not stored, but told",
        "  2024-10-04 00:00  stored, but told that nothing traded",
    ]
    assert list(comparison_lines(Comparison("KRW-BTC", "1m", "the exchange", 9, ()))) == [
        "KRW-BTC 1m: 9 candles beside the exchange: all equal"
    ]


def test_info_is_a_row_and_its_details_a_line_each():
    holes = (Stretch("down", AT, AT + HOUR), Stretch("uncollected", AT + HOUR, AT + 2 * HOUR))
    spikes = (Spike(AT, 132_715_000.0, 116_450_000.0, 128_257_000.5),)
    info = FrameInfo("KRW-BTC", "60m", AT, AT + DAY, 1_000, 5, HOUR, HOUR, 0, holes, spikes)
    row = list(info_rows([info]))[1]
    assert row[4:] == ("1,000", "1h", "1h", "-", "1", "0.500%")
    assert [line.partition("KRW-BTC 60m  ")[2] for line in detail_lines(info)] == [
        "2024-10-04 00:00 to 2024-10-04 01:00  exchange down (1h)",
        "2024-10-04 01:00 to 2024-10-04 02:00  not collected (1h)",
        "2024-10-04 00:00  spike: 132,715,000 -> 116,450,000 -> 128,257,000.5; suspect, kept as it is",
    ]


def test_json_holds_all_and_no_number_that_is_none():
    found = json.loads(json.dumps(plain([Comparison("KRW-BTC", "1m", "x", 1, (Conflict(AT, (), ROW, None),))])))
    assert found[0]["conflicts"] == [
        {"start": AT, "fields": [], "stored": [1.0, 2.0, 1.0, 2.0, 5.0, None], "told": None}
    ]
