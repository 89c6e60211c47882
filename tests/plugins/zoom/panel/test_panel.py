"""What panels may do and see, asked over HTTP with the real core behind: hosts, members, guests, and the curious."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from tertulia.services import people
from tertulia.storage import tables
from tertulia_zoom.stand_in import faults

HANA, ANA, BEN, CYD = "Hana Ito", "Ana Sousa", "Ben Okafor", "Cyd Moreau"


@dataclass
class Asking:
    """Be the panel of one participant, without a page."""

    place: Any
    http: aiohttp.ClientSession
    person: Any
    token: str = ""
    last: dict[str, Any] = field(default_factory=dict)

    @property
    def seat(self) -> str:
        return str(self.person.stay.device)

    async def enter(self, **more: str) -> Asking:
        body = {"context": self.place.clients.context(self.person), "meeting": self.place.instance.number}
        told = await self.post("enter", body | more)
        self.token = told["pass"]
        return self

    async def post(self, act: str, body: dict[str, Any], expected: int = 200) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.http.post(f"{self.place.panel}/{act}", json=body, headers=headers) as answer:
            told: dict[str, Any] = await answer.json()
            assert answer.status == expected, (act, answer.status, told)
        return told

    async def news(self, **more: Any) -> dict[str, Any]:
        asked = {"seat": self.seat, "seen": self.last.get("seen", 0), "key": self.last.get("key", "")}
        self.last = self.last | await self.post("news", asked | more)
        return self.last

    async def fresh(self) -> dict[str, Any]:
        return await self.news(seen=0, key="")

    async def answer(self, text: str | None, expected: int = 200) -> dict[str, Any]:
        verb, values = ("pass", {}) if text is None else ("answer", {"answer": text})
        key = f"{self.seat}:{text}"
        return await self.post(
            "answer", {"seat": self.seat, "verb": verb, "values": values, "key": key[:90]}, expected
        )


OpenPanels = Callable[[Any], Any]


@asynccontextmanager
async def panels(place: Any) -> AsyncIterator[dict[str, Asking]]:
    """Open panels of the host, two members and a guest."""
    async with aiohttp.ClientSession() as http:
        who = {name: place.clients.join(place.instance, place.users[name]) for name in (HANA, ANA, BEN)}
        who["Gus"] = place.clients.join(place.instance, name="Gus")
        yield {name: await Asking(place, http, person).enter() for name, person in who.items()}


async def asked(host: Asking, **options: Any) -> str:
    """Start an icebreaker and ask everybody."""
    session = (await host.post("start", {"practice": "warm-up", "warmth": 1, **options}))["session"]
    await host.post("ask", {})
    return str(session)


async def test_a_question_is_the_host_s_alone_until_it_is_asked(open_gathering: Any) -> None:
    async with open_gathering() as place, panels(place) as open_:
        host, ana = open_[HANA], open_[ANA]
        assert [one["practice"] for one in (await host.fresh())["offers"]] == ["warm-up"]
        assert "offers" not in await ana.fresh()
        await host.post("start", {"practice": "warm-up", "warmth": 1, "length": "short", "size": "pair"})
        question = (await host.fresh())["question"]["text"]
        assert (await ana.fresh())["counts"]["state"] == "lobby"
        assert question not in str(ana.last)
        await host.post("ask", {})
        assert (await ana.fresh())["question"]["text"] == question
        (session,) = await rows(place, tables.session)
        (here,) = [row for row in await rows(place, tables.place) if row.id == session.place_id]
        assert (here.ref, here.origin) == (place.instance.number, "host"), "from now on the meeting yields facts"


async def rows(place: Any, table: Any) -> list[Any]:
    async with place.core.runtime.database.read() as tx:
        return list((await tx.execute(table.select())).all())


async def test_members_answer_under_their_name_and_guests_without(open_gathering: Any) -> None:
    async with open_gathering() as place, panels(place) as open_:
        host, ana, ben, gus = open_.values()
        await asked(host)
        for one in open_.values():
            await one.fresh()
        assert "under your name" in ana.last["question"]["recorded"]
        assert "without your name" in gus.last["question"]["recorded"]
        assert (await ana.answer("A kite"))["status"] == "taken"
        assert (await ana.answer("A kite"))["status"] == "taken", "a repeat is answered as before"
        assert (await ana.answer("A dragon"))["status"] == "changed"
        assert (await ben.answer(None))["status"] == "taken"
        assert (await gus.answer("Bread"))["status"] == "taken"
        assert (await gus.answer(""))["status"] == "refused"
        told = await host.fresh()
        assert (told["counts"]["answered"], told["counts"]["passed"], told["counts"]["guests"]) == (2, 1, 1)
        assert told["counts"]["shared"] == ["A dragon", "Bread"]
        assert (await ana.fresh())["counts"]["shared"] == ["A dragon", "Bread"]
        assert (await gus.fresh())["counts"]["shared"] == [], "what is shared is for the workspace"
        assert (await gus.news(member=True, seen=0))["counts"]["shared"] == [], "whatever a page says"
        assert (gus.last["mine"]["member"], gus.last["mine"]["answered"]) == (False, True)
        assert not any(name in str((ana.last, gus.last, host.last)) for name in ("Ben", "Gus"))
        responses = await rows(place, tables.response)
        assert {row.person_id for row in responses} == {place.people[ANA], place.people[BEN]}
        assert {row.platform for row in responses} == {"zoom"}
        await host.post("end", {})
        assert "A dragon" in (await ana.fresh())["summary"]["text"]
        assert (await gus.fresh())["summary"] is None


async def test_a_panel_speaks_for_its_own_seat_only(open_gathering: Any) -> None:
    async with open_gathering() as place, panels(place) as open_:
        host, ana, ben, gus = open_.values()
        await asked(host)
        for one in (ana, ben, gus):
            await one.fresh()
        assert (await gus.answer("Bread"))["status"] == "taken"
        another = await Asking(place, gus.http, gus.person).enter()  # the same seat, said by another panel
        for intruder, seat in ((another, gus.seat), (gus, ana.seat), (ben, ana.seat)):
            body = {"seat": seat, "verb": "answer", "values": {"answer": "Mine"}, "key": "k"}
            if intruder is not ben:
                await intruder.post("answer", body, 409)
            told = await intruder.post("news", {"seat": seat, "seen": 0, "key": ""})
            assert told["mine"]["elsewhere"] is True, "it only follows"
        assert (await host.fresh())["counts"]["shared"] == ["Bread"]


async def test_a_seat_that_no_database_could_hold_is_refused(open_gathering: Any) -> None:
    async with open_gathering() as place, panels(place) as open_:
        host, gus = open_[HANA], open_["Gus"]
        session = await asked(host)
        for seat in ("\ud800", "a\x00b"):
            await gus.post("news", {"seat": seat, "seen": 0, "key": f"{session}:known"}, 400)
            body = {"seat": seat, "verb": "answer", "values": {"answer": "Bread"}, "key": "k"}
            await gus.post("answer", body, 400)


async def test_a_pass_is_good_in_its_own_instance_of_a_meeting_only(open_gathering: Any) -> None:
    async with open_gathering() as place, panels(place) as before:
        place.server.meetings.end(place.instance)
        place.instance = place.server.meetings.start(place.instance.number)
        host = await Asking(place, before[HANA].http, place.clients.join(place.instance, place.users[HANA])).enter()
        await asked(host)
        await host.fresh()
        for name in ("Gus", ANA):
            assert "question" not in await before[name].fresh(), "the next meeting is none of theirs"
            await before[name].answer("Bread", 409)
        for act in ("turns", "end"):
            await before[HANA].post(act, {"seconds": 30}, 409)
        assert (await host.fresh())["counts"]["state"] == "asking"


async def test_a_guest_who_opens_the_panel_again_is_the_same(open_gathering: Any) -> None:
    async with open_gathering() as place, panels(place) as open_:
        host, gus = open_[HANA], open_["Gus"]
        await asked(host)
        again = [await Asking(place, gus.http, gus.person).enter(visitor="0" * 32) for _ in range(2)]
        await again[0].fresh()
        await again[0].answer("Bread")
        assert (await again[1].fresh())["mine"].get("elsewhere") is None
        assert again[1].last["mine"]["answered"] is True
        assert (await again[1].answer("Butter"))["status"] == "changed"
        unsaid = await Asking(place, gus.http, place.clients.join(place.instance, name="Una")).enter()
        await unsaid.fresh()
        anew = await Asking(place, gus.http, unsaid.person).enter()
        assert (await anew.fresh())["mine"].get("elsewhere") is None, "nothing was said from there yet"


async def test_who_hosts_a_meeting_needs_the_workspace_s_word_too(open_gathering: Any) -> None:
    async with open_gathering() as place, aiohttp.ClientSession() as http:
        co_host = place.clients.join(place.instance, place.users[ANA], role="coHost")
        ana = await Asking(place, http, co_host).enter()
        said = await ana.post("start", {"practice": "warm-up"}, 403)
        assert "ask an admin to give you the role" in said["error"]
        async with place.core.runtime.database.write() as tx:
            whose = (place.home.organization, place.home.workspace, place.people[ANA], "host")
            await people.grant(place.core.runtime, tx, *whose, actor="test")
        await ana.post("start", {"practice": "warm-up"})
        said = await ana.post("start", {"practice": "nothing"}, 409)
        assert "it has: warm-up" in said["error"]
        async with place.core.runtime.database.write() as tx:
            await people.revoke(place.core.runtime, tx, *whose, actor="test")
        await ana.post("ask", {}, 403)


async def test_turns_and_groups_go_by_what_the_meeting_calls_people(open_gathering: Any) -> None:
    async with open_gathering() as place, panels(place) as open_:
        host, ana, ben, gus = open_.values()
        late = place.clients.join(place.instance, place.users[CYD])
        await asked(host)
        for one in (ana, ben, gus):
            await one.fresh()
        seats = [one.seat for one in open_.values()] + [late.stay.device]
        await place.server.sender.quiet()
        await host.post("present", {"seats": seats})
        order = (await host.post("turns", {"seconds": 30}))["order"]
        assert sorted(order) == sorted(seats)
        assert {one.seat: (await one.fresh())["mine"]["turn"] for one in (ana, gus)} == {
            one.seat: order.index(one.seat) + 1 for one in (ana, gus)
        }
        assert ana.last["counts"]["turn"]["number"] == 1
        place.core.clock.advance(timedelta(seconds=31))
        await host.post("next", {"number": 1})
        assert (await host.fresh())["counts"]["turn"]["number"] == 2, "the clock was faster than the button"
        groups = (await host.post("groups", {"size": 2}))["groups"]
        assert sorted(len(group) for group in groups) == [2, 3]
        assert sorted(seat for group in groups for seat in group) == sorted(seats)
        mine = (await gus.fresh())["mine"]
        assert gus.seat in groups[mine["group"] - 1]
        assert len(await rows(place, tables.match_history)) == 3, "the guest and who did not open the panel have none"


async def test_whom_zoom_s_own_events_name_was_there_without_a_panel(open_gathering: Any) -> None:
    async with open_gathering() as place, panels(place) as open_:
        host = open_[HANA]
        place.server.sender.url = (await place.live.context.subscribe("events", [place.server.secret])).url
        await asked(host)
        cyd = place.clients.join(place.instance, place.users[CYD])
        guest = place.clients.join(place.instance, name="Somebody called Dee Novak")
        await place.server.sender.quiet()

        async def stored() -> bool:
            store = place.live.context.store
            return len([key async for key, _ in store.scan(f"event:{place.instance.number}:")]) == 2

        await place.core.until(stored)
        seats = [one.seat for one in open_.values()] + [cyd.stay.device, guest.stay.device]
        for one in (host, open_[ANA], open_[BEN]):
            await one.fresh()
        await host.post("present", {"seats": seats})
        assert (await host.fresh())["counts"]["guests"] == 2, "nobody is matched by a name"
        await host.post("end", {})
        await place.core.until(lambda: place.mailbox.messages_for("dee@example.org"))
        asked_by_mail = {one.recipient for one in place.mailbox.messages()}
        assert "cyd@example.org" not in asked_by_mail
        assert "hana@example.org" not in asked_by_mail


async def test_news_come_when_there_are_some(open_gathering: Any) -> None:
    async with open_gathering() as place, panels(place) as open_:
        host, ana = open_[HANA], open_[ANA]
        await host.fresh()
        await ana.fresh()
        begun = time.monotonic()
        waiting = [asyncio.create_task(host.news()), asyncio.create_task(ana.news())]
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in waiting)
        await host.post("start", {"practice": "warm-up"})
        told = await asyncio.wait_for(asyncio.gather(*waiting), 10)
        assert [one["counts"]["state"] for one in told] == ["lobby", "lobby"]
        assert time.monotonic() - begun < 8


async def test_the_end_of_a_meeting_ends_what_its_host_left_open(open_gathering: Any) -> None:
    async with open_gathering() as place, panels(place) as open_:
        subscription = await place.live.context.subscribe("events", [place.server.secret])
        place.server.sender.url = subscription.url
        session = await asked(open_[HANA])
        place.core.clock.advance(timedelta(minutes=20))
        place.server.meetings.end(place.instance)

        async def ended() -> bool:
            return any(row.id == session and row.state == "ended" for row in await rows(place, tables.session))

        async def collected() -> bool:
            place.core.clock.advance(timedelta(minutes=1))
            return await ended()

        await place.core.until(collected)
        absent = {"dee@example.org", "cyd@example.org"}
        await place.core.until(lambda: {one.recipient for one in place.mailbox.messages()} & absent)
        assert {one.recipient for one in place.mailbox.messages()} <= absent | {"ana@example.org", "ben@example.org"}


@pytest.mark.parametrize("fault", [None, faults.not_on_plan(), faults.no_scope(), faults.bad_json()])
async def test_who_came_before_the_panel_and_never_opened_it_is_not_absent(open_gathering: Any, fault: Any) -> None:
    async with open_gathering() as place, aiohttp.ClientSession() as http:
        clients, meeting, users = place.clients, place.instance, place.users
        clients.join(meeting, users[ANA])  # nobody reads this meeting yet
        clients.join(meeting, name=CYD)  # a guest who only has the name of a colleague
        clients.leave(clients.join(meeting, users[BEN]))
        host = await Asking(place, http, clients.join(meeting, users[HANA])).enter()
        member = await Asking(place, http, clients.join(meeting, users[CYD], role="attendee")).enter()
        place.clients.leave(member.person)
        await host.post("roll", {}, 409)
        await host.post("start", {"practice": "warm-up", "warmth": 1})
        await member.post("roll", {}, 403)
        place.server.script(fault, fault)
        for _ in range(2):  # a second time changes nothing
            assert await host.post("roll", {}) == {}
        await host.post("ask", {})
        await host.fresh()
        assert (await host.fresh())["counts"]["present"] == 1, "the host's list says who is here"
        assert host.last["counts"]["guests"] == 0
        await host.post("end", {})
        asked_later = {row.recipient for row in await rows(place, tables.delivery)}
        absent = {place.people[name] for name in (BEN, CYD, "Dee Novak", *([ANA] if fault else []))}
        assert asked_later == absent, "nobody is known by a name, and who left before is asked"
