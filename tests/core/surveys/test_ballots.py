"""The ballot path: one row per person, of one length, in no order, joined to nobody once the round has closed."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tertulia.domain.identifiers import new_id
from tertulia.domain.surveys import BALLOT_SIZE
from tertulia.errors import Mistake
from tertulia.storage.tables import ballot, round_table
from tertulia.surveys import ballots

Open = Callable[[], AbstractAsyncContextManager[Any]]


async def test_a_changed_answer_is_stored_once_with_its_last_content(open_survey: Open) -> None:
    async with open_survey() as survey:
        person = survey.persons[0]
        said = [await survey.cast(person, {"q": n}, f"event-{n}") for n in range(3)]
        assert said == ["taken", "changed", "changed"]
        assert await survey.count() == [{"q": 2}]


async def test_a_repeated_key_changes_nothing_even_after_a_newer_answer(open_survey: Open) -> None:
    async with open_survey() as survey:
        person = survey.persons[0]
        await survey.cast(person, {"q": 1}, "first")
        await survey.cast(person, {"q": 2}, "second")
        assert await survey.cast(person, {"q": 1}, "first") == "taken"
        assert await survey.cast(person, {"q": 2}, "second") == "changed"
        assert await survey.count() == [{"q": 2}]


async def test_many_changes_still_fit(open_survey: Open) -> None:
    async with open_survey() as survey:
        person, longest = survey.persons[0], {"q": "x" * (ballots.LARGEST_ANSWER - 8)}
        for number in range(40):
            await survey.cast(person, longest, f"event-{number}")
        assert await survey.cast(person, {"q": "late"}, "event-0") == "taken"
        assert await survey.cast(person, {"q": "late"}, "event-39") == "changed"
        assert await survey.count() == [longest]


async def test_every_ballot_has_the_same_length(open_survey: Open) -> None:
    async with open_survey() as survey:
        for person, text in zip(survey.persons, ["", "a", "é" * 900, "長" * 1000, "x" * 3000], strict=False):
            await survey.cast(person, {"text": text} if text else {}, "key")
            await survey.cast(person, {"text": text, "more": 1}, "other")
        lengths = await survey.rows("SELECT DISTINCT length(sealed) FROM ballot")
        assert lengths == [(BALLOT_SIZE + 12 + 16,)]


async def test_a_long_answer_is_a_mistake_and_not_cut(open_survey: Open) -> None:
    async with open_survey() as survey:
        with pytest.raises(Mistake, match=r"too long: shorten its texts by \d+ letters"):
            await survey.cast(survey.persons[0], {"q": "x" * 4000})
        assert await survey.rows("SELECT id FROM ballot") == []


async def test_two_first_answers_at_once_leave_one_ballot(open_survey: Open) -> None:
    async with open_survey() as survey:
        person = survey.persons[0]
        said = await asyncio.gather(*(survey.cast(person, {"q": n}, f"event-{n}") for n in range(6)))
        assert sorted(said) == ["changed"] * 5 + ["taken"]
        repeated = await asyncio.gather(*(survey.cast(person, {"q": 9}, f"event-{n}") for n in range(6)))
        assert sorted(repeated) == ["changed"] * 5 + ["taken"]
        assert len(await survey.count()) == 1


@pytest.mark.parametrize("change", [{"state": "closing"}, {"state": "planned"}, {"confidential": False}])
async def test_only_an_open_survey_round_takes_ballots(open_survey: Open, change: dict[str, Any]) -> None:
    async with open_survey() as survey:
        async with survey.database.write() as tx:
            await tx.execute(round_table.update().values(**change))
        assert await survey.cast(survey.persons[0], {"q": 1}) == "closed"


async def test_nothing_is_taken_past_the_close_or_without_keys(open_survey: Open) -> None:
    async with open_survey() as survey:
        survey.runtime.clock.time += timedelta(days=1)
        assert await survey.cast(survey.persons[0], {"q": 1}) == "closed"
        survey.runtime.clock.time -= timedelta(days=1)
        ballots.destroy_keys(survey.runtime, survey.round)
        assert await survey.cast(survey.persons[0], {"q": 1}) == "closed"


async def test_who_answered_is_computed_from_the_secret(open_survey: Open) -> None:
    async with open_survey() as survey:
        given = survey.persons[::3]
        for person in given:
            await survey.cast(person, {"q": 1})
        strangers = [new_id() for _ in range(1200)]
        async with survey.database.read() as tx:
            found = await ballots.answered(survey.runtime, tx, survey.round, [*strangers, *survey.persons])
            assert found == frozenset(given)
        ballots.destroy_keys(survey.runtime, survey.round)
        async with survey.database.read() as tx:
            assert await ballots.answered(survey.runtime, tx, survey.round, survey.persons) == frozenset()


async def test_the_close_notes_respondents_without_passes_and_leaves_no_ballot(open_survey: Open) -> None:
    async with open_survey() as survey:
        for number, person in enumerate(survey.persons):
            await survey.cast(person, {"q": number} if number % 4 else {})
        values = await survey.count()
        assert sorted(value.get("q", -1) for value in values) == sorted(n if n % 4 else -1 for n in range(40))
        noted = await survey.rows("SELECT person_id FROM respondent")
        assert sorted(noted) == sorted((p,) for n, p in enumerate(survey.persons) if n % 4)
        assert await survey.rows("SELECT id FROM ballot") == []
        assert await survey.count() == []


class Crash(Exception):
    pass


async def count_and_crash(survey: Any) -> None:
    async with survey.database.write() as tx:
        await ballots.count_and_destroy(survey.runtime, tx, await survey.row(), survey.persons)
        raise Crash


async def test_a_close_that_is_rolled_back_finds_everything_again(open_survey: Open) -> None:
    async with open_survey() as survey:
        await survey.cast(survey.persons[0], {"q": 1})
        with pytest.raises(Crash):
            await count_and_crash(survey)
        assert await survey.count() == [{"q": 1}]


async def test_what_a_crash_or_a_cancellation_left_is_destroyed_later(open_survey: Open) -> None:
    async with open_survey() as survey:
        strange = new_id()
        survey.runtime.keys.create(strange)
        await survey.cast(survey.persons[0], {"q": 1})
        await ballots.clear_ended_rounds(survey.runtime)
        assert survey.runtime.keys.held() == sorted([survey.round, strange])
        assert len(await survey.rows("SELECT id FROM ballot")) == 1
        async with survey.database.write() as tx:
            await tx.execute(round_table.update().values(state="cancelled"))
        await ballots.clear_ended_rounds(survey.runtime)
        assert survey.runtime.keys.held() == [strange]
        assert await survey.rows("SELECT id FROM ballot") == []


async def test_lost_keys_are_told_to_the_operator(open_survey: Open) -> None:
    async with open_survey() as survey:
        await survey.cast(survey.persons[0], {"q": 1})
        ballots.destroy_keys(survey.runtime, survey.round)
        with pytest.raises(Mistake, match="not in the key store's folder"):
            await survey.count()


async def test_a_ballot_moved_to_another_person_is_not_counted(
    open_survey: Open, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_survey() as survey:
        await survey.cast(survey.persons[0], {"q": 1})
        await survey.cast(survey.persons[1], {"q": 2})
        async with survey.database.write() as tx:
            first = (await tx.execute(sa.select(ballot).order_by(ballot.c.id).limit(1))).one()
            await tx.execute(ballot.update().where(ballot.c.id != first.id).values(sealed=first.sealed))
        assert len(await survey.count()) == 1
        assert [record.message for record in caplog.records] == ["a ballot was altered and is not counted"]


def correlation(left: list[float], right: list[float]) -> float:
    n = len(left)
    a, b = sum(left) / n, sum(right) / n
    covariance = sum((x - a) * (y - b) for x, y in zip(left, right, strict=True))
    return covariance / (sum((x - a) ** 2 for x in left) * sum((y - b) ** 2 for y in right)) ** 0.5


def unusual(order: list[int], seed: int = 20261102) -> float:
    """Return the share of 2,000 random permutations whose correlation with the arrival is as large: a p-value."""
    arrival = [float(n) for n in range(len(order))]
    seen = abs(correlation(arrival, [float(n) for n in order]))
    source, shuffled, larger = random.Random(seed), [float(n) for n in order], 0
    for _ in range(2000):
        source.shuffle(shuffled)
        larger += abs(correlation(arrival, shuffled)) >= seen
    return larger / 2000


async def test_neither_stored_nor_counted_order_tells_the_arrival(open_survey: Open) -> None:
    async with open_survey() as survey:
        # a fixed secret and fixed persons: the same permutation at every run
        source = random.Random(5)
        survey.persons = [f"{source.getrandbits(128):032x}" for _ in range(120)]
        survey.runtime.entropy = source.randbytes
        path = survey.runtime.keys._path(survey.round)
        path.write_bytes(source.randbytes(64))
        for number, person in enumerate(survey.persons):
            await survey.cast(person, {"n": number})
        secret = survey.runtime.keys.find(survey.round).secret
        arrived = [ballots.ballot_id(secret, person) for person in survey.persons]
        await ballots.rewrite_open_rounds(survey.database)
        order = "ctid" if survey.database.dialect == "postgresql" else "round_id, id"
        stored = [row[0] for row in await survey.rows(f"SELECT id FROM ballot ORDER BY {order}")]  # noqa: S608  # a name of ours
        assert stored == sorted(arrived)
        assert unusual([arrived.index(id_) for id_ in stored]) > 0.05
        counted = [value["n"] for value in await survey.count()]
        assert sorted(counted) == list(range(120))
        by_person = sorted(range(120), key=lambda n: survey.persons[n])
        assert unusual(counted) > 0.05
        assert unusual([by_person.index(n) for n in counted]) > 0.05


async def test_postgresql_keeps_no_trace_of_the_arrival_after_a_rewrite(open_survey: Open) -> None:
    async with open_survey() as survey:
        if survey.database.dialect != "postgresql":
            pytest.skip("SQLite keeps the rows by id")
        for person in survey.persons:
            await survey.cast(person, {"q": 1})
        await survey.cast(survey.persons[7], {"q": 2})
        await ballots.rewrite_open_rounds(survey.database)
        ids = [row[0] for row in await survey.rows("SELECT id FROM ballot ORDER BY ctid")]
        assert ids == sorted(ids)
        assert len(await survey.rows("SELECT DISTINCT xmin::text FROM ballot")) == 1
        toast = (await survey.rows("SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 'ballot'"))[0][
            0
        ]
        parts = await survey.rows(f"SELECT DISTINCT chunk_id::text::bigint FROM {toast} ORDER BY 1")  # noqa: S608  # a name of ours
        pointed = await survey.rows("SELECT pg_column_toast_chunk_id(sealed)::text::bigint FROM ballot ORDER BY id")
        assert pointed == parts
        assert sorted(json.dumps(value) for value in await survey.count()) == ['{"q": 1}'] * 39 + ['{"q": 2}']


async def test_casting_goes_on_while_the_rows_are_rewritten(open_survey: Open) -> None:
    async with open_survey() as survey:

        async def rewrite() -> None:
            for _ in range(4):
                await ballots.rewrite_open_rounds(survey.database)

        casts = [survey.cast(person, {"n": n}, f"{person}-{n}") for n in range(3) for person in survey.persons]
        await asyncio.gather(rewrite(), *casts)
        assert len(await survey.count()) == len(survey.persons)


async def test_a_dump_of_the_ballots_names_nobody_and_no_time(
    open_survey: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="tertulia")
    async with open_survey() as survey:
        for person in survey.persons:
            await survey.cast(person, {"text": "Ines Prado wrote this"}, f"event-{person}")
        dump = await survey.rows("SELECT * FROM ballot")
        assert {len(row) for row in dump} == {3}
        text = b"".join(part.encode() if isinstance(part, str) else bytes(part) for row in dump for part in row)
        secret = survey.runtime.keys.find(survey.round)
        for word in [
            *(p.encode() for p in survey.persons),
            b"Ines",
            b"Prado",
            b"event",
            b"2026-11",
            secret.secret,
            secret.key,
        ]:
            assert word not in text
        await survey.count()
        ballots.destroy_keys(survey.runtime, survey.round)
        assert await survey.rows("SELECT * FROM ballot") == []
        columns = set(sa.inspect(ballot).columns.keys()) | {"organization_id", "round_id", "person_id"}
        assert columns == {"round_id", "id", "sealed", "organization_id", "person_id"}
    lines = [record.getMessage() + json.dumps(record.__dict__, default=str) for record in caplog.records]
    ids = {row[1] for row in dump}
    assert not [line for line in lines if any(p in line for p in survey.persons) and any(i in line for i in ids)]
