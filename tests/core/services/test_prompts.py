"""What every recipient is shown: a draft of the kind, a ticket on every button, and who will see the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Markup
from tertulia.domain.programs import Cadence, Practice
from tertulia.domain.prompts import Action, Draft, Field, Given
from tertulia.domain.surveys import CONFIDENTIAL
from tertulia.errors import Refused
from tertulia.services.prompts import Ticket, compose, compose_summary, open_ticket, seal_ticket
from tertulia.storage.vault import Vault

PRACTICE = Practice(
    key="monday", kind="mood", title="Monday mood", cadence=Cadence(rule="FREQ=WEEKLY", start="2026-01-05T09:00")
)


class Nothing(BaseModel):
    pass


@dataclass
class Mood:
    """A kind that counts how often it is asked for its prompt."""

    privacy: Literal["named", "confidential"] = "named"
    actions: tuple[Action, ...] = (Action(verb="answer", label="Send", style="primary"),)
    title: str = ""
    asked: list[str] = field(default_factory=list)
    name: str = "mood"
    options: type[BaseModel] = Nothing

    def prompt(self, content: Json, language: str) -> Draft:
        self.asked.append(language)
        fields = (Field(key="mood", kind="short", label="Mood"), Field(key="tags", kind="many", label="Tags"))
        return Draft(
            title=self.title, body=Markup.parse("How?"), recorded="Kept.", fields=fields, actions=self.actions
        )


CLOSES = datetime(2026, 3, 4, 9, tzinfo=UTC)


def runtime_with(kind: Mood) -> Any:
    return SimpleNamespace(vault=Vault({b"k001": bytes(32)}), plugins=SimpleNamespace(ritual=lambda name: kind))


def row(**changes: Any) -> Any:
    known = {"id": "f" * 32, "organization": "a" * 32, "workspace": "b" * 32, "kind": "mood", "content": {"q": 1}}
    return SimpleNamespace(**{**known, "confidential": False, "closes_at": CLOSES, **changes})


def test_a_ticket_survives_and_nothing_else_opens() -> None:
    vault = Vault({b"k001": bytes(32)})
    ticket = Ticket("a" * 32, "b" * 32, "c" * 32, None, "answer")
    assert open_ticket(vault, seal_ticket(vault, ticket)) == ticket
    for forged in (
        "",
        "é",
        seal_ticket(vault, ticket)[:-4] + "AAAA",
        vault.token({"o": "x"}, "ticket"),
        vault.token({}, "link"),
    ):
        with pytest.raises(Refused):
            open_ticket(vault, forged)


def test_everyone_may_pass_and_every_button_says_who_and_what() -> None:
    runtime = runtime_with(Mood())
    prompt = compose(runtime, row(), PRACTICE, person="d" * 32, language="en", link="https://x.test/a/1", version=3)
    tickets = [open_ticket(runtime.vault, action.token) for action in prompt.actions]
    assert [ticket.verb for ticket in tickets] == ["answer", "pass"]
    assert {(t.organization, t.workspace, t.round, t.person) for t in tickets} == {
        ("a" * 32, "b" * 32, "f" * 32, "d" * 32)
    }
    assert (prompt.version, prompt.link, prompt.title) == (3, "https://x.test/a/1", "Monday mood")
    assert prompt.closes == CLOSES


def test_a_kind_keeps_its_own_title_and_its_own_pass() -> None:
    kind = Mood(title="Mood", actions=(Action(verb="pass", label="Not today"),))
    prompt = compose(runtime_with(kind), row(), PRACTICE, person="d" * 32, language="en")
    assert prompt.title == "Mood"
    assert [action.label for action in prompt.actions] == ["Not today"]


def test_a_shared_place_gets_no_link_and_no_person() -> None:
    runtime = runtime_with(Mood())
    prompt = compose(runtime, row(), PRACTICE, person=None, language="en", link="https://x.test/a/1")
    assert prompt.link is None
    assert {open_ticket(runtime.vault, action.token).person for action in prompt.actions} == {None}


def test_a_confidential_kind_says_so_and_shows_answers_to_nobody() -> None:
    runtime = runtime_with(Mood(privacy="confidential"))
    prompt = compose(runtime, row(confidential=True), PRACTICE, person="d" * 32, language="en")
    assert (prompt.privacy, prompt.visibility, prompt.recorded) == ("confidential", "me", f"Kept. {CONFIDENTIAL}")


def test_what_was_given_comes_back_in_the_fields() -> None:
    given = Given(values={"mood": "sunny", "tags": ["a", "b"], "unknown": 1})
    prompt = compose(runtime_with(Mood()), row(), PRACTICE, person="d" * 32, language="en", given=given)
    assert [shown.value for shown in prompt.fields] == ["sunny", ("a", "b")]


def test_the_kind_is_asked_once_for_a_whole_fan_out() -> None:
    kind = Mood()
    runtime = runtime_with(kind)
    for number in range(50):
        compose(runtime, row(), PRACTICE, person=f"{number:032x}", language="en")
    compose(runtime, row(), PRACTICE, person="d" * 32, language="pt")
    assert kind.asked == ["en", "pt"]
    compose(runtime, row(content={"q": 2}), PRACTICE, person="d" * 32, language="en")
    assert kind.asked == ["en", "pt", "en"]


def test_a_summary_cannot_be_answered() -> None:
    draft = Draft(
        title="So it went", body=Markup.parse("- fine"), recorded="Kept.", actions=(Action(verb="answer", label="x"),)
    )
    prompt = compose_summary(runtime_with(Mood()), row(), PRACTICE, "en", draft)
    assert (prompt.title, prompt.actions, prompt.fields) == ("So it went", (), ())
