"""The Inbox: who answers what, once; facts of registered places only; commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tertulia.capabilities import Command
from tertulia.domain.identifiers import new_id
from tertulia.domain.participation import Interaction, Participation
from tertulia.domain.people import Actor, Member, Place
from tertulia.domain.prompts import Reply
from tertulia.errors import Mistake
from tertulia.services import codes, people
from tertulia.storage import tables, ties

NOW = datetime.fromisoformat("2026-11-04T12:00:00+00:00")
HERE = Place(platform="toy", ref="carried", kind="channel")


def actor(user: str) -> Actor:
    return Actor(platform="toy", realm="realm", user=user)


def said(reply: Reply) -> str:
    return reply.text.plain() if reply.text else ""


async def ask(station: Any, name: str, *args: str, user: str = "ana", key: str | None = None, **fields: Any) -> Reply:
    command = Command(name=name, actor=actor(user), args=args, **fields)
    reply: Reply = await station.live.context.inbox.command(command, key or new_id())
    return reply


async def test_an_answer_is_taken_once_and_can_be_changed(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        ana, round_id = await station.person("ana"), await station.round()
        inbox, token = station.live.context.inbox, station.token(round_id, ana)
        first = [await inbox.answered(token, actor("ana"), {"text": "fine"}, "e1") for _ in range(2)]
        assert [reply.status for reply in first] == ["taken", "taken"]
        assert (await inbox.answered(token, actor("ana"), {"text": "tired"}, "e2")).status == "changed"
        late = await inbox.answered(token, actor("ana"), {"text": "fine"}, "e1")
        assert late.status == "taken"
        (row,) = await station.rows(tables.response)
        assert (row["values"], row["person_id"], row["platform"]) == ({"text": "tired"}, ana, "toy")


async def test_a_token_is_checked_against_actor_and_organization(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        ana, round_id = await station.person("ana"), await station.round()
        await station.person("bo")
        await station.person("guest", member=False)
        inbox = station.live.context.inbox
        shared = station.token(round_id, None)
        cases = [
            (station.token(round_id, ana), "bo", "refused"),
            (station.token(round_id, ana), "stranger", "unknown_actor"),
            (station.token(round_id, ana, organization=new_id()), "ana", "refused"),
            ("no token", "ana", "refused"),
            ("", "ana", "refused"),
            (shared, "guest", "refused"),
            (shared, "bo", "taken"),
        ]
        for token, user, status in cases:
            reply = await inbox.answered(token, actor(user), {"text": "x"}, new_id())
            assert (user, reply.status) == (user, status)
        assert [row["person_id"] for row in await station.rows(tables.response)] == [station.persons["bo"]]
        unresolved = [row["user"] for row in await station.rows(tables.identity) if row["person_id"] is None]
        assert unresolved == ["stranger"]


async def test_an_account_is_joined_to_whom_the_platform_proved(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        ana, bo = await station.person("ana"), await station.person("bo")
        inbox = station.live.context.inbox
        for _ in range(2):
            await inbox.linked(actor("ana-elsewhere"), ana)
        with pytest.raises(Mistake, match="another person"):
            await inbox.linked(actor("ana-elsewhere"), bo)
        with pytest.raises(Mistake, match="no such person"):
            await inbox.linked(actor("stray"), new_id())
        (row,) = [row for row in await station.rows(tables.identity) if row["user"] == "ana-elsewhere"]
        assert (row["person_id"], row["verified"]) == (ana, "oauth")


async def test_a_ballot_leaves_no_other_trace(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        ana, round_id = await station.person("ana"), await station.round("mood")
        before = {table.name: await station.rows(table) for table in _tenant_tables()}
        token = station.token(round_id, ana)
        for key in ("e1", "e1", "e2"):
            reply = await station.live.context.inbox.answered(token, actor("ana"), {"text": "low"}, key)
            assert reply.status in ("taken", "changed")
            assert reply.private
        async with station.database.read() as tx:
            assert len((await tx.execute(tables.ballot.select())).all()) == 1
        assert {table.name: await station.rows(table) for table in _tenant_tables()} == before


def _tenant_tables() -> list[Any]:
    return [table for table in tables.metadata.sorted_tables if "organization_id" in table.c]


async def test_participation_is_kept_for_registered_places_only(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        await station.place("carried")
        ana, round_id = await station.person("ana"), await station.round()
        inbox = station.live.context.inbox
        stay = Participation(actor=actor("ana"), place=HERE, kind="attended", started=NOW)
        facts = [
            stay,
            Participation(actor=actor("nobody"), place=HERE, kind="reacted", started=NOW),
            Participation(
                actor=actor("ana"),
                place=Place(platform="toy", ref="else", kind="chat"),
                kind="attended",
                started=NOW,
            ),
            Participation(actor=actor(""), place=HERE, kind="attended", started=NOW),
        ]
        await asyncio.gather(*(inbox.participated(facts, "e1") for _ in range(5)))
        ended = Participation(
            actor=actor("ana"), place=HERE, kind="attended", started=NOW, ended=NOW + timedelta(hours=1)
        )
        await inbox.participated([ended], "e2")
        await inbox.participated([stay], "e3")
        rows = {row["kind"]: row for row in await station.rows(tables.participation)}
        assert {kind: row["person_id"] for kind, row in rows.items()} == {"attended": ana, "reacted": None}
        assert rows["attended"]["ended_at"] == NOW + timedelta(hours=1)
        assert {row["round_id"] for row in rows.values()} == {round_id}
        assert rows["reacted"]["identity_id"] is not None


async def test_a_session_carries_its_round_to_its_place(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        await station.place("meeting")
        ana, round_id = await station.person("ana"), await station.round()
        (place,) = await station.rows(tables.place)
        async with station.database.write() as tx:
            row = {"organization_id": station.organization, "id": new_id(), "round_id": round_id}
            await tx.execute(tables.session.insert().values(**row, place_id=place["id"], host_id=ana, state="asking"))
        where = Place(platform="toy", ref="meeting", kind="meeting")
        fact = Participation(actor=actor("ana"), place=where, kind="attended", started=NOW)
        await station.live.context.inbox.participated([fact], "e1")
        assert [row["round_id"] for row in await station.rows(tables.participation)] == [round_id]


async def test_ties_add_up_by_week(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        ana, bo = await station.person("ana"), await station.person("bo")
        inbox = station.live.context.inbox

        def tie(target: str, weight: float = 1.0, at: datetime = NOW) -> Interaction:
            return Interaction(source=actor("ana"), target=actor(target), kind="kudos", at=at, weight=weight)

        dropped = [tie("ana"), tie("nobody"), tie("bo", float("nan")), tie("bo", -1), tie("bo", float("inf"))]
        await asyncio.gather(*(inbox.interacted([tie("bo"), tie("bo"), *dropped], "e1") for _ in range(5)))
        await inbox.interacted(
            [tie("bo", 0.5, NOW + timedelta(hours=1)), tie("bo", 2, NOW + timedelta(days=7))], "e2"
        )
        rows = await station.rows(tables.interaction)
        ends = tuple(ties.end(station.runtime.vault, station.organization, one) for one in (ana, bo))
        assert {(row["source_id"], row["target_id"]) for row in rows} == {ends}
        assert {row["week"]: row["weight"] for row in rows} == {"2026-W45": 2.5, "2026-W46": 2.0}


async def test_accounts_come_go_and_say_how_they_are_reached(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        ana = await station.person("ana")
        inbox = station.live.context.inbox
        member = Member(actor=actor("ana-2"), name="Ana", email="ana@example.org", address={"chat": "2"})
        for _ in range(2):
            await inbox.joined(member, "e1")
        async with station.database.read() as tx:
            query = tables.identity.select().filter_by(organization_id=station.organization, user="ana-2")
            joined = (await tx.execute(query)).one()
        assert (joined.person_id, joined.reachable) == (ana, True)
        await inbox.left(actor("ana-2"), "e2")
        await inbox.joined(member, "e1")
        await inbox.reachable(actor("ana"), {"chat": "new"})
        await inbox.reachable(actor("ana"), {"chat": "new"})
        rows = {row["user"]: row for row in await station.rows(tables.identity)}
        assert not rows["ana-2"]["reachable"]
        assert rows["ana"]["address"] == {"chat": "new"}


async def test_help_needs_no_account(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        reply = await ask(station, "help", user="anybody")
        assert reply.status == "taken"
        assert all(word in said(reply) for word in ("check-in", "kudos", "snooze", "stop", "link"))
        assert await station.rows(tables.identity) == []
        assert (await ask(station, "snooze", user="anybody")).status == "unknown_actor"
        assert (await ask(station, "snooze", user="x" * 300)).status == "unknown_actor"


async def test_snooze_once(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.person("ana")
        first = await ask(station, "snooze", "3", key="e1")
        station.clock.advance(timedelta(hours=5))
        again = await ask(station, "snooze", "3", key="e1")
        assert said(first) == said(again)
        (row,) = await station.rows(tables.person)
        assert row["snoozed_until"] == NOW + timedelta(days=3)
        assert (await ask(station, "snooze", "2026-12-24")).status == "taken"
        (row,) = await station.rows(tables.person)
        assert row["snoozed_until"].isoformat() == "2026-12-23T23:00:00+00:00", "midnight where the person is"
        for wrong in ("till pigs fly", "0", "99999", "0001-01-01", "9999-12-31"):
            assert (await ask(station, "snooze", wrong)).status == "refused"


async def test_stop_one_practice_or_all(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        await station.person("ana")
        assert (await ask(station, "stop", "daily CHECK-IN", key="e1")).status == "taken"
        refused = await ask(station, "stop", "<b>chess</b>")
        assert refused.status == "refused"
        assert "Daily check-in" in said(refused)
        assert [row["practice"] for row in await station.rows(tables.opt_out)] == ["daily"]
        await ask(station, "stop")
        assert {row["practice"] for row in await station.rows(tables.opt_out)} == {"daily", "*"}


async def test_link_by_code(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        ana = await station.person("ana")
        async with station.database.write() as tx:
            code = await codes.issue(station.runtime, tx, station.organization, ana, "link")
        assert (await ask(station, "link", "12345678", user="phone")).status == "refused"
        for _ in range(2):
            assert (await ask(station, "link", code, user="phone", key="e1")).status == "taken"
        rows = {row["user"]: row["person_id"] for row in await station.rows(tables.identity)}
        assert rows["phone"] == ana


async def test_pages_are_pointed_to_in_private(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.person("ana")
        for name in ("my data", "settings"):
            reply = await ask(station, name, place=HERE)
            assert reply.private
            assert station.runtime.config.public_url in said(reply)


@pytest.mark.parametrize("name", ["kudos", "icebreaker"])
async def test_what_the_program_has_not_is_said_plainly(open_station: Callable[[], Any], name: str) -> None:
    async with open_station() as station:
        await station.program()
        await station.person("ana")
        reply = await ask(station, name)
        assert reply.status == "refused"
        assert "not enabled in this workspace" in said(reply)


async def test_a_candle_in_public_is_answered_in_private(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        await station.person("ana")
        reply = await ask(station, "candle", place=HERE)
        assert reply.private
        assert "in private" in said(reply)


async def test_a_ritual_command_opens_the_running_round(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        await station.person("ana")
        assert (await ask(station, "check-in")).status == "closed"
        round_id = await station.round()
        reply = await ask(station, "check-in")
        assert reply.prompt is not None
        assert (reply.prompt.id, reply.private) == (round_id, True)
        token = next(action.token for action in reply.prompt.actions if action.verb == "answer")
        await station.live.context.inbox.answered(token, actor("ana"), {"text": "fine"}, "e1")
        again = await ask(station, "check-in")
        assert again.prompt is not None
        assert again.prompt.fields[0].value == "fine"


async def test_the_workspace_comes_from_the_place_or_is_asked_for(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        await station.place("carried")
        ana, _ = await station.person("ana"), await station.person("guest", member=False)
        round_id = await station.round()
        assert (await ask(station, "check-in", user="guest")).status == "refused"
        assert (await ask(station, "check-in", user="guest", place=HERE)).status == "refused"
        async with station.database.write() as tx:
            other = await people.create_workspace(
                station.runtime, tx, station.organization, name="Other", actor="test"
            )
            row = {"organization_id": station.organization, "workspace_id": other, "person_id": ana}
            await tx.execute(tables.membership.insert().values(**row, joined_at=NOW))
        assert "several workspaces" in said(await ask(station, "check-in"))
        there = await ask(station, "check-in", place=HERE)
        assert there.prompt is not None
        assert there.prompt.id == round_id


async def test_an_unknown_command_is_answered_with_a_hint(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.person("ana")
        assert "Did you mean kudos?" in said(await ask(station, "unknown", "kudos"))
        assert "Did you mean" not in said(await ask(station, "<script>", "kudos"))
