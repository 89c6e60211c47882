"""Affinity groups: members find one, join, found and leave it; nothing of this is audited, counted or reported.

An entry in the audit log, a figure or an export would say who is in a group. So there is none, and what a group's own
practices bring is kept out of participation and ties as well (`services.rounds.of_group`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import sqlalchemy as sa

from tertulia.domain.identifiers import Id
from tertulia.domain.programs import Practice
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import sign_ups
from tertulia.storage import audit, groups, people, programs
from tertulia.storage.database import Tx, upsert
from tertulia.storage.groups import Belonging, Group
from tertulia.storage.tables import affinity_group, affinity_member

LONGEST_NAME, LONGEST_ABOUT = 80, 600
MOST_FOUNDED = 5
"""Groups that one person keeps at most."""
NO_SUCH = "There is no such group; choose one of those that are shown."
NOT_IN = "You are not in this group."
NOT_KEEPER = "Only those who look after the group may do this."
STAYS_PRIVATE = "Others joined this group as a private one, so it stays private; found another one that is open."


@dataclass(frozen=True, kw_only=True)
class View:
    """Hold a group as one person may see it.

    *me* is `None` for who is not in it. *named* are members who wish everybody to know, or all of them for a member.
    *size* is rounded down to 5, `None` for fewer. *waiting* are shown to keepers. *rituals* are shown to members.
    """

    group: Group
    me: Belonging | None
    named: tuple[Belonging, ...]
    size: int | None
    waiting: tuple[Belonging, ...]
    kept: bool
    rituals: tuple[Practice, ...]


async def discover(tx: Tx, organization: Id, person: Id) -> list[View]:
    """Return the groups of the person's workspaces, each as the person may see it."""
    workspaces = await people.workspaces_of(tx, organization, person)
    found = await groups.of_workspaces(tx, organization, workspaces)
    inside = await groups.belonging(tx, organization, [group.id for group in found])
    current = {workspace: await programs.current(tx, organization, workspace) for workspace in workspaces}
    views = []
    for group in found:
        program = current[group.workspace]
        carried = [one for one in (program.practices if program else ()) if group.slug in one.audience.groups]
        views.append(_seen(group, person, inside[group.id], carried))
    return views


def _seen(group: Group, person: Id, everybody: list[Belonging], carried: list[Practice]) -> View:
    me = next((one for one in everybody if one.person == person), None)
    members = [one for one in everybody if one.joined]
    inside = me is not None and me.joined
    named = members if inside else [one for one in members if one.shown and not group.private]
    tells = inside or not group.private
    return View(
        group=group,
        me=me,
        named=tuple(named),
        size=len(members) // 5 * 5 or None if tells else None,
        waiting=tuple(one for one in everybody if not one.joined) if me is not None and me.keeper else (),
        kept=any(one.keeper for one in members),
        rituals=tuple(carried) if inside else (),
    )


async def found(
    runtime: Runtime, tx: Tx, organization: Id, workspace: Id, person: Id, *, name: str, about: str, private: bool
) -> Group:
    """Found a group, whose keeper the founder is; raises `Mistake` where the name is taken or empty."""
    if workspace not in await people.workspaces_of(tx, organization, person):
        raise Mistake("You are not a member of this workspace.")
    named, told = _one_line(name, LONGEST_NAME, "name"), _text(about)
    kept = affinity_member.c
    query = sa.select(sa.func.count()).where(kept.organization_id == organization, kept.person_id == person)
    if (await tx.execute(query.where(kept.keeper.is_(True)))).scalar_one() >= MOST_FOUNDED:
        raise Mistake(f"You look after {MOST_FOUNDED} groups already; hand one on before you found another.")
    group = Group(
        id=runtime.new_id(), workspace=workspace, slug=_slug(named), name=named, about=told, private=private
    )
    row = {
        "organization_id": organization,
        "id": group.id,
        "workspace_id": workspace,
        "slug": group.slug,
        "name": named,
        "about": told,
        "private": private,
    }
    if not await upsert(tx, affinity_group, [row], keys=("organization_id", "workspace_id", "slug")):
        raise Mistake("There is or was a group of this name; choose another name, or join that one.")
    await _enter(runtime, tx, organization, group.id, person, keeper=True, shown=False, joined=True)
    return group


async def join(runtime: Runtime, tx: Tx, organization: Id, group: Id, person: Id, *, shown: bool = False) -> bool:
    """Let the person into a group, or wait to be let in where it is private; tell which of both.

    *shown* names the person to the whole workspace; in a private group nobody is.
    """
    wanted = await _mine(tx, organization, group, person)
    if await _belonging(tx, organization, group, person) is None:
        joined = not wanted.private
        named = shown and not wanted.private
        await _enter(runtime, tx, organization, group, person, keeper=False, shown=named, joined=joined)
        if joined:
            await _return(tx, organization, wanted, person)
    return not wanted.private


async def leave(runtime: Runtime, tx: Tx, organization: Id, group: Id, person: Id) -> None:
    """Take the person out of a group at once; what its practices planned to send is not sent."""
    wanted = await _mine(tx, organization, group, person)
    table = affinity_member
    mine = (table.c.organization_id == organization, table.c.group_id == group, table.c.person_id == person)
    await tx.execute(table.delete().where(*mine))
    for practice in await _carried(tx, organization, wanted):
        others = await groups.members_of(tx, organization, wanted.workspace, practice.audience.groups)
        if person not in others:
            where = (organization, wanted.workspace, practice.key)
            await sign_ups.stay_away(runtime, tx, *where, person)


async def show(tx: Tx, organization: Id, group: Id, person: Id, *, shown: bool) -> None:
    """Name the person to the whole workspace as one of the group, or no more."""
    wanted = await _mine(tx, organization, group, person)
    if shown and wanted.private:
        raise Mistake("This group is private: nobody is named outside of it.")
    await _change(tx, organization, group, person, shown=shown)


async def decide(
    runtime: Runtime, tx: Tx, organization: Id, group: Id, keeper: Id, person: Id, *, let_in: bool
) -> None:
    """Let in somebody who waits, or not; a keeper alone may."""
    wanted = await _kept(tx, organization, group, keeper)
    waiting = await _belonging(tx, organization, group, person)
    if waiting is None or waiting.joined:
        raise Mistake("This person does not wait to be let in any more.")
    if let_in:
        await _change(tx, organization, group, person, joined_at=runtime.clock.now())
        await _return(tx, organization, wanted, person)
        return
    table = affinity_member
    theirs = (table.c.organization_id == organization, table.c.group_id == group, table.c.person_id == person)
    await tx.execute(table.delete().where(*theirs))


async def keep(tx: Tx, organization: Id, group: Id, person: Id) -> None:
    """Look after a group that nobody looks after any more; any member may."""
    await _mine(tx, organization, group, person, lock=True)
    members = (await groups.belonging(tx, organization, [group]))[group]
    if not any(one.person == person and one.joined for one in members):
        raise Mistake(NOT_IN)
    if any(one.keeper for one in members):
        raise Mistake("Somebody looks after this group already.")
    await _change(tx, organization, group, person, keeper=True)


async def describe(tx: Tx, organization: Id, group: Id, keeper: Id, *, name: str, about: str, private: bool) -> None:
    """Change what a group is called and says of itself; becoming private hides who is in it.

    Raises `Mistake` where a private group that others are in would open: they were told that no outsider sees them.
    """
    before = await _kept(tx, organization, group, keeper)
    if before.private and not private and await _others(tx, organization, group, keeper):
        raise Mistake(STAYS_PRIVATE)
    table = affinity_group
    values = {"name": _one_line(name, LONGEST_NAME, "name"), "about": _text(about), "private": private}
    at = (table.c.organization_id == organization, table.c.id == group)
    await tx.execute(table.update().where(*at).values(values))
    if private:
        theirs = (affinity_member.c.organization_id == organization, affinity_member.c.group_id == group)
        await tx.execute(affinity_member.update().where(*theirs).values(shown=False))


async def close(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, slug: str, *, actor: str) -> None:
    """Close a group for an admin: nobody finds it, its practices ask nobody, and who was in it is deleted."""
    known = {group.slug: group for group in await groups.of_workspaces(tx, organization, [workspace])}
    if slug not in known:
        raise Mistake(f"There is no group {slug!r} in this workspace; see `tertulia groups list`.")
    group, now = known[slug], runtime.clock.now()
    for one in (await groups.belonging(tx, organization, [group.id]))[group.id]:
        await leave(runtime, tx, organization, group.id, one.person)
    of = (affinity_member.c.organization_id == organization, affinity_member.c.group_id == group.id)
    await tx.execute(affinity_member.delete().where(*of))
    at = (affinity_group.c.organization_id == organization, affinity_group.c.id == group.id)
    await tx.execute(affinity_group.update().where(*at).values(closed_at=now))
    await audit.record(
        tx,
        runtime.vault,
        organization=organization,
        at=now,
        actor=actor,
        verb="group.close",
        subject=group.id,
        detail={"slug": slug},
    )


async def _mine(tx: Tx, organization: Id, group: Id, person: Id, *, lock: bool = False) -> Group:
    found_ = await groups.find(tx, organization, group, lock=lock)
    if found_ is None or found_.workspace not in await people.workspaces_of(tx, organization, person):
        raise Mistake(NO_SUCH)
    return found_


async def _kept(tx: Tx, organization: Id, group: Id, keeper: Id) -> Group:
    wanted = await _mine(tx, organization, group, keeper)
    me = await _belonging(tx, organization, group, keeper)
    if me is None or not me.keeper:
        raise Mistake(NOT_KEEPER)
    return wanted


async def _belonging(tx: Tx, organization: Id, group: Id, person: Id) -> Belonging | None:
    everybody = (await groups.belonging(tx, organization, [group]))[group]
    return next((one for one in everybody if one.person == person), None)


async def _others(tx: Tx, organization: Id, group: Id, keeper: Id) -> bool:
    """Tell whether anybody but the *keeper* is in the group, or waits to be."""
    theirs = affinity_member.c
    query = sa.select(theirs.person_id).where(
        theirs.organization_id == organization, theirs.group_id == group, theirs.person_id != keeper
    )
    return (await tx.execute(query.limit(1))).first() is not None


async def _carried(tx: Tx, organization: Id, group: Group) -> list[Practice]:
    program = await programs.current(tx, organization, group.workspace)
    return [one for one in (program.practices if program else ()) if group.slug in one.audience.groups]


async def _return(tx: Tx, organization: Id, group: Group, person: Id) -> None:
    """Forget that the person stayed away from the group's practices."""
    for practice in await _carried(tx, organization, group):
        await sign_ups.forget(tx, organization, group.workspace, practice.key, person)


async def _enter(
    runtime: Runtime, tx: Tx, organization: Id, group: Id, person: Id, *, keeper: bool, shown: bool, joined: bool
) -> None:
    now = runtime.clock.now()
    row = {
        "organization_id": organization,
        "group_id": group,
        "person_id": person,
        "keeper": keeper,
        "shown": shown,
        "asked_at": now,
        "joined_at": now if joined else None,
    }
    await upsert(tx, affinity_member, [row], keys=("group_id", "person_id"))


async def _change(tx: Tx, organization: Id, group: Id, person: Id, **values: object) -> None:
    table = affinity_member
    mine = (table.c.organization_id == organization, table.c.group_id == group, table.c.person_id == person)
    if not (await tx.execute(table.update().where(*mine).values(values))).rowcount:
        raise Mistake(NOT_IN)


def _one_line(text: str, longest: int, what: str) -> str:
    plain = " ".join(text.split())
    if not 0 < len(plain) <= longest or not plain.isprintable():
        raise Mistake(f"The {what} needs 1 to {longest} characters; write it anew.")
    return plain


def _text(text: str) -> str:
    plain = text.strip().replace("\r\n", "\n")
    if len(plain) > LONGEST_ABOUT or not plain.replace("\n", "").replace("\t", "").isprintable():
        raise Mistake(f"What the group says of itself has at most {LONGEST_ABOUT} characters; shorten it.")
    return plain


def _slug(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", decomposed).strip("-")[:64].strip("-")
    if not slug:
        raise Mistake("The name needs at least one letter from a to z or one digit, for the program to call it by.")
    return slug
