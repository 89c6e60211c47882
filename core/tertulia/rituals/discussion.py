"""Discussions: an open one on topics that people propose and choose, or questions to the leadership without a name.

Each goes on in stages, see `discussion_open` and `discussion_asked`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator, model_validator
from pydantic import Field as Setting

from tertulia.domain.identifiers import Json
from tertulia.domain.prompts import Draft, Given, Privacy
from tertulia.extension import Prepared, RoundRequest, Shared, Tally
from tertulia.kinds import Conclusion, Outcome, Questioning
from tertulia.rituals import discussion_asked, discussion_open, guides
from tertulia.wording import words

Email = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[^@\s]+@[^@\s]+$")]


class Options(BaseModel):
    """Choose the form, who moderates, how long each stage lasts, and how many topics or votes there are.

    `open`: topics are proposed, chosen and discussed. `leadership`: questions are asked without a name, moderated and
    answered by the *moderators* (e-mail addresses of members). The first stage lasts as long as the practice is open.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Literal["open", "leadership"] = "open"
    about: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    moderators: tuple[Email, ...] = Setting(default=(), max_length=20)
    moderation_days: int = Setting(default=2, ge=1, le=14)
    vote_days: int = Setting(default=2, ge=1, le=14)
    votes: int = Setting(default=3, ge=1, le=10)
    topics: int = Setting(default=2, ge=1, le=5)
    discussion_days: int = Setting(default=5, ge=1, le=21)
    answer_days: int = Setting(default=5, ge=1, le=21)
    guide: str | None = None

    @field_validator("guide")
    @classmethod
    def _known(cls, guide: str | None) -> str | None:
        if guide is not None and guides.find(guide) is None:
            raise ValueError(
                f"there is no such guide; choose one of: {', '.join(one.name for one in guides.every())}"
            )
        return guide

    @model_validator(mode="after")
    def _moderated(self) -> Options:
        if self.form == "leadership" and not self.moderators:
            raise ValueError("name at least one moderator by e-mail address: without one no question is published")
        return self


class Discussion:
    """Let people choose what to talk about, or ask those who lead without being known."""

    name = "discussion"
    privacy: Privacy = "named"
    options: type[BaseModel] = Options

    def prepare(self, request: RoundRequest) -> Prepared:
        """Keep the choices with the round."""
        options: Options = request.options
        return Prepared(content={**options.model_dump(mode="json"), "page": request.page})

    def prompt(self, content: Json, language: str) -> Draft:
        """Show the stage that the round is in."""
        return self.prompt_for(content, {}, language)

    def prompt_for(self, content: Json, share: Json, language: str) -> Draft:
        """Show the stage that the round is in, with what others have said in it."""
        say = words(language)
        if content["form"] == "leadership":
            return discussion_asked.draft(content, say)
        return discussion_open.draft(content, share, say)

    def accept(self, content: Json, verb: str, values: Json) -> Given:
        """Take what is given to an open discussion; a question to the leadership is never given with a name."""
        return self.accept_for(content, {}, verb, values)

    def accept_for(self, content: Json, share: Json, verb: str, values: Json) -> Given:
        """Take what is given to an open discussion."""
        say = words()
        if content["form"] == "leadership":
            return discussion_asked.accept(say)
        return discussion_open.accept(content, values, say)

    def leaders(self, content: Json) -> Sequence[str]:
        """Return who moderates."""
        moderators: Sequence[str] = content["moderators"]
        return moderators

    def questioning(self, content: Json) -> Questioning | None:
        """Say what can be done with questions in the round's stage."""
        return discussion_asked.questioning(content) if content["form"] == "leadership" else None

    def conclude(self, content: Json, outcome: Outcome) -> Conclusion:
        """Go on to the next stage."""
        if content["form"] == "leadership":
            return Conclusion(follow_ups=tuple(discussion_asked.follow(content, outcome)))
        return Conclusion(follow_ups=tuple(discussion_open.follow(content, outcome)))

    def summary(self, content: Json, given: Sequence[Shared], tally: Tally, language: str) -> Draft | None:
        """Show what was said on the topics, and later what came of it."""
        if content["form"] == "leadership":
            return None
        return discussion_open.summary(content, given, words(language))
