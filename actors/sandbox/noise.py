"""Chance that depends on nothing but its key and its counter, so that any part of the tape can be made again alone."""

from hashlib import blake2b
from typing import Final, TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Counters: TypeAlias = NDArray[np.uint64]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # splitmix64
_GAMMA, _MIX_1, _MIX_2 = np.uint64(_STEP), np.uint64(_FIRST), np.uint64(_SECOND)
_TO_UNIT: Final = 2.0**-53
_WORD: Final = (1 << 64) - 1


def key_of(*parts: object) -> int:
    """A 64 bit key made of any values that print the same every time."""
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def uuid_of(text: str) -> str:
    """The random UUID that this text always stands for."""
    return str(UUID(bytes=blake2b(text.encode(), digest_size=16).digest(), version=4))


def uniform(key: int, counters: Counters) -> Floats:
    """Numbers in [0, 1), one for each counter, of the same shape (splitmix64: whole steps, the same anywhere)."""
    mixed = counters * _GAMMA + np.uint64(key)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * _TO_UNIT


def single(key: int, counter: int) -> float:
    """The same number as `uniform` has for one counter, without an array."""
    mixed = (counter * _STEP + key) & _WORD
    mixed = ((mixed ^ (mixed >> 30)) * _FIRST) & _WORD
    mixed = ((mixed ^ (mixed >> 27)) * _SECOND) & _WORD
    return ((mixed ^ (mixed >> 31)) >> 11) * _TO_UNIT
