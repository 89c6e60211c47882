"""What a kind may say of itself besides what it does: attributes, and who waits for a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Protocol, runtime_checkable

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.prompts import Field
from tertulia.kinds import Exhibited, FollowUp, Share


@runtime_checkable
class Queued(Protocol):
    """A kind with lines of those who wait for a place; for whom one comes free is told at once."""

    def moved_up(
        self, content: Json, lines: Mapping[str, Sequence[Id]], told: Mapping[Id, Sequence[Share]], now: datetime
    ) -> Sequence[FollowUp]:
        """Return the stages that tell those who have a place in one of *lines* now and do not know it.

        *told* are the shares that each person has in the stages of this round so far.
        """
        ...


@runtime_checkable
class Pictured(Exhibited, Protocol):
    """A kind that shows the pictures of its first stage without names in its later ones.

    The `people` of a share are those whose picture still hangs, and so is what an `Outcome` holds of the first stage.
    """

    def consent(self, content: Json, language: str) -> Field:
        """Return the box, a `confirm`, that its owner ticks as a picture is added; the value comes with it."""
        ...

    def pictured(self, content: Json, share: Json) -> Mapping[str, Id]:
        """Return whose picture the person with *share* is shown, by the key of the field that asks about it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Traits:
    """Hold what a kind says of itself by attributes of these names; what it leaves out is false.

    *playful*: its rounds rest in hard weeks. *opt_in_only*: a practice of it addresses nobody who did not join.
    *unrecorded*: nothing that a person presses in it is kept, and nobody is counted. *unplanned*: no program plans
    its rounds, the core opens them when something happens.
    """

    playful: bool = False
    opt_in_only: bool = False
    unrecorded: bool = False
    unplanned: bool = False

    @classmethod
    def of(cls, kind: object) -> Traits:
        """Read the attributes of *kind*."""
        return cls(**{one.name: getattr(kind, one.name, False) is True for one in fields(cls)})
