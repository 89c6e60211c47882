"""Webhooks: kept once, answered after the commit, processed to the same end whatever the order."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.capabilities import Raw
from tertulia.delivery import intake
from tertulia.domain.identifiers import new_id
from tertulia.errors import Mistake, Refused
from tertulia.services import installations
from tertulia.storage import tables
from tertulia.storage.ties import end

NOW = datetime.fromisoformat("2026-11-04T12:00:00+00:00")
HERE = {"type": "participation", "who": "ana", "place": "carried", "kind": "attended", "at": NOW.isoformat()}
FIRST, WRONG = 5, "0" * 64


async def test_a_duplicate_is_answered_and_kept_once(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        await station.place("carried")
        round_id = await station.round()
        ana = await station.person("ana")
        for _ in range(FIRST):
            await station.send("e1", HERE)
        assert len(await station.rows(tables.inbox)) == 1
        assert await station.process() == 1
        await station.send("e1", HERE)
        assert await station.process() == 0
        (found,) = await station.rows(tables.participation)
        assert (found["person_id"], found["round_id"], found["started_at"]) == (ana, round_id, NOW)
        (row,) = await station.rows(tables.inbox)
        assert (row["state"], row["sealed"]) == ("done", None)


async def test_a_body_is_never_readable_in_the_database(open_station: Callable[[], Any], tmp_path: Path) -> None:
    async with open_station() as station:
        await station.place("carried")
        await station.send("secret-event", HERE, {"type": "reachable", "who": "xyzzy-user", "address": {"a": 1}})
        (row,) = await station.rows(tables.inbox)
        assert b"carried" not in row["sealed"]
        assert "secret-event" not in row["event"]
        files = b"".join(path.read_bytes() for path in tmp_path.glob("tertulia.db*"))
        assert b"xyzzy-user" not in files
        await station.process()
        (row,) = await station.rows(tables.inbox)
        assert (row["state"], row["sealed"], row["reason"]) == ("done", None, None)


async def test_only_a_genuine_request_is_kept(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        genuine = station.raw("e1", HERE)
        refused = [
            (replace(genuine, headers={}), 401),
            (replace(genuine, headers={"toy-signature": WRONG}), 401),
            (replace(genuine, body=genuine.body + b" "), 401),
            (replace(genuine, headers={"toy-crash": "1"}), 400),
            (replace(genuine, body=b"x" * (intake.LARGEST + 1)), 413),
        ]
        for raw, status in refused:
            with pytest.raises(Refused) as refusal:
                await intake.receive(station.runtime, station.live, station.subscription.id, raw)
            assert refusal.value.status == status
        with pytest.raises(Refused) as refusal:
            await intake.receive(station.runtime, station.live, new_id(), genuine)
        assert refusal.value.status == 404
        assert await station.rows(tables.inbox) == []


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"id": 1}', b'{"facts": 3}', b"\xff", b"[" * 100_000])
async def test_a_signed_body_that_cannot_be_read_is_a_bad_request(
    open_station: Callable[[], Any], body: bytes
) -> None:
    async with open_station() as station:
        signed = station.raw("e1")
        from_platform = _signed(station, replace(signed, body=body))
        with pytest.raises(Refused) as refusal:
            await intake.receive(station.runtime, station.live, station.subscription.id, from_platform)
        assert refusal.value.status == 400
        assert await station.rows(tables.inbox) == []


def _signed(station: Any, raw: Raw) -> Raw:
    import hmac
    from hashlib import sha256

    signed = station.subscription.url.encode() + raw.body
    digest = hmac.new(station.subscription.secrets[0].encode(), signed, sha256).hexdigest()
    return replace(raw, headers={"toy-signature": digest})


async def test_a_handshake_is_answered_at_once(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        asked = replace(station.raw("e1"), method="GET", query={"challenge": "abc"}, headers={})
        answer = await intake.receive(station.runtime, station.live, station.subscription.id, asked)
        assert (answer.status, answer.body) == (200, b"abc")
        assert await station.rows(tables.inbox) == []


async def test_what_happens_elsewhere_is_dropped_before_it_is_stored(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.send("e1", {**HERE, "place": "somebody's private meeting"})
        assert await station.rows(tables.inbox) == []


async def test_what_happens_where_something_was_just_posted_is_kept(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.send("e1", HERE)
        assert await station.rows(tables.inbox) == [], "it is nobody's place yet"
        await station.place("carried")
        await asyncio.sleep(intake.BEFORE_DROPPING)
        await station.send("e2", HERE)
        assert len(await station.rows(tables.inbox)) == 1


async def test_beyond_the_limit_a_platform_is_told_to_come_back(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        station.runtime.signals.receiving = intake.MOST_WAITING
        answer = await intake.receive(station.runtime, station.live, station.subscription.id, station.raw("e1"))
        assert answer.status == 503
        assert dict(answer.headers)["retry-after"]


async def test_a_failed_event_is_kept_sealed_and_can_be_replayed(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        await station.person("ana")
        station.toy.webhook.broken = True
        await station.send("e1", HERE)
        assert await station.process() == 3, "two pauses lie between three attempts"
        async with station.database.read() as tx:
            (failed,) = await intake.listing(tx, station.organization)
            assert await intake.listing(tx, new_id()) == []
            with pytest.raises(Mistake, match="--state 'lost'"):
                await intake.listing(tx, station.organization, "lost")
        assert (failed.plugin, failed.webhook, failed.state) == ("toy", "events", "failed")
        assert failed.reason == "ValueError", "its text could hold content"
        (row,) = await station.rows(tables.inbox)
        assert row["sealed"] is not None
        station.toy.webhook.broken = False
        async with station.database.write() as tx:
            assert await intake.replay(station.runtime, tx, new_id(), [failed.id]) == 0
            assert await intake.replay(station.runtime, tx, station.organization, [failed.id]) == 1
        await station.process()
        (row,) = await station.rows(tables.inbox)
        assert (row["state"], row["sealed"]) == ("done", None)
        assert len(await station.rows(tables.participation)) == 1


async def test_events_of_a_disabled_plugin_wait_for_it(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        await station.send("e1", HERE)
        whose = {"organization": station.organization, "workspace": station.workspace, "plugin": "toy"}
        async with station.database.write() as tx:
            await installations.disable(station.runtime, tx, **whose, actor="test")
        await station.runtime.installations.refresh()
        assert await station.process() == 1
        (row,) = await station.rows(tables.inbox)
        assert (row["state"], row["attempts"]) == ("received", 0)
        assert row["next_at"] > time.time() + 60
        async with station.database.write() as tx:
            await installations.enable(station.runtime, tx, **whose, settings=None, actor="test")
        await station.runtime.installations.refresh()
        await station.due(tables.inbox)
        await station.process()
        (row,) = await station.rows(tables.inbox)
        assert row["state"] == "done"


async def test_a_survey_answer_that_was_stored_on_its_way_is_refused(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.program()
        ana = await station.person("ana")
        survey, ritual = await station.round("mood"), await station.round("daily")
        for number, round_id in enumerate((survey, ritual)):
            token = station.token(round_id, ana)
            answer = {"type": "answered", "who": "ana", "token": token, "values": {"text": "so so"}, "to": "chat"}
            await station.send(f"e{number}", answer)
        await station.process()
        assert await station.rows(tables.respondent) == []
        assert (await station.rows(tables.response))[0]["values"] == {"text": "so so"}
        async with station.database.read() as tx:
            assert (await tx.execute(tables.ballot.select())).all() == []
        assert {row["sealed"] for row in await station.rows(tables.inbox)} == {None}
        await station.deliver()
        assert Counter(call.reply.status for call in station.toy.replies.sent) == {"refused": 1, "taken": 1}


async def test_a_reply_is_owed_once_however_often_its_event_is_processed(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.person("ana")
        await station.send("e1", {"type": "command", "who": "ana", "name": "help"})
        claimed = await station.processor.claim(10)
        await station.due(tables.inbox)
        again = await station.processor.claim(10)
        await asyncio.gather(station.processor.handle(claimed), station.processor.handle(again))
        assert await station.deliver() == 1
        assert [call.ref for call in station.toy.replies.sent] == ["chat"]


async def test_an_event_that_kills_its_worker_is_put_aside(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        await station.send("e1", HERE)
        for _ in range(20):  # the process dies each time before it can say so
            await station.processor.claim(10)
            await station.due(tables.inbox)
        await station.process()
        (row,) = await station.rows(tables.inbox)
        assert (row["state"], row["sealed"] is not None) == ("failed", True)
        assert station.toy.webhook.read == 0


async def test_one_bad_event_does_not_keep_its_neighbours(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        for number in range(5):
            at = (NOW + timedelta(seconds=number)).isoformat()
            kind = "attended" if number != 2 else "x" * 30 + "\0"
            await station.send(f"e{number}", {**HERE, "at": at, "kind": kind})
        await station.process()
        states = Counter(row["state"] for row in await station.rows(tables.inbox))
        assert states == ({"done": 5} if station.database.dialect == "sqlite" else {"done": 4, "failed": 1})


async def test_a_running_worker_processes_at_once(open_station: Callable[[], Any], eventually: Any) -> None:
    async with open_station() as station:
        await station.place("carried")
        stop = asyncio.Event()
        worker = asyncio.create_task(intake.process(station.runtime, stop))
        for number in range(120):
            await station.send(f"e{number}", {**HERE, "at": (NOW + timedelta(seconds=number)).isoformat()})

        async def done() -> bool:
            return all(row["state"] == "done" for row in await station.rows(tables.inbox))

        await eventually(done)
        stop.set()
        await worker
        assert len(await station.rows(tables.participation)) == 120


async def test_two_workers_share_the_events(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        for number in range(60):
            await station.send(f"e{number}", {**HERE, "at": (NOW + timedelta(seconds=number)).isoformat()})
        shares = await asyncio.gather(*(station.processor.claim(40) for _ in range(2)))
        ids = [row.id for share in shares for row in share]
        assert len(ids) == len(set(ids)) == 60
        assert await station.processor.claim(40) == ()


async def test_hundreds_of_events_are_taken_within_seconds(open_station: Callable[[], Any]) -> None:
    async with open_station() as station:
        await station.place("carried")
        began = time.monotonic()
        for start in range(0, 400, 100):
            await asyncio.gather(*(station.send(f"e{number}", HERE) for number in range(start, start + 100)))
        assert time.monotonic() - began < 20
        assert len(await station.rows(tables.inbox)) == 400


# an oracle judges random streams: the end state depends on what was stated, and on nothing else
KNOWN, EVERYBODY = ("ana", "bo", "cy"), ("ana", "bo", "cy", "stranger")
PLACES = ("carried", "registered", "elsewhere")
moments = st.integers(-30, 23).map(lambda hours: NOW + timedelta(hours=hours, minutes=7))
participations = st.builds(
    lambda who, place, kind, at, stay: {
        "type": "participation",
        "who": who,
        "place": place,
        "kind": kind,
        "at": at.isoformat(),
        "ended": None if stay is None else (at + timedelta(minutes=stay)).isoformat(),
    },
    st.sampled_from(EVERYBODY),
    st.sampled_from(PLACES),
    st.sampled_from(["attended", "reacted"]),
    moments,
    st.none() | st.integers(0, 90),
)
interactions = st.builds(
    lambda who, target, place, kind, at, weight: {
        "type": "interaction",
        "who": who,
        "target": target,
        "place": place,
        "kind": kind,
        "at": at.isoformat(),
        "weight": weight,
    },
    st.sampled_from(EVERYBODY),
    st.sampled_from(EVERYBODY),
    st.sampled_from(PLACES),
    st.sampled_from(["reply", "mention"]),
    moments,
    st.integers(0, 3),
)
events = st.tuples(st.lists(participations, max_size=4), st.lists(interactions, max_size=4)).map(
    lambda both: both[0] + both[1]
)


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Each event comes up to five times, some under a new id, all in any order."""
    sent: list[tuple[str, Sequence[Mapping[str, Any]]]] = []
    for number, facts in enumerate(draw(st.lists(events, min_size=1, max_size=6))):
        ids = draw(st.lists(st.sampled_from([f"e{number}", f"e{number} again"]), min_size=1, max_size=5))
        sent.extend((event, facts) for event in ids)
    return list(draw(st.permutations(sent)))


def oracle(stream: Sequence[tuple[str, Sequence[Mapping[str, Any]]]], rounds: Mapping[str, Any]) -> tuple[Any, Any]:
    stays: dict[Any, str | None] = {}
    ties: set[Any] = set()
    for _, facts in stream:
        counts: Counter[Any] = Counter()
        for fact in facts:
            if fact["place"] == "elsewhere":
                continue
            if fact["type"] == "participation":
                key = (fact["who"], fact["place"], fact["kind"], fact["at"])
                stays[key] = max(filter(None, (stays.get(key), fact["ended"])), default=None)
            elif fact["weight"] and fact["who"] != fact["target"] and {fact["who"], fact["target"]} <= set(KNOWN):
                key = tuple(fact.items())
                counts[key] += 1
                ties.add((key, counts[key]))
    took_part = {
        (who if who in KNOWN else None, place, kind, at, ended, _round(place, at, ended, rounds))
        for (who, place, kind, at), ended in stays.items()
    }
    weights: Counter[Any] = Counter()
    for key, _ in ties:
        fact = dict(key)
        week = datetime.fromisoformat(fact["at"]).strftime("%G-W%V")
        weights[week, fact["kind"], fact["who"], fact["target"]] += fact["weight"]
    return took_part, weights


def _round(place: str, at: str, ended: str | None, rounds: Mapping[str, Any]) -> str | None:
    if place != "carried":
        return None
    within = [
        (opens, name)
        for name, (opens, closes) in rounds.items()
        if opens <= datetime.fromisoformat(ended or at) and datetime.fromisoformat(at) <= closes
    ]
    return max(within)[1] if within else None


async def judge(station: Any, stream: Sequence[tuple[str, Sequence[Mapping[str, Any]]]], pauses: set[int]) -> None:
    await station.program()
    names = {await station.person(name): name for name in KNOWN}
    for ref in ("carried", "registered"):
        await station.place(ref)
    spans = {
        "yesterday": (NOW - timedelta(hours=27), NOW - timedelta(hours=4)),
        "today": (NOW - timedelta(hours=3), NOW + timedelta(hours=21)),
    }
    states = {"yesterday": "closed", "today": "open"}
    rounds = {
        await station.round(opens=opens, closes=closes, state=states[name]): name
        for name, (opens, closes) in spans.items()
    }
    station.clock.advance(timedelta(hours=24))
    for number, (event, facts) in enumerate(stream):
        await station.send(event, *facts)
        if number in pauses:
            await station.process()
    await station.process()
    took_part, weights = oracle(stream, spans)
    refs = {row["id"]: row["ref"] for row in await station.rows(tables.place)}
    found = {
        (
            names.get(row["person_id"]),
            refs[row["place_id"]],
            row["kind"],
            row["started_at"].isoformat(),
            row["ended_at"].isoformat() if row["ended_at"] else None,
            rounds.get(row["round_id"]),
        )
        for row in await station.rows(tables.participation)
    }
    assert found == took_part
    known = {end(station.runtime.vault, station.organization, one): name for one, name in names.items()}
    assert {
        (row["week"], row["kind"], known[row["source_id"]], known[row["target_id"]]): row["weight"]
        for row in await station.rows(tables.interaction)
    } == weights
    assert {row["state"] for row in await station.rows(tables.inbox)} <= {"done"}


def test_any_stream_of_events_ends_as_the_oracle_says(open_station: Callable[[], Any]) -> None:
    @settings(max_examples=20, deadline=None)
    @given(streams(), st.sets(st.integers(0, 20), max_size=5))
    def check(stream: list[tuple[str, Sequence[Mapping[str, Any]]]], pauses: set[int]) -> None:
        async def run() -> None:
            async with open_station() as station:
                await judge(station, stream, pauses)

        asyncio.run(run())

    check()
