"""The contract classes, kept by the Teams ports against the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import TypeVar

import pytest

from tertulia import (
    DirectoryPort,
    OperatorError,
    OutcomeUnknown,
    ParticipationPort,
    Place,
    Platform,
    Recipient,
    Reply,
    ReplyPort,
    RetryLater,
    RitualPort,
    SurveyPort,
    Unreachable,
)
from tertulia.domain.markup import Markup
from tertulia.testing.context import EPOCH, FakeContext
from tertulia.testing.contracts import (
    RETRY_AT,
    RETRY_SECONDS,
    DirectoryPortContract,
    ParticipationPortContract,
    ReplyPortContract,
    RitualPortContract,
    Stand,
    SurveyPortContract,
    Trouble,
)
from tertulia.testing.samples import sample_prompt
from tertulia_teams.config import Settings
from tertulia_teams.ports import Outbound
from tertulia_teams.references import Reference
from tertulia_teams.stand_in.faults import (
    Api,
    Fault,
    bad_answer,
    blocked,
    error_after,
    hang,
    refusal,
    reset,
    too_many,
)
from tertulia_teams.stand_in.server import StandIn

T = TypeVar("T")
FAULTS: dict[Trouble, Fault] = {
    "too_many": too_many(),
    "too_many_seconds": too_many(RETRY_SECONDS),
    "too_many_instant": too_many(RETRY_AT),
    "error_before": refusal(500),
    "error_after": error_after(),
    "bad_gateway": refusal(502),
    "unavailable": refusal(503),
    "hang": hang(carried_out=True),
    "reset_before": reset(carried_out=False),
    "reset_after": reset(carried_out=True),
    "bad_answer": bad_answer(),
    "forbidden": blocked(),
    "unauthorized": refusal(401),
}


def recipient(user: str) -> Recipient:
    return Recipient(ref=user, address={"user": user}, language="en", zone="UTC")


@asynccontextmanager
async def outbound(timeout: float = 20, **settings: object) -> AsyncIterator[tuple[StandIn, Outbound]]:
    async with StandIn() as stand_in:
        known = Settings.model_validate(stand_in.settings(timeout=timeout, **settings))
        async with FakeContext(settings=known, plugin="teams") as context:
            yield stand_in, Outbound(context)


@asynccontextmanager
async def stand(
    choose: Callable[[Platform], T | None], patience: float, api: Api = "connector"
) -> AsyncIterator[Stand[T]]:
    async with outbound(patience) as (stand_in, out):
        people = [
            stand_in.tenant.add_person(f"Member {n}", f"m{n}@example.org", guest=n % 5 == 0, has_app=True)
            for n in range(250)
        ]
        channel, _ = stand_in.tenant.add_team("Crew", ["General", "Water"], people[:20])
        channel.has_app = True
        weekly = stand_in.tenant.add_meeting("Weekly", people[0], people[:20])
        other = stand_in.tenant.add_meeting("Other", people[1], people[:20])
        for meeting in (weekly, other):
            await out.reach.meeting_seen(stand_in.writer.meeting("Start", meeting, EPOCH))
            for week in range(3):
                start = EPOCH + timedelta(days=7 * week)
                end = start + timedelta(hours=1)
                times = [(one.id, start + timedelta(seconds=n), end) for n, one in enumerate(people[:120])]
                meeting.reports.append((start, end, times))

        def meet(trouble: Trouble) -> bool:
            if api == "graph" and trouble == "forbidden":
                return False  # Graph refuses apps, not readers: see the test of permissions
            stand_in.faults.add(api, FAULTS[trouble])
            return True

        port = choose(out.platform)
        assert port is not None
        here = Place(platform="teams", ref=channel.id, kind="channel")
        yield Stand(
            port=port,
            meet=meet,
            carried_out=lambda: len([one for one in stand_in.arrivals("connector") if one.method != "GET"]),
            recipient=recipient(people[0].id),
            place=here if api == "connector" else Place(platform="teams", ref=weekly.chat, kind="meeting"),
        )


class TestSurveys(SurveyPortContract):
    def stand(self) -> AbstractAsyncContextManager[Stand[SurveyPort]]:
        return stand(lambda platform: platform.survey, self.patience)


class TestRituals(RitualPortContract):
    def stand(self) -> AbstractAsyncContextManager[Stand[RitualPort]]:
        return stand(lambda platform: platform.ritual, self.patience)


class TestReplies(ReplyPortContract):
    @asynccontextmanager
    async def stand(self) -> AsyncIterator[Stand[ReplyPort]]:
        async with outbound(self.patience) as (stand_in, out):
            person = stand_in.tenant.add_person("Ana", "ana@example.org", has_app=True)
            chat = Reference(service_url=stand_in.service_url, conversation=stand_in.tenant.chat(person).id)
            await out.connector.send(chat, {"type": "message", "text": "so that there is a token"})
            self.reply_to = str(chat)

            def meet(trouble: Trouble) -> bool:
                stand_in.faults.add("connector", FAULTS[trouble])
                return True

            assert out.platform.replies is not None
            yield Stand(
                port=out.platform.replies,
                meet=meet,
                carried_out=lambda: len(stand_in.arrivals("connector")),
                recipient=recipient(person.id),
                place=Place(platform="teams", ref="19:x@thread.tacv2", kind="channel"),
            )


class TestDirectory(DirectoryPortContract):
    def stand(self) -> AbstractAsyncContextManager[Stand[DirectoryPort]]:
        return stand(lambda platform: platform.directory, self.patience, "graph")


class TestParticipation(ParticipationPortContract):
    def stand(self) -> AbstractAsyncContextManager[Stand[ParticipationPort]]:
        return stand(lambda platform: platform.participation, self.patience, "graph")


async def test_a_member_without_the_app_gets_it_before_the_first_question() -> None:
    async with outbound() as (stand_in, out):
        person = stand_in.tenant.add_person("Ana", "ana@example.org")
        survey = out.platform.survey
        assert survey is not None
        ref = await survey.ask(recipient(person.id), sample_prompt(), "k")
        assert person.has_app
        assert len(stand_in.cards(person)) == 1
        assert Reference.parse(ref).user == person.id
        await survey.ask(recipient(person.id), sample_prompt(), "k2")
        created = [one for one in stand_in.journal if one.path == "/connector/v3/conversations"]
        # asked once without the app, once with it, and never again
        assert [one.status for one in created] == [403, 201]


async def test_without_proactive_installation_such_a_member_is_unreachable() -> None:
    async with outbound(install=False) as (stand_in, out):
        person = stand_in.tenant.add_person("Ana", "ana@example.org")
        survey = out.platform.survey
        assert survey is not None
        with pytest.raises(Unreachable):
            await survey.ask(recipient(person.id), sample_prompt(), "k")
        assert not person.has_app


async def test_who_blocked_the_bot_has_no_address_until_they_return() -> None:
    async with outbound() as (stand_in, out):
        person = stand_in.tenant.add_person("Ana", "ana@example.org", has_app=True)
        survey, directory = out.platform.survey, out.platform.directory
        assert survey is not None
        assert directory is not None
        person.blocked = True
        with pytest.raises(Unreachable):
            await survey.ask(recipient(person.id), sample_prompt(), "k")
        (batch,) = [batch async for batch in directory.members(None)]
        assert [member.address for member in batch.items] == [None]
        chat = stand_in.tenant.chat(person)
        await out.reach.installed(stand_in.writer.installation("add", chat, person))
        (batch,) = [batch async for batch in directory.members(None)]
        assert [member.address for member in batch.items] == [{"user": person.id}]


async def test_an_app_that_is_not_in_the_catalog_is_for_the_operator() -> None:
    async with outbound() as (stand_in, out):
        stand_in.tenant.catalog = None
        person = stand_in.tenant.add_person("Ana", "ana@example.org")
        survey = out.platform.survey
        assert survey is not None
        with pytest.raises(OperatorError, match="upload the package"):
            await survey.ask(recipient(person.id), sample_prompt(), "k")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refusal(412), RetryLater),
        (refusal(502, after=1), RetryLater),
        (refusal(504, after=1), RetryLater),
        (refusal(504), OutcomeUnknown),
        (refusal(408), OutcomeUnknown),
        (refusal(413), OperatorError),
        (refusal(400), OperatorError),
        (refusal(404), Unreachable),
        (refusal(403, "BotDisabledByAdmin"), OperatorError),
        (refusal(403, "MessageWritesBlocked"), Unreachable),
        (Fault(status=302), OperatorError),
    ],
)
async def test_each_answer_of_the_connector_means_one_thing(fault: Fault, error: type[Exception]) -> None:
    async with outbound() as (stand_in, out):
        person = stand_in.tenant.add_person("Ana", "ana@example.org", has_app=True)
        chat = await out.reach.chat(person.id)
        stand_in.faults.add("connector", fault)
        with pytest.raises(error):
            await out.connector.send(chat, {"type": "message", "text": "hello"})


async def test_a_message_that_is_too_large_is_not_sent() -> None:
    async with outbound() as (stand_in, out):
        person = stand_in.tenant.add_person("Ana", "ana@example.org", has_app=True)
        chat = await out.reach.chat(person.id)
        before = len(stand_in.journal)
        with pytest.raises(OperatorError, match="larger than Teams takes"):
            await out.connector.send(chat, {"type": "message", "text": "é" * 45_000})
        assert len(stand_in.journal) == before


@pytest.mark.parametrize(
    "service_url",
    [
        "https://evil.example/teams/",
        "http://smba.trafficmanager.net/teams/",
        "http://127.0.0.1:9/connector/",
        "https://smba.trafficmanager.net@evil.example/",
        "https://smba.trafficmanager.net.evil.example/",
        "https://smba.trafficmanager.net:8443/teams/",
        "https://smba.trafficmanager.net/{0}/",
        "not a url",
        "https://[::1",
    ],
)
async def test_the_token_goes_to_no_other_service(service_url: str) -> None:
    async with outbound() as (stand_in, out):
        elsewhere = Reference(service_url=service_url, conversation="a:1")
        with pytest.raises(OperatorError):
            await out.connector.send(elsewhere, {"type": "message", "text": "hello"})
        assert stand_in.journal == []


async def test_the_rest_of_the_connector() -> None:
    async with outbound() as (stand_in, out):
        people = [stand_in.tenant.add_person(f"P{n}", f"p{n}@example.org", has_app=True) for n in range(3)]
        (general,) = stand_in.tenant.add_team("Crew", ["General"], people)
        general.has_app = True
        meeting = stand_in.tenant.add_meeting("Weekly", people[0], people)
        at = Reference(service_url=stand_in.service_url, conversation=general.id)
        only = {"type": "message", "text": "for you", "recipient": {"id": people[1].mri}}
        await out.connector.send(at, only, targeted=True)
        assert [one.only for one in stand_in.shown(general, to=people[1])] == [people[1].mri]
        assert stand_in.shown(general, to=people[2]) == []
        found = [member async for page, _ in out.connector.members(at) for member in page]
        assert [member["aadObjectId"] for member in found] == [person.id for person in people]
        role = await out.connector.meeting_participant(stand_in.service_url, meeting.id, people[0].id)
        assert role["meeting"]["role"] == "Organizer"
        mris = [people[0].mri, "29:nobody"]
        show = {"title": "Join in", "url": "https://tertulia.example/panel"}
        failed = await out.connector.notify_meeting(stand_in.service_url, meeting.id, mris, **show)
        assert failed == {"29:nobody"}


async def test_a_posting_is_closed_in_place_and_in_its_thread() -> None:
    async with outbound() as (stand_in, out):
        (general,) = stand_in.tenant.add_team("Crew", ["General"], [])
        general.has_app = True
        ritual = out.platform.ritual
        assert ritual is not None
        ref = await ritual.post(Place(platform="teams", ref=general.id, kind="channel"), sample_prompt(), "k")
        await ritual.close(ref, sample_prompt())
        posted, reply = stand_in.shown(general)
        assert posted.versions == 2
        assert reply.thread == posted.id


async def test_a_private_reply_does_not_go_into_a_channel() -> None:
    async with outbound() as (stand_in, out):
        person = stand_in.tenant.add_person("Ana", "ana@example.org", has_app=True)
        (general,) = stand_in.tenant.add_team("Crew", ["General"], [person])
        general.has_app = True
        replies = out.platform.replies
        assert replies is not None
        at = Reference(service_url=stand_in.service_url, conversation=general.id, user=person.id)
        await replies.reply(str(at), Reply(status="taken", text=Markup.literal("psst"), private=True))
        assert stand_in.shown(general) == []
        assert len(stand_in.cards(person)) == 1
        await replies.reply(str(at), Reply(status="taken", text=Markup.literal("all")))
        assert len(stand_in.shown(general)) == 1
        with pytest.raises(Unreachable):
            await replies.reply("nonsense", Reply(status="taken"))


async def test_an_introduction_goes_on_where_it_stopped() -> None:
    async with outbound() as (stand_in, out):
        people = [stand_in.tenant.add_person(f"P{n}", f"p{n}@example.org", has_app=True) for n in range(3)]
        group = tuple(recipient(person.id) for person in people)
        ritual = out.platform.ritual
        assert ritual is not None
        for person in people:
            await out.reach.chat(person.id)
        # three members are looked up, one is written to, the next send meets the limit
        stand_in.faults.add("connector", None, None, None, None, too_many(1))
        with pytest.raises(RetryLater):
            await ritual.gather(group, sample_prompt(), "k")
        assert await ritual.gather(group, sample_prompt(), "k")
        assert [len(stand_in.cards(person)) for person in people] == [1, 1, 1]
        assert "l/chat/0/0?users=p0@example.org,p1@example.org,p2@example.org" in str(
            stand_in.cards(people[0])[0].activity
        )


async def test_the_directory_tells_guests_and_who_left() -> None:
    async with outbound(guests="contractor") as (stand_in, out):
        tenant = stand_in.tenant
        ana = tenant.add_person("Ana", "ana@example.org", language="pt-PT", department="Crew")
        tenant.add_person("Bea", "bea@elsewhere.example", guest=True)
        tenant.add_person("Cyd", "cyd@example.org", employee_type="Freelancer")
        directory = out.platform.directory
        assert directory is not None
        (batch,) = [batch async for batch in directory.members(None)]
        assert [member.worker_type for member in batch.items] == [None, "contractor", "freelancer"]
        first = batch.items[0]
        assert (first.email, first.directory_id, first.language) == ("ana@example.org", ana.id, "pt-PT")
        assert stand_in.endpoint.endswith("/messages")
        ana.enabled = False
        tenant.changes.append(ana.id)
        (later,) = [batch async for batch in directory.members(batch.cursor)]
        assert later.items == ()
        received = out.context.inbox.received
        assert [one.name for one in received] == ["left"]


async def test_groups_say_who_works_how_and_a_change_of_a_group_is_noticed() -> None:
    crew, guild = "aaaaaaaa-1111-4111-8111-111111111111", "bbbbbbbb-1111-4111-8111-111111111111"
    async with outbound(freelancers_group=crew, contractors_group=guild) as (stand_in, out):
        tenant = stand_in.tenant
        people = [tenant.add_person(f"P{number:03}", f"p{number}@example.org") for number in range(250)]
        guest = tenant.add_person("Zoe", "zoe@elsewhere.example", guest=True, employee_type="Vendor")
        tenant.groups = {crew: [one.id.upper() for one in people[:150]], guild: [people[0].id, "a-device"]}
        directory = out.platform.directory
        assert directory is not None

        async def told(cursor: str | None) -> tuple[dict[str, str | None], str]:
            batches = [batch async for batch in directory.members(cursor)]
            return {one.name: one.worker_type for batch in batches for one in batch.items}, batches[-1].cursor

        told_of, cursor = await told(None)
        assert [told_of[f"P{number:03}"] for number in (0, 1, 149, 150)] == [
            "contractor",
            "freelancer",
            "freelancer",
            "employee",
        ]
        assert told_of[guest.name] == "contractor"
        assert await told(cursor) == ({}, cursor), "nothing has changed"
        tenant.groups[crew].remove(people[1].id.upper())
        told_of, later = await told(cursor)
        assert (len(told_of), told_of["P001"]) == (251, "employee")
        assert later != cursor
        assert (await told(later))[0] == {}
        assert all("id" in one.path for one in stand_in.journal if "/groups/" in one.path and "skip" not in one.path)
        del tenant.groups[guild]
        with pytest.raises(OperatorError, match="contractors_group"):
            await told(later)


async def test_a_permission_that_is_missing_is_named() -> None:
    async with outbound() as (stand_in, out):
        directory = out.platform.directory
        assert directory is not None
        stand_in.faults.add("graph", refusal(403, "Authorization_RequestDenied"))
        with pytest.raises(OperatorError, match=r"User\.Read\.All"):
            await anext(aiter(directory.members(None)))


async def test_the_roster_is_a_directory_too() -> None:
    async with outbound(directory="roster") as (stand_in, out):
        people = [stand_in.tenant.add_person(f"P{n}", f"p{n}@example.org", has_app=True) for n in range(700)]
        crew = stand_in.tenant.add_team("Crew", ["General"], people)[0]
        deck = stand_in.tenant.add_team("Deck", ["General"], people[:50])[0]
        for channel in (crew, deck):
            channel.has_app = True
            await out.reach.installed(stand_in.writer.installation("add", channel, people[0]))
        chat = stand_in.tenant.chat(people[3])
        await out.reach.installed(stand_in.writer.installation("add", chat, people[3]))
        directory = out.platform.directory
        assert directory is not None
        batches = [batch async for batch in directory.members(None)]
        members = [member for batch in batches for member in batch.items]
        assert len({member.actor for member in members}) == len(members) == 700
        assert [member.name for member in members if member.address] == ["P3"]
        assert batches[-1].cursor == ""
        rest = [member async for batch in directory.members(batches[0].cursor) for member in batch.items]
        assert rest == members[500:]
