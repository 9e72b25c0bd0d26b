"""What the domain tests share: decimals as strict as in our processes, and the oracles beside the checkout."""

import decimal
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.money import strict_decimals

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


@pytest.fixture(autouse=True, scope="package")
def exact_decimals() -> Iterator[None]:
    contexts = (decimal.DefaultContext, decimal.getcontext())
    before = [(context.prec, context.traps[decimal.FloatOperation]) for context in contexts]
    strict_decimals()
    yield
    for context, (prec, trap) in zip(contexts, before, strict=True):
        context.prec = prec
        context.traps[decimal.FloatOperation] = trap


@pytest.fixture(scope="package")
def money_cases() -> dict[str, list[dict[str, Any]]]:
    path = SHARED / "golden" / "money_cases.json"
    if not path.exists():
        pytest.skip(f"the oracle {path.name} is not beside this checkout")
    cases: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    return cases
