"""The command line's own small language."""

import click
import pytest

from actors.console import Duration, columns, listed


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5_400), ("2d", 172_800), ("0.5h", 1_800)]
)
def test_a_duration_is_read_in_microseconds(text, seconds):
    assert Duration().convert(text, None, None) == seconds * 1_000_000


@pytest.mark.parametrize("text", ["", "soon", "10", "m10", "10m and more", "-5m"])
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(click.BadParameter, match="1h30m"):
        Duration().convert(text, None, None)


def test_a_list_of_markets_is_upper_case_and_names_each_once():
    assert listed(" krw-btc,KRW-ETH,,krw-btc ") == ("KRW-BTC", "KRW-ETH")


def test_columns_line_up_and_end_without_spaces():
    assert columns([("a", "long cell", ""), ("bcd", "x", "y")]) == ("a    long cell", "bcd  x          y")
