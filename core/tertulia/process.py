"""Suit the interpreter to a process that serves: Python's own settings are for short scripts."""

from __future__ import annotations

import gc
import sys

SWITCH = 0.001
"""Seconds after which a busy thread lets another go on: the event loop and the database's thread take turns often."""
COLLECT_EVERY = 20_000
"""Objects made before the collector looks for cycles; what hundreds of calls in flight hold is no garbage."""


def tune() -> None:
    """Call once everything is loaded: what lives now lives until the end, and is not looked through again."""
    sys.setswitchinterval(SWITCH)
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY, 20, 20)
