"""Every practice of a program can be looked at before it is in force; nobody in it is real, and nothing is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

import tertulia
from tertulia.capabilities import Platform, PreviewPort
from tertulia.domain.looks import Look, described
from tertulia.domain.people import Place
from tertulia.domain.programs import Program
from tertulia.domain.prompts import Prompt
from tertulia.errors import Mistake
from tertulia.extension import Context
from tertulia.hookspecs import hookimpl
from tertulia.services import previewing, program_document
from tertulia.services.previewing import BROKEN, MEMBERS, NO_PREVIEW, NOT_ENABLED, Preview
from tertulia.storage import people
from tertulia.storage.tables import delivery, round_table
from tertulia.testing.ports import FakeRitualPort, FakeSurveyPort
from tertulia.testing.world import world

EXAMPLE = Path(tertulia.__file__).parents[2] / "docs" / "program.example.toml"
PROGRAM = """
[[practice]]
key = "daily"
kind = "check-in"
title = "How are you?"
cadence = { rule = "FREQ=DAILY", start = "2026-01-05T10:00", time = "common" }
ask = "both"
places = ["circle:hall", "circle:refused", "nowhere:hall"]

[[practice]]
key = "survey"
kind = "single-question"
title = "One question"
cadence = { rule = "FREQ=WEEKLY", start = "2026-01-05T10:00", time = "common" }
options = { question = "How was the week?" }
"""


class Circles:
    """Show everything but one place."""

    def looks(self, prompt: Prompt, place: Place | None) -> Sequence[Look]:
        if place is not None and place.ref == "refused":
            raise Mistake("This place takes nothing.")
        return (Look(title="Letter", pieces=described(prompt), sent={"to": place.ref if place else "one"}),)


class Faulty:
    def looks(self, prompt: Prompt, place: Place | None) -> Sequence[Look]:
        raise KeyError("what nobody expected")


@dataclass
class Shapes:
    """A platform of each shape, all in memory."""

    name: str
    preview: PreviewPort | None
    survey: FakeSurveyPort = field(default_factory=FakeSurveyPort)

    __hash__ = object.__hash__

    @hookimpl
    def register_platforms(self, context: Context) -> list[Platform]:
        ritual = FakeRitualPort()
        return [Platform(name=self.name, survey=self.survey, ritual=ritual, preview=self.preview)]


def shown(found: Preview) -> dict[tuple[str, str | None], str | list[str]]:
    """Return by platform and place what is shown, or why nothing is."""
    return {
        (one.platform, one.place.ref if one.place else None): one.why or [look.title for look in one.looks]
        for one in found.shown
    }


async def test_a_program_is_shown_on_every_platform_that_would_carry_it(tmp_path: Path) -> None:
    plugins = {
        "circle": Shapes("circle", Circles()),
        "faulty": Shapes("faulty", Faulty()),
        "plain": Shapes("plain", None),
        "public": Shapes("public", Circles(), FakeSurveyPort("no")),
    }
    async with world(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path, plugins=plugins) as core:
        home = await core.workspace()
        for plugin in plugins:
            await core.enable(home, plugin)
        async with core.runtime.database.read() as tx:
            space = await people.workspace(tx, home.organization, home.workspace)
        assert space is not None

        def previews(program: Program) -> dict[str, Preview]:
            return {one.practice.key: one for one in previewing.preview(core.runtime, space, program)}

        mine = previews(program_document.parse(PROGRAM, version=1, plugins=core.runtime.plugins))
        assert shown(mine["daily"]) == {
            ("circle", None): ["Letter"],
            ("faulty", None): BROKEN,
            ("plain", None): NO_PREVIEW,
            ("public", None): ["Letter"],
            ("circle", "hall"): ["Letter"],
            ("circle", "refused"): "This place takes nothing.",
            ("nowhere", "hall"): NOT_ENABLED,
        }
        # a survey asks only where it may
        assert set(shown(mine["survey"])) == {("circle", None), ("faulty", None), ("plain", None)}

        example = previews(program_document.parse(EXAMPLE.read_text(), version=1, plugins=core.runtime.plugins))
        asked = {key for key, one in example.items() if one.practice.ask != "place"}
        seen = {key: next(one for one in example[key].shown if one.platform == "circle") for key in asked}
        assert len(seen) > 10
        assert not {key: one.why for key, one in seen.items() if one.why}
        words = json.dumps([repr(one) for one in seen.values()])
        assert any(name in words for name, *_ in MEMBERS.values())
        async with core.runtime.database.read() as tx:
            for table in (round_table, delivery):
                assert (await tx.execute(sa.select(sa.func.count()).select_from(table))).scalar_one() == 0


async def test_no_button_of_a_preview_opens_anything(tmp_path: Path) -> None:
    tokens: list[str] = []

    class Telling(Circles):
        def looks(self, prompt: Prompt, place: Place | None) -> Sequence[Look]:
            tokens.extend(action.token for action in prompt.actions)
            return super().looks(prompt, place)

    plugins = {"circle": Shapes("circle", Telling())}
    async with world(f"sqlite:///{tmp_path / 'tertulia.db'}", tmp_path, plugins=plugins) as core:
        home = await core.workspace()
        await core.enable(home, "circle")
        async with core.runtime.database.read() as tx:
            space = await people.workspace(tx, home.organization, home.workspace)
        assert space is not None
        program = program_document.parse(PROGRAM, version=1, plugins=core.runtime.plugins)
        previewing.preview(core.runtime, space, program)
    assert set(tokens) == {previewing.TOKEN}
