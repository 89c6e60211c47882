"""A pulse: three to five confidential questions of a rotating bank, with one that everybody is always asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from pydantic import BaseModel

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Draft, Given, Privacy
from tertulia.domain.surveys import CONFIDENTIAL, DECLINED, Item
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.surveys import comments, reading, sampling
from tertulia.surveys.pulse_options import Options
from tertulia.surveys.questions import Question, question_of

A_PART = 200
"""Unless the options say how many parts the audience has, each part has at least that many people."""
REASON = Question(
    key="pass.reason",
    text="Not this time? If you like, say why; that is counted apart.",
    scale="choice",
    choices={
        "time": "no time now",
        "often": "too many surveys",
        "trust": "I do not trust that it is confidential",
        "use": "nothing changes anyway",
    },
)
WHY_NOT = "Why did some not answer this time?"


class Pulse:
    """Ask a pulse."""

    name = "pulse"
    privacy: Privacy = "confidential"
    options: type[BaseModel] = Options
    pause: timedelta = sampling.PAUSE

    def prepare(self, request: RoundRequest) -> Prepared:
        """Choose the anchor, and for each part of the audience what comes next in the bank."""
        options: Options = request.options
        bank = options.bank()
        slots = options.parts or _parts(request.group_size, len(bank) - 1, options.questions - 1)
        made = sampling.blocks(bank, options.anchor, options.questions, slots=slots, turn=request.turn)
        asked = tuple(dict.fromkeys(key for block in made for key in block))
        content = {
            "items": [bank[key].kept() for key in asked],
            "blocks": [list(block) for block in made],
            "fewest": options.fewest,
            "staggered": options.staggered,
            "comment": options.comment,
        }
        return Prepared(content=content)

    def share(self, content: Json, draw: bytes) -> Json:
        """Return the part of the audience that a person is in."""
        return {"block": str(sampling.part(draw, len(_blocks(content))))}

    def in_turn(self, content: Json, draw: bytes, week: int) -> bool:
        """Tell whether a person is asked in *week*: every time, or in one week of four where it is staggered."""
        return not content.get("staggered") or sampling.in_turn(draw, week)

    def prompt(self, content: Json, language: str) -> Draft:
        """Show all questions."""
        return _draft(_questions(content), content)

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Show the questions of a person's part."""
        return _draft(_questions(content, share), content)

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take one answer to each question."""
        return _given(_questions(content), verb, values, content)

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        """Take one answer to each question of a person's part, or the reason why there is none."""
        return _given(_questions(content, share), verb, values, content)

    def items(self, content: Json) -> Sequence[Item]:
        """Return what is counted, each item by the parts that were asked it; the reasons for not answering apart."""
        where: dict[str, set[str]] = {}
        for number, block in enumerate(_blocks(content)):
            for key in block:
                where.setdefault(key, set()).add(str(number))
        asked = [
            replace(item, blocks=frozenset(where[question.key]))
            for question in _questions(content)
            for item in question.items()
        ]
        (reason,) = REASON.items()
        return [*asked, replace(reason, text=WHY_NOT, blocks=frozenset({DECLINED}))]

    def results(self, content: Json, whole: Mapping[str, Json], tally: Tally, language: str) -> Draft | None:
        """Tell those who were asked what came of it."""
        lines = [f"{item.text} {_told(item, whole[item.key])}" for item in self.items(content) if item.key in whole]
        if not lines:
            body = Markup.literal("Nothing is published of this round: too few answered, or a figure told too much.")
        else:
            body = Markup.literal(f"At least {tally.answered} people answered.") + Markup.bullets(lines)
        recorded = "Counts are rounded, so that nobody's answer follows from them; ballots and keys are destroyed."
        return Draft(title="", body=body, recorded=recorded)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show nothing: what may be shown is in `results`."""
        return None


def _told(item: Item, published: Json) -> str:
    return reading.read(item, published["answered"], published["figures"], published.get("bounds")).words


def _parts(size: int, others: int, take: int) -> int:
    return max(1, min(size // A_PART, others // take))


def _blocks(content: Json) -> Sequence[Sequence[str]]:
    """Return the questions of each part; rounds of before there were parts asked everybody everything."""
    return content.get("blocks") or [[kept["key"] for kept in content["items"]]]


def _questions(content: Json, share: Json | None = None) -> list[Question]:
    asked = [question_of(kept) for kept in content["items"]]
    if share is None:
        return asked
    mine = _blocks(content)[int(share["block"])]
    return sorted((question for question in asked if question.key in mine), key=lambda one: mine.index(one.key))


def _draft(questions: Sequence[Question], content: Json) -> Draft:
    asked = content.get("comment")
    return Draft(
        title="",
        body=Markup.literal(f"{len(questions)} questions, about a minute. Each needs an answer."),
        recorded=CONFIDENTIAL,
        fields=(
            *(question.field() for question in questions),
            *(comments.fields(asked) if asked else ()),
            REASON.field(),
        ),
        actions=(
            Action(verb="answer", label="Send", style="primary"),
            Action(verb="decline", label="Not this time"),
        ),
        visibility="me",
    )


def _given(questions: Sequence[Question], verb: str, values: Json, content: Json) -> Given:
    if verb == "decline":
        return Given(values=REASON.given(values) or {}, passed=True)
    taken = [question.given(values) for question in questions]
    if None in taken:
        raise Mistake("A question has no answer; choose one for each, or press “Not this time”.")
    said = comments.given(values) if content.get("comment") else {}
    return Given(values={key: value for one in [*taken, said] if one for key, value in one.items()})
