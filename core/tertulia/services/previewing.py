"""Show how the practices of a program would look on each platform, before anything of it is in force.

Everybody in a preview is invented. Nothing is stored or sent, and no ticket on a button opens anything.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tertulia.capabilities import Platform
from tertulia.contract import raised_at
from tertulia.domain.identifiers import Id, Json
from tertulia.domain.looks import Look
from tertulia.domain.people import Place
from tertulia.domain.programs import Practice, Program
from tertulia.domain.prompts import Prompt
from tertulia.errors import Mistake
from tertulia.extension import RitualKind, RoundRequest, Sampled
from tertulia.kinds import Celebrating, Dealing, Dealt, Occasion, Party, Telling
from tertulia.runtime import Runtime
from tertulia.services import cadence, prompts
from tertulia.services.rounds import RoundRow
from tertulia.storage.people import Workspace

log = logging.getLogger(__name__)
ROUND = "0" * 32
TOKEN = "sealed-when-it-is-sent"  # noqa: S105 - what stands for a button's token, and opens nothing
LINK = "/a/one-person-s-own-link"
SEED = 1
MEMBERS = {
    "sample-1": ("Alex Sample", "North", "Madrid"),
    "sample-2": ("Blanca Sample", "North", "Madrid"),
    "sample-3": ("Chidi Sample", "South", "Lisbon"),
    "sample-4": ("Dana Sample", "South", "Berlin"),
    "sample-5": ("Emre Sample", "West", "Berlin"),
}
"""Invented people, each with a team and a place."""
ME = "sample-1"
NOT_ENABLED = "No enabled plugin carries this place. Enable one on the page Plugins, or take the place out."
NO_PREVIEW = "The plugin shows no preview."
BROKEN = "It cannot be shown beforehand; the log tells more."


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Hold how a practice looks on one platform: to one person, or in *place*; *why* says why there is nothing."""

    platform: str
    place: Place | None = None
    looks: tuple[Look, ...] = ()
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Hold how a practice looks everywhere it goes."""

    practice: Practice
    shown: tuple[Shown, ...]


def preview(runtime: Runtime, home: Workspace, program: Program) -> tuple[Preview, ...]:
    """Show every practice of *program* in the workspace's language, on each platform that is enabled there."""
    return tuple(
        Preview(practice=practice, shown=tuple(_practice(runtime, home, practice))) for practice in program.practices
    )


def _practice(runtime: Runtime, home: Workspace, practice: Practice) -> Iterator[Shown]:
    kind = runtime.plugins.ritual(practice.kind)
    confidential = kind.privacy == "confidential"
    try:
        round_ = _round(runtime, home, practice, kind)
        private = _prompt(runtime, round_, practice, kind, home.language, ME)
        shared = _prompt(runtime, round_, practice, kind, home.language, None)
    except Exception as error:
        # a kind may come with a plugin; what it shows of an invented round is not worth a page
        log.warning("a preview of kind %s failed: %s", practice.kind, raised_at(error))
        yield Shown(platform="", why=BROKEN)
        return
    if practice.ask in ("each", "both") or confidential:
        for platform in _asking(runtime, home, confidential=confidential):
            yield _shown(platform, private, None)
    if practice.ask in ("place", "both") and not confidential:
        for place in practice.places:
            found = runtime.installations.find(home.id, place.platform)
            if found is None or found[1].ritual is None:
                yield Shown(platform=place.platform, place=place, why=NOT_ENABLED)
            else:
                yield _shown(found[1], shared, place)


def _asking(runtime: Runtime, home: Workspace, *, confidential: bool) -> Iterator[Platform]:
    """Return the platforms that ask one person, each once."""
    seen = set()
    for live in runtime.installations.of(home.id):
        for platform in live.platforms.values():
            port = platform.survey
            if port is not None and platform.name not in seen and not (confidential and port.confidential == "no"):
                seen.add(platform.name)
                yield platform


def _shown(platform: Platform, prompt: Prompt, place: Place | None) -> Shown:
    if platform.preview is None:
        return Shown(platform=platform.name, place=place, why=NO_PREVIEW)
    try:
        looks = tuple(platform.preview.looks(prompt, place))
    except Mistake as mistake:
        return Shown(platform=platform.name, place=place, why=str(mistake))
    except Exception as error:
        log.error("the preview of platform %s failed: %s", platform.name, raised_at(error))
        return Shown(platform=platform.name, place=place, why=BROKEN)
    return Shown(platform=platform.name, place=place, looks=looks)


def _round(runtime: Runtime, home: Workspace, practice: Practice, kind: RitualKind) -> RoundRow:
    """Prepare a round that nobody stores."""
    now = runtime.clock.now()
    opens = next((one for one in cadence.occurrences(practice.cadence, now.replace(tzinfo=None))), None)
    closes = now + practice.open_for
    prepared = kind.prepare(
        RoundRequest(
            practice=practice.key,
            options=kind.options.model_validate(dict(practice.options)),
            occurrence=(opens or now.replace(tzinfo=None)).isoformat(),
            group_size=len(MEMBERS),
            seed=SEED,
            closes_at=closes,
            page=f"{runtime.config.public_url}/my",
        )
    )
    content = kind.told(prepared.content, {}) if isinstance(kind, Telling) else prepared.content
    return RoundRow(
        id=ROUND,
        organization=home.organization,
        workspace=home.id,
        practice=practice.key,
        kind=practice.kind,
        program_version=0,
        occurrence=now.isoformat(),
        state="open",
        reason=None,
        next_action=None,
        next_at=None,
        step=0,
        opens_at=now,
        closes_at=closes,
        confidential=kind.privacy == "confidential",
        counted=None,
        counted_day=None,
        content=dict(content),
        summary=None,
    )


def _prompt(
    runtime: Runtime, round_: RoundRow, practice: Practice, kind: RitualKind, language: str, person: Id | None
) -> Prompt:
    share = _share(kind, round_, runtime.clock.now()) if person is not None else None
    link = f"{runtime.config.public_url}{LINK}"
    made = prompts.compose(runtime, round_, practice, person=person, language=language, link=link, share=share)
    return replace(made, actions=tuple(replace(action, token=TOKEN) for action in made.actions))


def _share(kind: RitualKind, round_: RoundRow, now: datetime) -> Json | None:
    """Return what the invented member is asked in particular, as the core would show it."""
    if isinstance(kind, Sampled):
        return kind.share(round_.content, bytes(32))
    if not isinstance(kind, Dealt):
        return None
    closes = round_.closes_at or now
    dealt = kind.deal(
        round_.content,
        Dealing(
            people=tuple(MEMBERS),
            parties=(_party(closes),),
            alone={},
            seed=SEED,
            opens_at=now,
            closes_at=closes,
            occasions=tuple(_occasions(kind, closes)) if isinstance(kind, Celebrating) else (),
        ),
    )
    own = dealt.get(ME)
    if own is None:
        return None
    mates = [one for one in own.share.get("people", ()) if one != ME and one in MEMBERS]
    me = {"id": ME, "name": MEMBERS[ME][0], "zone": "UTC", "given": {}, "reserved": {}}
    return {**own.share, "group": own.group, "people": [_mate(one) for one in mates], "me": me}


def _party(closes: datetime) -> Party:
    whole = closes.replace(minute=0, second=0, microsecond=0)
    times = tuple(whole + timedelta(days=days, hours=hours) for days, hours in ((1, 1), (2, 3), (3, 2)))
    why = "You have not met before, and your working hours overlap."
    return Party(id="sample-group", people=("sample-1", "sample-3"), by="meeting", why=why, times=times)


def _occasions(kind: Celebrating, closes: datetime) -> Iterator[Occasion]:
    for person, name in zip(("sample-4", "sample-5"), kind.occasions, strict=False):
        day = closes + timedelta(days=2)
        yield Occasion(person=person, name=name, day=day.date(), at=day, circle=frozenset({ME, "sample-2"}))


def _mate(one: Id) -> dict[str, Any]:
    name, team, location = MEMBERS[one]
    return {"id": one, "dealt": one, "name": name, "team": team, "location": location, "zone": "UTC", "given": {}}
