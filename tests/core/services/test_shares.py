"""Each person is asked a part: the same on every channel and for a year, foretold by nobody without the keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from tertulia import contract
from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Markup
from tertulia.domain.programs import Cadence, Practice
from tertulia.domain.prompts import Action, Draft, Field, Given
from tertulia.errors import Mistake, PluginError
from tertulia.extension import Prepared, RitualKind, RoundRequest, Sampled, Shared, Tally
from tertulia.hookspecs import hookimpl
from tertulia.plugins import Plugins
from tertulia.services import answers, rounds, shares
from tertulia.services.prompts import Ticket, compose
from tertulia.storage.vault import Vault

Open = Callable[[], AbstractAsyncContextManager[Any]]
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PRACTICE = Practice(
    key="halves", kind="halves", title="Halves", cadence=Cadence(rule="FREQ=WEEKLY", start="2026-01-05T09:00")
)
VAULT = Vault({b"k001": bytes(32)})


class Nothing(BaseModel):
    pass


class Halves:
    """Ask one half of the people about cats, the other about dogs."""

    name = "halves"
    privacy: Literal["named", "confidential"] = "named"
    options: type[BaseModel] = Nothing

    def prepare(self, request: RoundRequest) -> Prepared:
        return Prepared(content={})

    def prompt(self, content: Json, language: str) -> Draft:
        return self.prompt_for(content, {"about": "animals"}, language)

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        raise AssertionError("everybody has a share")

    def share(self, content: Json, draw: bytes) -> Json:
        return {"about": content["animals"][draw[0] % 2]}

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        field = Field(key=share["about"], kind="short", label=f"About {share['about']}")
        send = Action(verb="answer", label="Send")
        return Draft(title="", body=Markup.literal("?"), recorded="Kept.", fields=(field,), actions=(send,))

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        if set(values) != {share["about"]}:
            raise Mistake(f"You are asked about {share['about']}; say something about them.")
        return Given(values=values)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        return None


CONTENT = {"animals": ["cats", "dogs"]}


def a_round(year: int = 2026, **changes: Any) -> Any:
    fields = {"id": "f" * 32, "organization": "a" * 32, "workspace": "b" * 32, "kind": "halves", "content": CONTENT}
    opens = datetime(year, 3, 2, 9, tzinfo=UTC)
    return SimpleNamespace(**fields | {"confidential": False, "opens_at": opens, "closes_at": None} | changes)


def test_a_draw_is_of_person_organization_and_year() -> None:
    first = shares.draw(VAULT, a_round(), "p1")
    assert len(first) == 32
    assert first == shares.draw(VAULT, a_round(id="e" * 32, workspace="c" * 32), "p1")
    others = [
        shares.draw(VAULT, a_round(), "p2"),
        shares.draw(VAULT, a_round(2027), "p1"),
        shares.draw(VAULT, a_round(organization="c" * 32), "p1"),
        shares.draw(Vault({b"k002": bytes([1]) * 32}), a_round(), "p1"),
    ]
    assert len({first, *others}) == 5


def test_draws_fall_evenly() -> None:
    kind: RitualKind = Halves()
    assert isinstance(kind, Sampled)
    runtime: Any = SimpleNamespace(vault=VAULT)
    drawn = [shares.drawn(runtime, a_round(), kind, f"{number:032x}") for number in range(2000)]
    counts = Counter(share["about"] for share in drawn if share)
    # five standard deviations of a fair coin
    assert abs(counts["cats"] - 1000) < 5 * (2000 * 0.25) ** 0.5


def test_each_share_is_composed_once_and_never_mixed_up() -> None:
    runtime: Any = SimpleNamespace(vault=VAULT, plugins=SimpleNamespace(ritual=lambda name: KIND))
    for about in ("cats", "dogs", "cats"):
        prompt = compose(runtime, a_round(), PRACTICE, person="d" * 32, language="en", share={"about": about})
        assert [field.key for field in prompt.fields] == [about]
    shown = compose(runtime, a_round(), PRACTICE, person=None, language="en")
    assert [field.key for field in shown.fields] == ["animals"]


KIND = Halves()


class _Registered:
    """A plugin that brings the kind."""

    @hookimpl
    def register_rituals(self) -> tuple[RitualKind, ...]:
        return (KIND,)


@ON_SQLITE
async def test_an_answer_is_checked_by_the_share_of_its_giver(open_stage: Open) -> None:
    async with open_stage() as stage:
        stage.runtime.plugins = Plugins.load({"halves": _Registered()}, builtin=False, allowed=frozenset())
        await stage.apply(PRACTICE)
        people = [await stage.member(f"P{number}") for number in range(12)]
        round_id = await stage.open_round(PRACTICE, **CONTENT)
        asked = set()
        for person in people:
            async with stage.database.read() as tx:
                found = await rounds.find(tx, round_id)
                share = await shares.share_of(stage.runtime, tx, found, KIND, person)
            other = {"cats": "dogs", "dogs": "cats"}[share["about"]]
            wrong = await stage.answer(round_id, person, {other: "x"})
            assert wrong.status == "refused"
            assert share["about"] in wrong.text.plain()
            taken = await stage.answer(round_id, person, {share["about"]: "x"})
            assert (taken.status, [field.key for field in taken.prompt.fields]) == ("taken", [share["about"]])
            asked.add(share["about"])
        assert asked == {"cats", "dogs"}
        stranger = Ticket(stage.organization, stage.workspace, round_id, people[0], "answer")
        reply = await answers.answer(stage.runtime, stranger, person=people[1], platform="web", values={}, key=None)
        assert reply.status == "refused"


@pytest.mark.parametrize("missing", ["prompt_for", "accept_for"])
def test_a_kind_that_draws_shares_must_ask_by_them(missing: str) -> None:
    half = type("Half", (Halves,), {missing: None})()
    with pytest.raises(PluginError, match=f"has no method {missing}"):
        contract.ritual("half", half)


def test_a_round_of_another_year_may_ask_something_else() -> None:
    runtime: Any = SimpleNamespace(vault=VAULT)
    years = {str(shares.drawn(runtime, a_round(year), KIND, "p1")) for year in range(2026, 2046)}
    assert len(years) == 2
