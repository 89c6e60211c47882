"""What the operator's commands changed that needs two people in the console: told to those who run the workspace.

Whoever has the shell has the keys and the database; a rule there would be pretence. So it is shown instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tertulia.domain.identifiers import Id
from tertulia.services.agreed import EXPORTS
from tertulia.storage import audit
from tertulia.storage.audit import Entry
from tertulia.storage.database import Tx
from tertulia.storage.people import Workspace, persons

TOLD = timedelta(days=30)
VERBS = ("role.grant", "role.revoke", "program.threshold", "organization.domains", "export.taken")


@dataclass(frozen=True, kw_only=True)
class Done:
    """Hold one change in words."""

    at: datetime
    by: str
    words: str


async def done(tx: Tx, home: Workspace, now: datetime) -> list[Done]:
    """Return what commands changed in a workspace or its organization in the last month, newest first."""
    found = [
        one
        for one in await audit.at_the_command_line(tx, home.organization, verbs=VERBS, since=now - TOLD)
        if home.id in (one.subject, one.detail.get("workspace")) or one.verb == "organization.domains"
    ]
    known = await persons(tx, home.organization, {one.subject for one in found})
    names = {key: one.name for key, one in known.items() if one.name}
    return [Done(at=one.at, by=one.actor, words=_words(one, names)) for one in found]


def _words(one: Entry, names: Mapping[Id, str]) -> str:
    who = names.get(one.subject, "somebody who is gone")
    match one.verb:
        case "role.grant":
            return f"{who} got the role {one.detail.get('role')}."
        case "role.revoke":
            return f"The role {one.detail.get('role')} was taken from {who}."
        case "export.taken":
            return f"An export was written: {EXPORTS.get(str(one.detail.get('of')), 'something')}."
        case "program.threshold":
            changes = "; ".join(f"“{key}” from {change}" for key, change in one.detail["fewest"].items())
            return f"The number of people behind every figure changed: {changes}."
        case _:
            return f"The e-mail domains are now: {', '.join(map(str, one.detail.get('domains', ()))) or 'none'}."
