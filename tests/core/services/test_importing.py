"""CSV import: what would change and why a line is rejected come before the change."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tertulia.errors import Mistake
from tertulia.services import importing, merging, people
from tertulia.storage import people as stored
from tertulia.storage import tables

OpenWorld = Callable[[], Any]
HEAD = "name,email,zone,languages,worker_type,team,location,work_start,work_end,quiet_start,quiet_end\n"


def test_a_spreadsheets_file_is_read_as_it_is() -> None:
    text = '\ufeffName;E mail;Team\r\n"Ana\r\nGarcía";ANA@example.org;"a;b"\r\n\r\n;;\r\n=1+1;bob@example.org;\r\n'
    with pytest.raises(Mistake, match="Column 'e_mail' is unknown; the columns are name, email"):
        importing.read(text)
    lines, rejected = importing.read(text.replace("E mail", "EMail").encode())
    assert rejected == []
    assert [(line.number, dict(line.values)) for line in lines] == [
        (2, {"name": "Ana García", "email": "ana@example.org", "team": "a;b"}),
        (6, {"name": "=1+1", "email": "bob@example.org"}),
    ]


def test_each_rejected_line_has_its_number_and_reason() -> None:
    text = HEAD + (
        "Ana,ana@example.org,,,,,,,,,\n"
        "Ana,ANA@example.org,,,,,,,,,\n"
        ",x@example.org\n"
        "Bob,\n"
        "Eve,eve@example.org,Mars\n"
        "Max,max@example.org,,,,,,,,,,surplus\n"
        "Kim,kim@example.org,,,,,,8:60\n"
    )
    lines, rejected = importing.read(text)
    assert [line.email for line in lines] == ["ana@example.org"]
    assert [number for number, _ in rejected] == [3, 4, 5, 6, 7, 8]
    for (_, reason), word in zip(
        rejected, ["line 2", "name is empty", "email is empty", "zone", "12 cells", "work_start"], strict=True
    ):
        assert word in reason


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "Column name is missing"),
        ("email,team\n", "Column name is missing"),
        ("name,email,name\n", "Column name occurs twice"),
        ('name,email\n"Ana,ana@example.org\nBob,bob@example.org', "Line 2 has a quote"),
        ("name,email\nAna\xe9".encode("latin-1"), "not UTF-8"),
        (b"name,email\n" + b"x" * (10 * 1024 * 1024), "larger than 10 MB"),
        ("name,email\n" + '"' + "x" * 200_000 + '",a@example.org', "Line 2"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(source: str | bytes, message: str) -> None:
    with pytest.raises(Mistake, match=message):
        importing.read(source)


CELL = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=8), st.sampled_from(",;\t"))
def test_every_line_is_taken_or_rejected_whatever_it_holds(rows: list[list[str]], separator: str) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator)
    writer.writerow(["name", "email", "team"])
    writer.writerows([name, f"p{number}@example.org", team] for number, (name, _, team) in enumerate(rows))
    lines, rejected = importing.read(file.getvalue())
    assert len(lines) + len(rejected) == len(rows)


@given(st.one_of(st.text(), st.binary()))
def test_any_bytes_are_read_or_refused(source: str | bytes) -> None:
    with suppress(Mistake):
        importing.read(source)


async def test_the_dry_run_tells_what_the_import_then_does(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (tx, world.organization, world.workspace)
        ana = await world.person(tx, "Ana", team="Design", zone="Asia/Tokyo")
        await world.person(tx, "Bob")
        eve = await world.person(tx, "Eve", member=False)
        text = (
            "name,email,team,zone\nAnna,ana@example.org,,Europe/Paris\nBob,bob@example.org,,\n"
            "Eve,eve@example.org,,\nNew,new@example.org,Sales,\nBad,bad,,\n"
        )
        before = await world.dump(tx)
        planned = await importing.plan(*of, text)
        assert await world.dump(tx) == before
        assert [line.number for line in planned.added] == [5]
        assert [(one.person, dict(one.fields)) for one in planned.changed] == [
            (ana, {"name": ("Ana", "Anna"), "zone": ("Asia/Tokyo", "Europe/Paris")}),
            (eve, {"membership": (None, "member")}),
        ]
        assert [line.number for line in planned.unchanged] == [3]
        assert [number for number, _ in planned.rejected] == [6]

        assert await importing.apply(world.runtime, *of, text, actor="root") == planned
        found = {one.name: one for one in await stored.members(tx, world.organization, world.workspace)}
        assert set(found) == {"Anna", "Bob", "Eve", "New"}
        assert (found["Anna"].team, found["Anna"].zone) == ("Design", "Europe/Paris")
        assert (found["New"].team, found["New"].zone, found["New"].languages) == ("Sales", "Europe/Madrid", ("es",))
        again = await importing.plan(*of, text)
        assert ([*again.added], [*again.changed], len(again.unchanged)) == ([], [], 4)
        last = (await tx.execute(sa.select(tables.audit).order_by(tables.audit.c.sequence.desc()).limit(1))).one()
        assert (last.verb, last.detail) == ("people.import", {"added": 1, "changed": 2, "rejected": 1})


async def test_a_merged_persons_address_means_the_person_that_is_kept(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        kept, gone = await world.person(tx, "Ana"), await world.person(tx, "Anna")
        await merging.merge(world.runtime, tx, world.organization, kept=kept, gone=gone, actor="root")
        text = "name,email\nAna,anna@example.org\nAna,ana@example.org\n"
        planned = await importing.plan(tx, world.organization, world.workspace, text)
        assert [line.email for line in planned.unchanged] == ["anna@example.org"]
        assert [number for number, _ in planned.rejected] == [3]


async def test_another_organizations_workspace_takes_nobody(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        other = await people.create_organization(world.runtime, tx, name="Other", actor="test")
        with pytest.raises(Mistake, match="no such workspace"):
            await importing.apply(world.runtime, tx, other, world.workspace, HEAD, actor="root")


async def test_ten_thousand_lines_are_imported(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        text = HEAD + "".join(f"P{n},p{n}@example.org,Europe/Paris,en,,T{n % 40},,,,,\n" for n in range(10_000))
        await importing.apply(world.runtime, tx, world.organization, world.workspace, text, actor="root")
        assert len(await stored.members(tx, world.organization, world.workspace)) == 10_000
