"""Feedback in any order of posting, reading, answering, moderating, deleting and forgetting."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tertulia.errors import Mistake, Refused
from tertulia.runtime import Runtime
from tertulia.services import erasing, people, retention
from tertulia.storage import keys, tables
from tertulia.storage.database import Database
from tertulia.storage.vault import Vault
from tertulia.surveys.feedback import conversations, rights
from tertulia.surveys.feedback.conversations import Conversation
from tertulia.surveys.keystore import KeyStore
from tertulia.testing.clock import DrivenClock

WEDNESDAY = datetime(2026, 11, 4, 12, tzinfo=UTC)
MEMBERS = ("ana", "ben")


@dataclass
class Box:
    runtime: Runtime
    clock: DrivenClock
    organization: str
    workspace: str
    persons: dict[str, str] = field(default_factory=dict)

    async def right(self, name: str = "ana") -> str:
        async with self.runtime.database.write() as tx:
            whose = (self.organization, self.workspace, self.persons[name])
            return await rights.grant(self.runtime, tx, *whose)

    async def post(self, token: str, text: str) -> str:
        async with self.runtime.database.write() as tx:
            return await conversations.post(self.runtime, tx, rights.read(self.runtime, token), text)

    async def read(self, receipt: str) -> Conversation | None:
        async with self.runtime.database.read() as tx:
            found = await conversations.by_receipt(self.runtime, tx, receipt)
        return None if found is None else found[1]

    async def write(self, receipt: str, text: str) -> None:
        async with self.runtime.database.write() as tx:
            found = await conversations.by_receipt(self.runtime, tx, receipt)
            assert found is not None
            await conversations.write(self.runtime, tx, *found, "author", text)

    async def all(self) -> list[Conversation]:
        async with self.runtime.database.read() as tx:
            return await conversations.in_workspace(self.runtime, tx, self.organization, self.workspace)

    async def rows(self, table: sa.Table) -> list[Any]:
        async with self.runtime.database.read() as tx:
            return list((await tx.execute(sa.select(table))).all())


@asynccontextmanager
async def box_in(database: Database, folder: Path) -> AsyncIterator[Box]:
    clock = DrivenClock(WEDNESDAY)
    runtime = Runtime(
        config=cast(Any, None),
        database=database,
        vault=Vault({b"k001": bytes(32)}),
        keys=KeyStore(folder / "keys"),
        clock=clock,
        entropy=secrets.token_bytes,
        plugins=cast(Any, None),
        limiter=cast(Any, None),
    )
    async with database.write() as tx:
        owner = await people.create_organization(runtime, tx, name="Acme", actor="test")
        home = await people.create_workspace(runtime, tx, owner, name="Madrid", actor="test")
        box = Box(runtime, clock, owner, home)
        for name in MEMBERS:
            box.persons[name] = await people.add_person(
                runtime, tx, owner, {"name": name}, workspace=home, actor="test"
            )
    yield box


@pytest.fixture
def open_box(open_database: Callable[[], Any], tmp_path: Path) -> Any:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Box]:
        async with open_database() as database, box_in(database, tmp_path) as box:
            yield box

    return opened


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("box") / "template.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    tables.metadata.create_all(engine)
    engine.dispose()
    return path.read_bytes()


async def test_rights_come_back_every_monday_and_end_after_two_weeks(open_box: Any) -> None:
    async with open_box() as box:
        tokens = [await box.right() for _ in range(rights.PER_WEEK)]
        with pytest.raises(Mistake, match="next Monday"):
            await box.right()
        await box.right("ben")
        box.clock.set(datetime(2026, 11, 9, tzinfo=UTC))
        await box.right()
        await box.post(tokens[0], "Late, but in time.")
        box.clock.set(datetime(2026, 11, 16, tzinfo=UTC))
        with pytest.raises(Refused):
            await box.post(tokens[1], "Too late.")
        for wrong in ("", "x", tokens[0][:-2] + "xx"):
            with pytest.raises(Refused):
                rights.read(box.runtime, wrong)


async def test_a_backup_from_before_does_not_bring_back_what_its_author_deleted(open_box: Any) -> None:
    async with open_box() as box:
        kept, gone = [await box.post(await box.right(), text) for text in ("Kept.", "Gone.")]
        found = await box.read(gone)
        assert found is not None
        of_it = {tables.feedback: "id", tables.feedback_message: "feedback_id"}
        before = {
            table: [dict(row._mapping) for row in await box.rows(table) if row._mapping[name] == found.id]
            for table, name in of_it.items()
        }
        async with box.runtime.database.write() as tx:
            await conversations.delete(tx, box.organization, found.id)
        assert [row.erased_at.weekday() for row in await box.rows(tables.tombstone)] == [0]
        async with box.runtime.database.write() as tx:  # as a restore puts it, with the tombstones that came later
            for table, rows in before.items():
                await tx.execute(table.insert(), rows)
            await erasing.reapply_tombstones(box.runtime, tx)
        assert await box.read(gone) is None
        assert await box.read(kept) is not None
        assert len(await box.rows(tables.feedback_message)) == 1


async def test_half_a_year_of_silence_ends_it_and_resealing_keeps_it(open_box: Any) -> None:
    async with open_box() as box:
        receipt = await box.post(await box.right(), "Hello.")
        box.runtime.vault = Vault({b"k001": bytes(32), b"k002": b"2" * 32}, root=bytes(32))
        assert (await keys.reseal(box.runtime.database, box.runtime.vault)).unreadable == []
        box.runtime.vault = Vault({b"k002": b"2" * 32}, root=bytes(32))
        found = await box.read(receipt)
        assert found is not None
        assert [message.text for message in found.messages] == ["Hello."]
        box.clock.set(WEDNESDAY + timedelta(days=170))
        await box.write(receipt, "Still here.")
        for days, there in ((300, True), (360, False)):
            box.clock.set(WEDNESDAY + timedelta(days=days))
            await retention.sweep(box.runtime, box.clock.now())
            assert (await box.read(receipt) is not None) is there
        for table in (tables.feedback, tables.feedback_message, tables.feedback_spent, tables.feedback_right):
            assert await box.rows(table) == []


async def test_erasing_a_person_finds_nothing_of_it(open_box: Any) -> None:
    async with open_box() as box:
        receipt = await box.post(await box.right(), "Hello.")
        async with box.runtime.database.write() as tx:
            await erasing.erase(box.runtime, tx, box.organization, box.persons["ana"], actor="test")
        assert await box.read(receipt) is not None


async def test_rewriting_keeps_every_row(open_box: Any) -> None:
    async with open_box() as box:
        receipts = [await box.post(await box.right(name), name) for name in MEMBERS]
        before = await box.rows(tables.feedback)
        await conversations.rewrite(box.runtime.database)
        assert sorted(await box.rows(tables.feedback)) == sorted(before)
        assert [(await box.read(one)) is not None for one in receipts] == [True, True]


async def test_postgresql_keeps_no_trace_of_the_arrival_after_a_rewrite(open_box: Any) -> None:
    async with open_box() as box:
        if box.runtime.database.dialect != "postgresql":
            pytest.skip("SQLite keeps no transaction ids")
        for name in (*MEMBERS, *MEMBERS):
            await box.post(await box.right(name), name)
        tokens = [await box.right(name) for name in MEMBERS]
        posts = [box.post(token, "Meanwhile.") for token in tokens]
        _, *receipts = await asyncio.gather(conversations.rewrite(box.runtime.database), *posts)
        assert [(await box.read(one)) is not None for one in receipts] == [True, True]
        await conversations.rewrite(box.runtime.database)
        # the ids of transactions would tell which right was handed out just before which text came
        for table in ("feedback", "feedback_message", "feedback_right", "feedback_spent"):
            async with box.runtime.database.read() as tx:
                found = (await tx.execute(sa.text(f"SELECT DISTINCT xmin::text FROM {table}"))).all()  # noqa: S608  # a name of ours
            assert len(found) == 1, table


class Feedback(RuleBasedStateMachine):
    """Model: what was said in each conversation, by its receipt."""

    make: Any

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.stack = asyncio.Runner(), AsyncExitStack()
        self.said: dict[str, list[tuple[str, str]]] = {}
        self.locked: set[str] = set()
        self.hidden: set[str] = set()
        self.tokens: list[str] = []
        self.number = 0

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @initialize()
    def furnish(self) -> None:
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.box = self.run(self.stack.enter_async_context(self.make(folder)))

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()

    def a_receipt(self, number: int) -> str | None:
        known = sorted(self.said)
        return known[number % len(known)] if known else None

    @rule(member=st.sampled_from(MEMBERS))
    def take_a_right(self, member: str) -> None:
        try:
            self.tokens.append(self.run(self.box.right(member)))
        except Mistake:
            used = [row.used for row in self.run(self.box.rows(tables.feedback_right))]
            assert max(used) == rights.PER_WEEK

    @rule(number=st.integers(0, 9))
    def post(self, number: int) -> None:
        if self.tokens:
            self.number += 1
            text = f"message {self.number}"
            receipt = self.run(self.box.post(self.tokens[number % len(self.tokens)], text))
            known = receipt in self.said or receipt in getattr(self, "deleted", set())
            if not known:
                self.said[receipt] = [("author", text)]

    @rule(number=st.integers(0, 9), side=st.sampled_from(["author", "team"]))
    def write(self, number: int, side: str) -> None:
        receipt = self.a_receipt(number)
        if receipt is None:
            return
        self.number += 1
        text = f"message {self.number}"
        last = [author for author, _ in self.said[receipt][-conversations.IN_A_ROW :]]
        refused = receipt in self.locked or last == [side] * conversations.IN_A_ROW
        work = self.box.write(receipt, text) if side == "author" else self.answer(receipt, text)
        if refused:
            with pytest.raises(Mistake):
                self.run(work)
            return
        self.run(work)
        self.said[receipt].append((side, text))

    async def answer(self, receipt: str, text: str) -> None:
        found = await self.box.read(receipt)
        async with self.box.runtime.database.write() as tx:
            where = (self.box.organization, self.box.workspace, found.id)
            await conversations.reply(self.box.runtime, tx, *where, text)

    @rule(number=st.integers(0, 9), locked=st.booleans(), hidden=st.booleans())
    def moderate(self, number: int, locked: bool, hidden: bool) -> None:
        receipt = self.a_receipt(number)
        if receipt is None:
            return

        async def work() -> None:
            found = await self.box.read(receipt)
            async with self.box.runtime.database.write() as tx:
                where = (self.box.organization, self.box.workspace, found.id)
                await conversations.moderate(self.box.runtime, tx, *where, actor="test", locked=locked, hidden=hidden)

        self.run(work())
        for wanted, marked in ((locked, self.locked), (hidden, self.hidden)):
            (marked.add if wanted else marked.discard)(receipt)

    @rule(number=st.integers(0, 9))
    def delete(self, number: int) -> None:
        receipt = self.a_receipt(number)
        if receipt is None:
            return

        async def work() -> None:
            found = await self.box.read(receipt)
            async with self.box.runtime.database.write() as tx:
                await conversations.delete(tx, self.box.organization, found.id)

        self.run(work())
        del self.said[receipt]
        self.deleted = {*getattr(self, "deleted", set()), receipt}
        assert self.run(self.box.read(receipt)) is None

    @rule(days=st.integers(1, 6))
    def wait(self, days: int) -> None:
        self.box.clock.set(self.box.clock.now() + timedelta(days=days))
        self.tokens = [token for token in self.tokens if self.still_valid(token)]

    def still_valid(self, token: str) -> bool:
        try:
            rights.read(self.box.runtime, token)
        except Refused:
            return False
        return True

    @invariant()
    def both_sides_see_what_was_said_and_nobody_who(self) -> None:
        if not hasattr(self, "box"):
            return
        for receipt, said in self.said.items():
            found = self.run(self.box.read(receipt))
            shown = [
                (author, conversations.HIDDEN if receipt in self.hidden and author == "author" else text)
                for author, text in said
            ]
            assert [(message.author, message.text) for message in found.messages] == shown
            assert {message.week.weekday() for message in found.messages} == {0}
            assert found.locked == (receipt in self.locked)
        everything = self.run(self.box.all())
        assert len(everything) == len(self.said)
        assert [one.id for one in everything] == sorted(one.id for one in everything)
        kept = repr([self.run(self.box.rows(table)) for table in (tables.feedback, tables.feedback_message)])
        assert not any(person in kept for person in self.box.persons.values())


def test_conversations_keep_their_promises_in_any_order(template: bytes) -> None:
    class Here(Feedback):
        @staticmethod
        @asynccontextmanager
        async def make(folder: Path) -> AsyncIterator[Box]:
            (folder / "tertulia.db").write_bytes(template)
            database = Database.open(f"sqlite:///{folder / 'tertulia.db'}")
            try:
                async with box_in(database, folder) as box:
                    yield box
            finally:
                await database.close()

    run_state_machine_as_test(Here, settings=settings(max_examples=8, stateful_step_count=12, deadline=None))
