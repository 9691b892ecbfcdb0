"""Drawing by lot from a seed: the same seed gives the same draw on every machine and in every version of Python.

The stream is SHAKE-256 over the seed; numbers are taken by rejection, so that every outcome is equally likely.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Thing = TypeVar("Thing")
_BLOCK = 512


class Lot:
    """A stream of draws from one seed. Derived streams (`Lot(f"{seed}/options/3")`) do not influence each other."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._taken = 0
        self._bytes = b""
        self._at = 0

    def _take(self, count: int) -> int:
        if self._at + count > len(self._bytes):
            self._taken += 1
            self._bytes = hashlib.shake_256(self._taken.to_bytes(4, "big") + self._seed).digest(_BLOCK)
            self._at = 0
        value = int.from_bytes(self._bytes[self._at:self._at + count], "big")
        self._at += count
        return value

    def below(self, bound: int) -> int:
        """A whole number from 0 to bound - 1, each equally likely."""
        if bound < 1:
            raise ValueError("nothing to draw from")
        size = max(1, (bound.bit_length() + 7) // 8)
        limit = 256**size - 256**size % bound
        while (value := self._take(size)) >= limit:
            pass
        return value % bound

    def pick(self, things: Sequence[Thing]) -> Thing:
        return things[self.below(len(things))]

    def shuffled(self, things: Sequence[Thing]) -> tuple[Thing, ...]:
        """The things in an order drawn by lot (Fisher and Yates)."""
        order = list(things)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return tuple(order)
