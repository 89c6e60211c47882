"""A second workspace, in which no plugin is enabled: whoever tries the demo as an admin enables one there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import resources

from pydantic import BaseModel

from tertulia.domain.identifiers import Id, Json
from tertulia.runtime import Runtime
from tertulia.services import people, programs
from tertulia.storage.database import Tx
from tertulia.web.console import setting_forms

NAME = "The Lab"
PEOPLE = 6
"""So many of the employed are members, the first of whom runs it."""


async def found(runtime: Runtime, tx: Tx, organization: Id, members: Sequence[Id], *, actor: str) -> Id:
    """Found the workspace with *members*, of whom the first is its owner; returns its id."""
    workspace = await people.create_workspace(runtime, tx, organization, name=NAME, zone="Europe/Lisbon", actor=actor)
    for person in members:
        await people.join(runtime, tx, organization, workspace, person, actor=actor)
    await people.grant(runtime, tx, organization, workspace, members[0], "owner", actor=actor)
    return workspace


async def begin(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, *, actor: str) -> None:
    """Apply its program; as long as no plugin is enabled nobody is asked anything."""
    text = resources.files("tertulia.sandbox").joinpath("lab.toml").read_text(encoding="utf-8")
    await programs.apply(runtime, tx, organization=organization, workspace=workspace, text=text, actor=actor)


def entries(model: type[BaseModel], settings: Json) -> Iterator[tuple[str, str]]:
    """Yield what one enters in the form of a plugin's settings: the label of a field and its value, in order."""
    above = ""
    for control in setting_forms.controls(model, settings):
        if not control.level:
            above = control.label
        value = _at(settings, control.name.split("."))
        if value is not None and not isinstance(value, Mapping):
            label = control.label if not control.level else f"{above}: {control.label}"
            yield label, "\n".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _at(settings: Json, path: Sequence[str]) -> object:
    found: object = settings
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
