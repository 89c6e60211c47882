"""The durable engine behind a small port: short workflows that survive a crash, and queued ones shared by workers.

DBOS is used coarsely, see `docs/decisions/0003`: arguments are ids as JSON, a workflow is one idempotent call of
ours, and nothing in the engine's own database is needed to rebuild it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos._serialization import DBOSPortableJSONSerializer

from tertulia.storage.database import ABANDONED

logger = logging.getLogger(__name__)
QUEUE = "shards"
VERSION = "1"
"""The application version: pinned, because DBOS would leave workflows of another version pending for ever."""

RECOVERIES = 100_000
Status = Literal["pending", "done", "lost"]


@dataclass(frozen=True, kw_only=True)
class Work:
    """Hold what workflows do: a round's step, and the delivery of one shard. Both may be repeated at any time."""

    step: Callable[[str, int], Coroutine[Any, Any, None]]
    shard: Callable[[str], Coroutine[Any, Any, None]]


class Engine(Protocol):
    """Start durable work, look at it, and hand over what a dead worker left."""

    @property
    def launched(self) -> bool:
        """Tell whether workflows run."""
        ...

    async def launch(self, work: Work, *, executor: str, concurrency: int) -> None:
        """Begin to run workflows; *executor* names this process, `local` on SQLite."""
        ...

    async def start(self, key: str, round_id: str, step: int) -> None:
        """Run a round's step once under *key*; a second start of the same key does nothing."""
        ...

    async def enqueue(self, key: str, shard_id: str) -> None:
        """Queue a shard once under *key*, for any worker."""
        ...

    async def status(self, key: str) -> Status | None:
        """Tell how the workflow called *key* stands; `None` where there is none."""
        ...

    async def holders(self) -> frozenset[str]:
        """Name the executors that hold unfinished work."""
        ...

    async def hand_over(self, executors: Collection[str]) -> int:
        """Resume what dead executors left pending, and return how many that were."""
        ...

    async def idle(self) -> bool:
        """Tell whether nothing is pending or queued."""
        ...

    async def forget(self, before: datetime) -> int:
        """Forget workflows that ended before that instant, and return how many that were."""
        ...

    async def stop(self) -> None:
        """Stop running workflows; what is unfinished stays pending."""
        ...


_work: Work | None = None
"""DBOS keeps one registry and one instance per process; so its workflows find their work here."""


@DBOS.workflow(name="round", max_recovery_attempts=RECOVERIES)
async def _round_workflow(round_id: str, step: int) -> None:
    await _current().step(round_id, step)


@DBOS.workflow(name="shard", max_recovery_attempts=RECOVERIES)
async def _shard_workflow(shard_id: str) -> None:
    await _current().shard(shard_id)


def _current() -> Work:
    if _work is None:
        raise RuntimeError("the engine was not launched")
    return _work


class DurableEngine:
    """Run workflows on DBOS, on SQLite or PostgreSQL."""

    def __init__(self, url: str, *, poll_seconds: float = 0.5, page: int = 1000):
        self._url, self._poll, self._page = url, poll_seconds, page
        self.launched = False

    async def launch(self, work: Work, *, executor: str, concurrency: int) -> None:
        """Begin to run workflows; *executor* names this process, `local` on SQLite."""
        global _work
        _work = work
        config = DBOSConfig(
            name="tertulia",
            system_database_url=self._url,
            executor_id=executor,
            application_version=VERSION,
            max_executor_threads=16,
            log_level="ERROR",
            serializer=DBOSPortableJSONSerializer(),
            notification_listener_polling_interval_sec=1.0,
            sys_db_idle_transaction_timeout_sec=ABANDONED,
        )
        if self._url.startswith("sqlite"):
            _use_wal(self._url)
        else:
            # what is found and ended where this process stops, see `Database.cut_off`
            config["db_engine_kwargs"] = {"connect_args": {"application_name": executor}}
        DBOS(config=config)
        DBOS.launch()
        await DBOS.register_queue_async(QUEUE, worker_concurrency=concurrency, polling_interval_sec=self._poll)
        self.launched = True

    async def start(self, key: str, round_id: str, step: int) -> None:
        """Run a round's step once under *key*."""
        with SetWorkflowID(key):
            await DBOS.start_workflow_async(_round_workflow, round_id, step)

    async def enqueue(self, key: str, shard_id: str) -> None:
        """Queue a shard once under *key*."""
        with SetWorkflowID(key):
            await DBOS.enqueue_workflow_async(QUEUE, _shard_workflow, shard_id)

    async def status(self, key: str) -> Status | None:
        """Tell how the workflow called *key* stands."""
        found = await DBOS.get_workflow_status_async(key)
        if found is None:
            return None
        if found.status in ("PENDING", "ENQUEUED", "DELAYED"):
            return "pending"
        return "done" if found.status == "SUCCESS" else "lost"

    async def holders(self) -> frozenset[str]:
        """Name the executors that hold unfinished work."""
        held = await DBOS.list_workflows_async(
            status="PENDING", load_input=False, load_output=False, limit=self._page
        )
        return frozenset(workflow.executor_id for workflow in held if workflow.executor_id)

    async def hand_over(self, executors: Collection[str]) -> int:
        """Resume what dead executors left pending."""
        count = 0
        while True:
            left = await DBOS.list_workflows_async(
                status="PENDING", executor_id=list(executors), load_input=False, load_output=False, limit=self._page
            )
            for queue in {workflow.queue_name for workflow in left}:
                keys = [workflow.workflow_id for workflow in left if workflow.queue_name == queue]
                await DBOS.resume_workflows_async(keys, queue_name=queue)
            count += len(left)
            if len(left) < self._page:
                return count

    async def idle(self) -> bool:
        """Tell whether nothing is pending or queued."""
        states = ["PENDING", "ENQUEUED"]
        return not await DBOS.list_workflows_async(status=states, load_input=False, load_output=False, limit=1)

    async def forget(self, before: datetime) -> int:
        """Forget workflows that ended before that instant."""
        old = await DBOS.list_workflows_async(
            completed_before=before.isoformat(), load_input=False, load_output=False, limit=1000
        )
        await DBOS.delete_workflows_async([workflow.workflow_id for workflow in old])
        return len(old)

    async def stop(self) -> None:
        """Stop running workflows; what is unfinished stays pending."""
        global _work
        self.launched = False
        await asyncio.to_thread(DBOS.destroy)
        # DBOS replaced the loop's default executor by its own and has just shut that down
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="tertulia"))
        _work = None


def _use_wal(url: str) -> None:
    import sqlite3

    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
