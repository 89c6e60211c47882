"""How long the processes of a service wait for one another, in real time whatever clock the rounds live by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Hold leases and patience, in seconds: with these a stopped worker's work goes on within a minute.

    A lease is longer than the longest call (30 s) only for tasks that are not renewed while they run.
    """

    shard_lease: float = 15.0
    """A shard's sender renews it with every commit, at least three times in that span."""

    task_lease: float = 45.0
    """An entry of the inbox or outbox, taken once for all its work."""

    beat: float = 2.0
    dead_after: float = 12.0
    """A worker that has not beaten for so long is taken for dead; if it is not, its leases fence it."""

    mend_every: float = 15.0

    readings_apart: float = 1.0
    """Stretches the pauses between readings of a platform; a clock whose days pass in seconds reads less often."""
