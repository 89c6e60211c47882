"""An engine without durability, for tests that look at one process and want no waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime

from tertulia.delivery.engine import Status, Work


class InlineEngine:
    """Run workflows as tasks of the loop; a key runs once."""

    def __init__(self) -> None:
        self._work: Work | None = None
        self.launched = False
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def launch(self, work: Work, *, executor: str, concurrency: int) -> None:
        """Begin to run workflows."""
        self._work, self.launched = work, True

    async def start(self, key: str, round_id: str, step: int) -> None:
        """Run a round's step once under *key*."""
        work = self._launched()
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(work.step(round_id, step))

    async def enqueue(self, key: str, shard_id: str) -> None:
        """Run a shard once under *key*."""
        work = self._launched()
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(work.shard(shard_id))

    async def status(self, key: str) -> Status | None:
        """Tell how the workflow called *key* stands."""
        task = self._tasks.get(key)
        if task is None:
            return None
        if not task.done():
            return "pending"
        return "lost" if task.cancelled() or task.exception() else "done"

    async def holders(self) -> frozenset[str]:
        """Name nobody: there is one process."""
        return frozenset()

    async def hand_over(self, executors: Collection[str]) -> int:
        """Do nothing: there is one process."""
        return 0

    async def idle(self) -> bool:
        """Tell whether nothing is pending; raises what a workflow raised."""
        for task in self._tasks.values():
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error
        return all(task.done() for task in self._tasks.values())

    async def forget(self, before: datetime) -> int:
        """Do nothing: what ended takes no room that matters."""
        return 0

    async def stop(self) -> None:
        """Cancel what is under way."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._work, self.launched = None, False

    def _launched(self) -> Work:
        if self._work is None:
            raise RuntimeError("the engine was not launched")
        return self._work
