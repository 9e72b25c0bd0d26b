"""An exchange that lies when told to, and a client of it."""

import pytest

from actors.runtime import wall_clock
from actors.upbit.rest import UpbitRest
from actors.upbit.sign import Keys
from domain.secret import Secret
from tests.actors.liar import ACCESS, HIDDEN, Liar

KEYS = Keys(ACCESS, Secret(HIDDEN))


def now() -> int:
    return wall_clock().now()


@pytest.fixture
def liar():
    made = Liar()
    yield made
    made.close()


@pytest.fixture
def client(liar):
    made = UpbitRest(liar.url, KEYS, wall_clock(), pause=lambda _: None)
    yield made
    made.close()
