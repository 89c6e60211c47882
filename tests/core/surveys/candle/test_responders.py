"""Who may receive a candle: never the member, nobody in the reporting line, nobody without a key."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain.reporting import line_of
from tertulia.errors import Mistake
from tertulia.services import merging, people
from tertulia.surveys.candle import responders
from tertulia.surveys.candle.responders import Choice


async def able(house: Any, name: str) -> Choice:
    async with house.database.read() as tx:
        return await responders.choice(tx, house.organization, house.workspace, house.persons[name])


async def names(house: Any, name: str) -> list[str]:
    return [one.name.split()[0].lower() for one in (await able(house, name)).responders]


async def test_the_line_is_left_out_in_both_directions_and_so_is_oneself(open_house: Any) -> None:
    async with open_house() as house:
        assert await names(house, "ana") == ["rosa", "dan"]
        assert await names(house, "rosa") == ["dan"]
        await house.lead("lea", "dan")  # ana - lea - dan
        assert await names(house, "ana") == ["rosa"]
        assert await names(house, "dan") == ["rosa"]
        await house.lead("rosa", "ana")  # rosa is led by ana
        assert await names(house, "ana") == []


async def test_whoever_has_no_key_or_no_role_or_has_left_is_left_out(open_house: Any) -> None:
    async with open_house() as house:
        await house.person("eva")
        await house.grant("eva", "responder")
        assert await names(house, "ana") == ["rosa", "dan"]
        await house.key("eva")
        assert await names(house, "ana") == ["rosa", "dan", "eva"]
        async with house.database.write() as tx:
            whose = (house.organization, house.workspace, house.persons["rosa"])
            await people.leave(house.runtime, tx, *whose, actor="test")
        assert await names(house, "ana") == ["dan", "eva"]
        assert (await able(house, "ana")).deputy_of(house.persons["dan"]).person == house.persons["eva"]


async def test_merged_managers_count_as_whom_they_are(open_house: Any) -> None:
    async with open_house() as house:
        await house.person("dandesk")
        await house.lead("lea", "dandesk")
        assert await names(house, "ana") == ["rosa", "dan"]
        async with house.database.write() as tx:
            merged = {"kept": house.persons["dan"], "gone": house.persons["dandesk"]}
            await merging.merge(house.runtime, tx, house.organization, **merged, actor="test")
        assert await names(house, "ana") == ["rosa"]


async def test_an_unknown_line_is_said(open_house: Any) -> None:
    async with open_house() as house:
        assert (await able(house, "ana")).line_known
        assert not (await able(house, "olga")).line_known
        await house.person("out", email="out@example.org")
        with pytest.raises(Mistake, match="not a member"):
            async with house.database.read() as tx:
                await responders.choice(tx, house.organization, "0" * 32, house.persons["ana"])


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), st.sampled_from("abcdefgh"))
def test_the_line_is_symmetric_and_ends_in_circles(managers: dict[str, str], person: str) -> None:
    line = line_of(person, managers)
    assert person not in line
    above, one = set(), managers.get(person)
    while one is not None and one not in above:
        above.add(one)
        one = managers.get(one)
    assert above - {person} <= line
    for other in line:
        assert person in line_of(other, managers)
