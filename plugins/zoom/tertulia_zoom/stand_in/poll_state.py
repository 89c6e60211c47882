"""Hold the polls of the invented account."""

from __future__ import annotations

from dataclasses import dataclass, field

from tertulia_zoom.stand_in.operations import Body


@dataclass
class PollState:
    """Hold polls by meeting and poll, and answers by instance; *advanced* polls must be enabled."""

    advanced: bool = True
    polls: dict[str, dict[str, Body]] = field(default_factory=dict)
    answers: dict[str, list[Body]] = field(default_factory=dict)
