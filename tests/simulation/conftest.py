"""Crashes on purpose are journaled; their tracebacks would bury the test's own output."""

import logging

import pytest


@pytest.fixture(autouse=True)
def quiet_crashes():
    logger = logging.getLogger("actors")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)
