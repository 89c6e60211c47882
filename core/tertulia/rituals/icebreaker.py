"""The icebreaker: one question from a bank, none twice for a group before all have been asked."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Setting

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Block, Bullets, Markup, Paragraph, Span
from tertulia.domain.prompts import Action, Draft, Field, Given, Privacy, Visibility
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import text
from tertulia.rituals.check_in import recorded
from tertulia.wording import Words, words

Length = Literal["short", "talk"]
Size = Literal["pair", "small", "large", "any"]
SMALL = 8
"""Up to that many people share a conversation in which everybody speaks."""
ROOM: dict[str, int] = {"short": 300, "talk": 1500}


@dataclass(frozen=True, kw_only=True)
class Question:
    """Hold a question of the bank: *warmth* from 1 light to 3 personal, how long a talk, in how large a group."""

    id: str
    text: str
    warmth: int
    length: Length
    size: Size


class Options(BaseModel):
    """Choose questions: up to a *warmth*, of a *length*, for a *size* of group (`auto`: the round's own)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    warmth: int = Setting(default=2, ge=1, le=3)
    length: Length | Literal["any"] = "short"
    size: Literal["pair", "small", "large", "auto"] = "auto"
    visibility: Literal["me", "team", "workspace"] = "workspace"


@cache
def bank() -> tuple[Question, ...]:
    """Return all questions."""
    source = files("tertulia.rituals").joinpath("icebreaker_questions.toml").read_text(encoding="utf-8")
    return tuple(Question(**entry) for entry in tomllib.loads(source)["questions"])


def matching(options: Options, group_size: int) -> tuple[Question, ...]:
    """Return the questions that fit; where none is made for the group's size, the size is left out of account."""
    size = _size_of(group_size) if options.size == "auto" else options.size
    fitting = [q for q in bank() if q.warmth <= options.warmth and options.length in (q.length, "any")]
    return tuple(q for q in fitting if q.size in (size, "any")) or tuple(fitting)


class Icebreaker:
    """Ask one question to warm up; everyone may pass."""

    name = "icebreaker"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options
    playful = True

    def prepare(self, request: RoundRequest) -> Prepared:
        """Draw a question that the group has not had, or the one it had longest ago once all were asked."""
        options: Options = request.options
        question = draw(matching(options, request.group_size), request.used, request.seed)
        content = {"question": question.text, "length": question.length, "visibility": options.visibility}
        return Prepared(content=content, uses=(question.id,))

    def prompt(self, content: Json, language: str) -> Draft:
        """Show the question."""
        visibility: Visibility = content["visibility"]
        say = words(language)
        return Draft(
            title="",
            body=Markup((Paragraph((Span(content["question"], bold=True),)),)),
            recorded=recorded(visibility, say),
            fields=(_field(content, say),),
            actions=(
                Action(verb="answer", label=say("Share"), style="primary"),
                Action(verb="pass", label=say("Pass")),
            ),
            visibility=visibility,
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take an answer in words."""
        say = words()
        written = text(values, _field(content, say), ROOM[content["length"]])
        if written is None:
            raise Mistake(say("There is no answer yet; write one, or pass."))
        return Given(values={"answer": written})

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show the question with what was answered."""
        if not tally.answered:
            return None
        blocks: list[Block] = [Paragraph((Span(content["question"], bold=True),))]
        told = sorted((shared for shared in given if shared.name), key=lambda shared: shared.name or "")
        if told:
            items = [(Span(f"{shared.name}:", bold=True), Span(f" {shared.values['answer']}")) for shared in told]
            blocks.append(Bullets(tuple(items)))
        say = words(language)
        answered = say.many("{number} person answered.", "{number} people answered.", tally.answered)
        blocks.append(Paragraph((Span(answered),)))
        return Draft(
            title="",
            body=Markup(tuple(blocks)),
            recorded=say("Shown is what each shared; who passed or did not answer is not named."),
            visibility=content["visibility"],
        )


def _size_of(group_size: int) -> Size:
    if group_size <= 2:
        return "pair"
    return "small" if group_size <= SMALL else "large"


def draw(questions: Sequence[Question], used: Sequence[str], seed: int) -> Question:
    """Return a question that was not *used* yet, or the one used longest ago; *seed* decides among the fresh."""
    fresh = [question for question in questions if question.id not in set(used)]
    if fresh:
        return min(fresh, key=lambda q: hashlib.sha256(f"{seed}:{q.id}".encode()).digest())
    return min(questions, key=lambda question: used.index(question.id))


def _field(content: Json, say: Words) -> Field:
    kind: Literal["short", "long"] = "short" if content["length"] == "short" else "long"
    return Field(key="answer", kind=kind, label=say("Your answer"))
