"""What several tests of actors begin with: a portfolio, and a feed between a socket and what REST knows."""

import pytest

from tests.actors.stage import Stage
from tests.actors.trade import a_holding, a_portfolio
from tests.actors.upbit.peer import Peer
from tests.actors.wires import Truth, Wired


@pytest.fixture
def portfolio() -> Stage:
    return a_portfolio()


@pytest.fixture
def holding() -> Stage:
    """One position of 0.006 BTC."""
    return a_holding()


@pytest.fixture
def peer():
    """The other end of a socket, byte by byte."""
    one = Peer()
    yield one
    one.close()


@pytest.fixture
def truth():
    """What REST knows."""
    one = Truth()
    yield one
    one.close()


@pytest.fixture
def wired(peer, truth):
    """Opens a feed on them, and closes it."""
    opened = []

    def opening(**patience: float) -> Wired:
        opened.append(Wired(peer.url, truth, **patience))
        return opened[-1]

    yield opening
    for one in opened:
        one.close()
