"""Recommendations: what was seen, what to try, how good the evidence for it is, and when it is to be judged."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tertulia.measures.change import Change, change
from tertulia.measures.overview import Standing
from tertulia.surveys.scoring import Estimate

Grade = Literal["mixed", "moderate", "association", "practice"]
GRADES: Mapping[Grade, str] = {
    "moderate": "moderate: seen in the field, in few places",
    "mixed": "mixed: trials disagree",
    "association": "weak: the two go together, and no cause is shown",
    "practice": "none: others do it, and nobody has tested it",
}
"""How good the evidence is that trying it helps."""
EXPIRES = timedelta(days=42)
"""What nobody decides on in that time is gone; what was seen is old by then."""
AGAIN = timedelta(weeks=26)
"""What was declined, or accepted, is not recommended again for so long."""
SEASON = "This is a comparison of before and after: it cannot separate what was tried from season, or anything else."


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Signal(_Strict):
    """Name what must be seen of a *component*: its *status*, or its whole interval *below* or *above* a number."""

    component: str
    status: Literal["worsened", "improved"] | None = None
    below: float | None = None
    above: float | None = None

    def seen(self, standing: Standing) -> bool:
        """Tell whether a component stands so."""
        if standing.now is None:
            return False
        return (
            (self.status is not None and standing.status == self.status)
            or (self.below is not None and standing.now.high < self.below)
            or (self.above is not None and standing.now.low > self.above)
        )


class Edit(_Strict):
    """Change the practices of a *kind*, or of all kinds but some, *where* keys have one of these values.

    A key is a path like `options.questions`; an empty value stands for a key that is left out. *least* and *most*
    move numbers only where they must; *include* adds to lists that are not empty; *halve* makes it half as often.
    """

    kind: str = ""
    but: tuple[str, ...] = Field(default=(), alias="not")
    where: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    set: Mapping[str, str | int | float | bool] = Field(default_factory=dict)
    least: Mapping[str, float] = Field(default_factory=dict)
    most: Mapping[str, float] = Field(default_factory=dict)
    include: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    drop: tuple[str, ...] = ()
    halve: bool = False


class Addition(_Strict):
    """Add a practice written as *text*, *unless* there is one of that kind."""

    unless: str
    text: str


class Rule(_Strict):
    """Hold one rule of `rules.toml`."""

    key: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    component: str
    when: tuple[Signal, ...] = Field(min_length=1)
    seen: str
    attempt: str = Field(alias="try")
    evidence: Grade
    why: str
    source: tuple[str, ...] = Field(min_length=1)
    judge: timedelta
    stop: str
    edit: tuple[Edit, ...] = ()
    add: Addition | None = None

    @field_validator("judge", mode="before")
    @classmethod
    def _weeks(cls, text: object) -> object:
        found = re.fullmatch(r"(\d{1,2})w", text) if isinstance(text, str) else None
        return timedelta(weeks=int(found[1])) if found else text

    @property
    def judged_by(self) -> str:
        """Say how it will be told whether it worked."""
        return (
            f"In {self.judge.days // 7} weeks the same figure is compared with what it is now: it got better if the "
            "whole interval of the change lies on the better side of 0."
        )


@cache
def rules() -> Mapping[str, Rule]:
    """Return all rules by key."""
    text = (files(__package__) / "rules.toml").read_text(encoding="utf-8")
    found = [Rule.model_validate(one) for one in tomllib.loads(text)["rule"]]
    return {one.key: one for one in found}


def applying(standings: Sequence[Standing]) -> list[tuple[Rule, Standing]]:
    """Return the rules that apply, in their order, each with how the component stands that it is about."""
    by_key = {one.component.key: one for one in standings}
    return [
        (rule, by_key[rule.component])
        for rule in rules().values()
        if rule.component in by_key
        and any(one.component in by_key and one.seen(by_key[one.component]) for one in rule.when)
    ]


def followed(seen: Mapping[str, Any], outcome: Mapping[str, Any] | None) -> Change | None:
    """Return by how much the figure changed from when a recommendation was made to when it was judged."""
    before, after = (_estimate(one.get("now")) for one in (seen, outcome or {}))
    return None if before is None or after is None else change(before, after)


def _estimate(kept: Mapping[str, Any] | None) -> Estimate | None:
    return None if kept is None else Estimate(kept["value"], kept["low"], kept["high"], kept["n"])


def snapshot(standing: Standing) -> dict[str, Any]:
    """Return what is to be remembered of a component: the published figure, its baseline, and what is made of it."""
    now, before, changed = standing.now, standing.baseline, standing.change
    return {
        "component": standing.component.key,
        "quarter": standing.quarter,
        "status": standing.status,
        "now": None if now is None else {"value": now.value, "low": now.low, "high": now.high, "n": now.n},
        "baseline": None if before is None else {"value": before.value, "low": before.low, "high": before.high},
        "change": None if changed is None else {"value": changed.value, "low": changed.low, "high": changed.high},
    }
