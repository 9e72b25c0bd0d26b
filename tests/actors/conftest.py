"""A portfolio as most tests of it begin."""

import pytest

from tests.actors.stage import Stage
from tests.actors.trade import a_holding, a_portfolio


@pytest.fixture
def portfolio() -> Stage:
    return a_portfolio()


@pytest.fixture
def holding() -> Stage:
    """One position of 0.006 BTC."""
    return a_holding()
