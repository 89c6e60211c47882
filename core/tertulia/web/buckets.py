"""Token buckets in memory: how often strangers may guess."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

KEPT = 10_000


class Buckets:
    """Let each key do *count* things in *seconds*; the least recently used keys are forgotten beyond a limit."""

    def __init__(self, count: int, seconds: float, now: Callable[[], float] = time.monotonic):
        self._count, self._rate, self._now = count, count / seconds, now
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def empty(self, key: str) -> bool:
        """Tell whether *key* has nothing left."""
        return self._level(key) < 1

    def take(self, key: str) -> bool:
        """Take one token of *key*, or answer false where there is none."""
        level = self._level(key)
        if level < 1:
            return False
        self._levels[key] = (level - 1, self._now())
        self._levels.move_to_end(key)
        if len(self._levels) > KEPT:
            self._levels.popitem(last=False)
        return True

    def wait(self, key: str) -> float:
        """Return the seconds after which *key* has something again."""
        return max(0.0, (1 - self._level(key)) / self._rate)

    def _level(self, key: str) -> float:
        level, at = self._levels.get(key, (float(self._count), self._now()))
        return min(float(self._count), level + (self._now() - at) * self._rate)
