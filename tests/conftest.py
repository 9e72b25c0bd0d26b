"""What every test shares: money is exact here as it is in the program."""

import logging

import pytest

from domain.money import strict_decimals

strict_decimals()


@pytest.fixture(autouse=True)
def quiet_crashes():
    """Crashes on purpose are journaled; their tracebacks would bury the test's own output."""
    logger = logging.getLogger("actors.runtime")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)
