"""Sandboxes on loopback, clients of them, and the truth as another client reads it."""

from datetime import UTC, datetime

import pytest

from actors.runtime import ScaledClock
from actors.upbit.rest import UpbitRest
from tests.actors.liar import Liar
from tests.actors.sandbox.conftest import start

__all__ = ["start"]


@pytest.fixture
def rest_of():
    """Opens clients of a sandbox that live by its clock."""
    opened = []

    def opening(client):
        opened.append(UpbitRest(client.base, None, ScaledClock(**client.ready["clock"])))
        return opened[-1]

    yield opening
    for one in opened:
        one.close()


@pytest.fixture
def liar():
    made = Liar()
    yield made
    made.close()


def truth(client, market, since, until):
    """Candle rows of [since, until) by start, page by page, read by a client that shares no code with ours."""
    found, to = {}, until
    while to > since:
        params = {"market": market, "to": stamp(to), "count": 200}
        answer = client.public("/v1/candles/minutes/1", params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        if not page:
            break
        found |= {start_of(row): row for row in page}
        to = min(found)
    return {start: row for start, row in sorted(found.items()) if start >= since}


def stamp(at):
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def start_of(row):
    told = datetime.fromisoformat(row["candle_date_time_utc"]).replace(tzinfo=UTC)
    return int(told.timestamp()) * 1_000_000


def as_row(bar):
    """Our bar in the numbers of an answer."""
    return tuple(float(value) for value in (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.value))


def numbers(row):
    names = ("opening_price", "high_price", "low_price", "trade_price")
    sums = ("candle_acc_trade_volume", "candle_acc_trade_price")
    return tuple(row[name] for name in (*names, *sums))
