"""A person sees all that is held about them and nothing of others; after an erasure nothing is left to see."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.people import Actor, Member
from tertulia.errors import Mistake
from tertulia.services import codes, identities, merging, my_data, people, preferences
from tertulia.storage import audit, tables
from tertulia.storage import people as stored
from tertulia.storage.database import Tx
from tertulia.surveys.ballots import ballot_id

OpenWorld = Callable[[], Any]
NAMED, SURVEY, OLD_SURVEY = "1" * 32, "2" * 32, "3" * 32


async def rounds(world: Any, tx: Tx, both: tuple[str, str]) -> None:
    """Make a named round, an open survey and a closed one, and address them to *both*."""
    of, now = {"organization_id": world.organization}, world.clock.now()
    people_in_content = {"pairs": [list(both)], "question": "Coffee?"}
    for one, confidential, state in ((NAMED, False, "open"), (SURVEY, True, "open"), (OLD_SURVEY, True, "closed")):
        row = {**of, "id": one, "workspace_id": world.workspace, "practice": f"practice-{one[0]}", "kind": "k"}
        more = {"program_version": 1, "state": state, "confidential": confidential, "content": people_in_content}
        await tx.execute(tables.round_table.insert().values(**row, **more, occurrence=one, opens_at=now))
        shard = {**of, "id": one, "round_id": one, "purpose": "invitation", "origin": now, "due": now, "size": 2}
        await tx.execute(tables.shard.insert().values(**shard, state="started", epoch=1, lease_until=0.0))


async def fill(world: Any, tx: Tx, person: str, other: str, seq: int) -> None:
    """Leave a trace of *person* in every table that can hold one."""
    of, now = (world.runtime, tx, world.organization), world.clock.now()
    known = await stored.person(tx, world.organization, person)
    assert known is not None
    actor = Actor(platform="teams", realm="t", user=f"account-of-{person}")
    member = Member(actor=actor, name="?", email=known.email, address={"mail": known.email})
    account = await identities.take_member(*of, world.workspace, member)
    assert account.person == person
    await people.grant(*of, world.workspace, person, "host", actor=other)
    await preferences.opt_out(*of, person, "quiz")
    await codes.issue(*of, person, "sign_in")
    mine: dict[str, Any] = {"organization_id": world.organization, "person_id": person}
    soon = now + timedelta(days=1)
    await tx.execute(tables.budget.insert().values(**mine, week="2026-W10", used=2))
    seat = {"workspace_id": world.workspace, "practice": "café", "group_number": 1, "served": 0.5, "at": now}
    await tx.execute(tables.match_history.insert().values(**mine, **seat, round_id=NAMED))
    await tx.execute(tables.link.insert().values(**mine, digest=f"l{person}", round_id=NAMED, expires_at=soon))
    await tx.execute(tables.web_session.insert().values(**mine, digest=f"s{person}", expires_at=soon))
    await tx.execute(tables.respondent.insert().values(**mine, round_id=OLD_SURVEY, atom={"team": "Sales"}))
    await tx.execute(tables.measure_roster.insert().values(**mine, id="roster", atom={"team": "Sales"}, used_at=now))
    spell = {"start_date": "2024-01-01", "worker_type": "employee", "fte": 1.0, "origin": "import"}
    await tx.execute(tables.employment.insert().values(**mine, id=world.runtime.new_id(), **spell))
    given = {"values": {"text": f"words of {person}"}, "passed": False, "visibility": "me", "platform": "web"}
    await tx.execute(tables.response.insert().values(**mine, **given, round_id=NAMED, version=1, given_at=now))
    fact = {"id": world.runtime.new_id(), "workspace_id": world.workspace, "identity_id": account.id}
    await tx.execute(
        tables.participation.insert().values(**mine, **fact, kind="attended", platform="web", started_at=now)
    )
    of_tie = {"organization_id": world.organization, "workspace_id": world.workspace, "platform": "trello"}
    tie = {**of_tie, "week": "2026-W10", "source_id": person, "weight": 2.0}
    await tx.execute(tables.interaction.insert().values(**tie, kind="comment", target_id=other))
    await tx.execute(tables.interaction.insert().values(**tie, kind="kudos", target_id=f"{seq:032x}"))
    sent = {"organization_id": world.organization, "seq": seq, "purpose": "invitation", "target": "person"}
    how = {"identity_id": account.id, "platform": "teams", "attempts": 1, "next_at": 0.0, "ref": f"ref-{person}"}
    for one, state in ((NAMED, "sent"), (SURVEY, "planned"), (OLD_SURVEY, "sent")):
        row = {**sent, **how, "shard_id": one, "round_id": one, "recipient": person, "state": state}
        await tx.execute(tables.delivery.insert().values(row))
    session = {"organization_id": world.organization, "id": world.runtime.new_id(), "round_id": NAMED}
    grouped = {"state": "groups", "groups": {"rooms": [[person, other]]}}
    await tx.execute(tables.session.insert().values(**session, place_id="0" * 32, host_id=person, **grouped))
    sits = {"organization_id": world.organization, "session_id": session["id"], "round_id": NAMED, "arrived_at": now}
    await tx.execute(tables.seat.insert().values(**sits, ref=f"seat of {person}", identity_id=account.id))
    program = {"organization_id": world.organization, "workspace_id": world.workspace, "version": seq}
    text = {"document": "", "parsed": {}, "applied_by": person, "applied_at": now}
    await tx.execute(tables.program.insert().values(**program, **text))
    keys = world.runtime.keys.create(SURVEY)
    ballot = {"round_id": SURVEY, "id": ballot_id(keys.secret, person), "sealed": f"ballot {person}".encode()}
    await tx.execute(tables.ballot.insert().values(ballot))


async def scene(world: Any, tx: Tx) -> tuple[str, str]:
    ana = await world.person(tx, "Canaria", email="canaria@example.org", team="Feathers", location="Cage")
    bob = await world.person(tx, "Bob")
    await rounds(world, tx, (ana, bob))
    await fill(world, tx, ana, bob, 1)
    await fill(world, tx, bob, ana, 2)
    return ana, bob


async def test_a_person_sees_everything_and_nobody_else(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, bob = await scene(world, tx)
        held = await my_data.collect(world.runtime, tx, world.organization, ana)
        text = json.dumps(held)
        assert bob not in text
        assert "Bob" not in text
        assert "bob@example.org" not in text
        assert held["person"][0]["email"] == "canaria@example.org"
        assert held["accounts"][0]["user"] == f"account-of-{ana}"
        assert held["memberships"][0]["workspace"] == "Madrid"
        assert held["roles"][0]["role"] == "host"
        assert held["opt_outs"][0]["practice"] == "quiz"
        assert [(row["practice"], row["state"]) for row in held["messages"]] == [("practice-1", "sent")]
        assert held["responses"][0]["values"] == {"text": f"words of {ana}"}
        assert held["participation"][0]["kind"] == "attended"
        assert held["interactions"] == [
            {"kind": "comment", "week": "2026-W10", "given": 2.0, "received": 2.0},
            {"kind": "kudos", "week": "2026-W10", "given": 2.0, "received": 0.0},
        ]
        verbs = {(row["verb"], row["actor"]) for row in held["audit"]}
        assert {("role.grant", "another person"), ("role.grant", "you"), ("person.add", "test")} <= verbs
        once = ("message_budget_used", "personal_links", "web_sessions", "codes", "account_changes")
        for section in (*once, "live_rounds_attended", "employment", "counted_in_measures"):
            assert len(held[section]) == 1


async def test_of_surveys_only_what_is_known_is_told(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, _ = await scene(world, tx)
        held = await my_data.collect(world.runtime, tx, world.organization, ana)
        assert [(row["round"], row["answered"]) for row in held["surveys"]] == [
            (SURVEY, "not known to us while the round is open"),
            (OLD_SURVEY, True),
        ]
        assert [row["counted_by"] for row in held["surveys"]] == [{}, {"team": "Sales"}]
        assert "ballot" not in json.dumps(held)


async def test_after_an_erasure_no_table_knows_the_person(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, _ = await scene(world, tx)
        before = await world.dump(tx)
        assert sum(ana in repr(rows) for rows in before.values()) >= 18
        await my_data.erase(world.runtime, tx, world.organization, ana, actor=ana)
        after = await world.dump(tx)
        for name, rows in after.items():
            text = repr(rows)
            for canary in ("Canaria", "canaria@", "Feathers", "Cage"):
                assert canary not in text, (name, canary)
            if name not in ("tombstone", "audit", "person"):
                assert ana not in text, name
        (row,) = [row for row in after["person"] if row["id"] == ana]
        assert (row["name"], row["email"], row["erased_at"]) == ("", None, world.clock.now())
        assert [row["person_id"] for row in after["tombstone"]] == [ana]
        assert await audit.verify(tx, world.runtime.vault) == []
        entry = (await tx.execute(sa.select(tables.audit).order_by(tables.audit.c.sequence.desc()).limit(1))).one()
        assert (entry.verb, entry.subject, entry.detail) == ("person.erase", ana, {})


async def test_another_persons_data_is_untouched(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, bob = await scene(world, tx)
        before = await world.dump(tx)
        await my_data.erase(world.runtime, tx, world.organization, ana, actor=ana)
        after = await world.dump(tx)
        shared = {"interaction", "round", "session", "audit"}
        for name, rows in before.items():
            if name not in shared:
                theirs = [row for row in rows if bob in repr(row)]
                assert [row for row in after[name] if bob in repr(row)] == theirs, name
        assert after["round"][0]["content"]["pairs"][0][1] == bob
        secret = world.runtime.keys.find(SURVEY).secret
        assert [row["id"] for row in after["ballot"]] == [ballot_id(secret, bob)]


async def test_counts_and_the_ledger_stay_under_one_id_that_leads_nowhere(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, bob = await scene(world, tx)
        await my_data.erase(world.runtime, tx, world.organization, ana, actor=ana)
        sent = (await tx.execute(sa.select(tables.delivery).where(tables.delivery.c.recipient != bob))).all()
        assert len(sent) == 3
        (nobody,) = {row.recipient for row in sent}
        assert {(row.round_id, row.state) for row in sent} == {
            (NAMED, "sent"),
            (SURVEY, "skipped"),
            (OLD_SURVEY, "sent"),
        }
        assert {row.ref for row in sent} == {None}
        ledger = (await tx.execute(sa.select(tables.respondent.c.person_id))).scalars()
        assert set(ledger) == {nobody, bob}
        assert nobody != ana


async def test_whoever_was_merged_is_shown_and_erased_too(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        of = (world.runtime, tx, world.organization)
        ana, bob = await scene(world, tx)
        twin = await world.person(tx, "Canarita", email="canarita@example.org")
        await merging.merge(*of, kept=twin, gone=ana, actor="root")
        held = await my_data.collect(*of, ana)
        assert [row["id"] for row in held["person"]] == [twin, ana]
        assert len(held["responses"]) == 1
        await my_data.erase(*of, ana, actor="root")
        after = await world.dump(tx)
        for name, rows in after.items():
            assert "anari" not in repr(rows), name
            if name not in ("tombstone", "audit", "person"):
                assert ana not in repr(rows), name
                assert twin not in repr(rows), name
        assert {row["person_id"] for row in after["tombstone"]} == {ana, twin}
        assert any(row["id"] == bob and row["name"] == "Bob" for row in after["person"])


async def test_an_erasure_survives_a_restore(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, _ = await scene(world, tx)
        # a backup from before the erasure, with the tombstone that was kept beside it
        stone = {"organization_id": world.organization, "person_id": ana, "erased_at": world.clock.now()}
        await tx.execute(tables.tombstone.insert().values(stone))
        assert await my_data.reapply_tombstones(world.runtime, tx) == 1
        assert "canaria@" not in repr(await world.dump(tx))
        assert await my_data.reapply_tombstones(world.runtime, tx) == 0


async def test_erasing_twice_or_elsewhere_does_nothing(open_world: OpenWorld) -> None:
    async with open_world() as world, world.database.write() as tx:
        ana, _ = await scene(world, tx)
        other = await people.create_organization(world.runtime, tx, name="Other", actor="test")
        before = await world.dump(tx)
        with pytest.raises(Mistake, match="no such person"):
            await my_data.erase(world.runtime, tx, other, ana, actor="root")
        with pytest.raises(Mistake, match="no such person"):
            await my_data.collect(world.runtime, tx, other, ana)
        assert await world.dump(tx) == before
        await my_data.erase(world.runtime, tx, world.organization, ana, actor="root")
        once = await world.dump(tx)
        await my_data.erase(world.runtime, tx, world.organization, ana, actor="root")
        assert await world.dump(tx) == once
