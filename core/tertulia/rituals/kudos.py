"""Kudos: thank a colleague, for a value if one fits, between the two or in the digest; nobody is ranked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator
from pydantic import Field as Setting

from tertulia.domain.identifiers import Json
from tertulia.domain.markup import Block, Bullets, Markup, Paragraph, Span
from tertulia.domain.prompts import Action, Draft, Field, Given, Option, Privacy, Thanks
from tertulia.errors import Mistake
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.forms import choice, text
from tertulia.kinds import Thanked
from tertulia.wording import Words, words

Value = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
VALUES = ("Helping hand", "Care", "Courage", "Craft", "Learning")
PRIVATE, PUBLIC = "private", "public"
SHOWN = 40
"""Thanks that one digest shows at most."""
ROOM = {"whom": 300, "why": 600}


class Options(BaseModel):
    """Choose the values that people can be thanked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    values: tuple[Value, ...] = Setting(default=VALUES, max_length=20)

    @field_validator("values")
    @classmethod
    def _distinct(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if len({value.casefold() for value in values}) < len(values):
            raise ValueError("two values have the same name; name each once")
        return values


class Kudos:
    """Ask whom one would like to thank, and show the public thanks at the end of the round."""

    name = "kudos"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        """Keep the values with the round."""
        options: Options = request.options
        return Prepared(content={"values": list(options.values)})

    def prompt(self, content: Json, language: str) -> Draft:
        """Ask for one or several colleagues, a value, a reason, and who may read it."""
        say = words(language)
        return Draft(
            title="",
            body=Markup.literal(say("Is there somebody you would like to thank? Say it to them.")),
            recorded=say(
                "Whom you thank and why is kept under your name for a year, and counted as a tie between the two of "
                "you. Those you thank are told; the digest shows it only where you both agree. Nobody is ranked. "
                "Passes are counted, never named."
            ),
            fields=_fields(content, say),
            actions=(
                Action(verb="answer", label=say("Thank"), style="primary"),
                Action(verb="pass", label=say("Pass")),
            ),
            visibility="me",
        )

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take thanks; whoever is named is found by the core."""
        say = words()
        fields = {field.key: field for field in _fields(content, say)}
        whom = text(values, fields["whom"], ROOM["whom"])
        if whom is None:
            raise Mistake(say("Write whom you thank: a name or an e-mail address."))
        thanks = Thanks(
            to=tuple(name.strip() for name in re.split(r"[,;\n]", whom) if name.strip()),
            why=text(values, fields["why"], ROOM["why"]) or "",
            value=choice(values, fields["value"]) if "value" in fields else None,
            public=choice(values, fields["audience"]) == PUBLIC,
        )
        reply = say(
            "Thank you. Those you named are told on their own channel, unless they do not want that. With the same "
            "form you can thank somebody else; on your page you can take it back."
        )
        return Given(thanks=thanks, reply=reply)

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show nothing of answers: the digest is made of thanks, wherever they were given."""
        return None

    def digest(self, content: Json, thanks: Sequence[Thanked], crossing: int | None, language: str) -> Draft | None:
        """Show the public thanks, in no order."""
        if not thanks and crossing is None:
            return None
        say, blocks = words(language), list[Block]()
        if thanks:
            blocks.append(Paragraph((Span(say("Colleagues said thank you:")),)))
            blocks.append(Bullets(tuple(_line(one, say) for one in thanks[:SHOWN])))
        if len(thanks) > SHOWN:
            blocks.append(Paragraph((Span(say("There was more; this is a part of it, chosen by chance.")),)))
        if crossing is not None:
            share = say("About {share} of 100 thanks went from one team to another.", share=crossing)
            blocks.append(Paragraph((Span(share),)))
        return Draft(
            title="",
            body=Markup(tuple(blocks)),
            recorded=say("Shown is what both sides agreed to. Nobody is counted, and private thanks stay private."),
        )


def _fields(content: Json, say: Words) -> tuple[Field, ...]:
    whom = Field(
        key="whom",
        kind="short",
        label=say("Whom do you thank?"),
        hint=say("A name or an e-mail address; several with commas between them."),
        required=True,
    )
    values = tuple(Option(value=value, label=value) for value in content["values"])
    value = Field(key="value", kind="one", label=say("What for?"), options=values)
    why = Field(key="why", kind="long", label=say("In your own words"))
    audience = Field(
        key="audience",
        kind="one",
        label=say("Who may read it?"),
        options=(
            Option(value=PRIVATE, label=say("Only the two of us")),
            Option(value=PUBLIC, label=say("Everybody, in the digest")),
        ),
        value=PRIVATE,
    )
    return (whom, *((value,) if values else ()), why, audience)


def _line(one: Thanked, say: Words) -> tuple[Span, ...]:
    said = ": ".join(filter(None, (one.value, one.why)))
    whom = say("{giver} thanks {receiver}", giver=one.giver, receiver=one.receiver)
    return (Span(f"{whom}." if not said else f"{whom} ·", bold=True), *([Span(f" {said}")] if said else []))
