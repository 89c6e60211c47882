"""Tokens of the JSON API: made by who runs a workspace, shown once, kept as a hash, bounded by the maker's roles."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Role
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import profiles
from tertulia.services.links import digest
from tertulia.storage import audit, people
from tertulia.storage.database import Tx
from tertulia.storage.tables import api_token, membership, person
from tertulia.storage.tables import workspace as workspace_table

SCOPES: Mapping[str, str] = {
    "read:program": "read the program and its versions, and try what a change would do",
    "write:program": "put programs into force",
    "read:rounds": "read how rounds and their deliveries stand, as counts",
    "write:rounds": "send again what failed, close rounds early, leave rounds out and take that back",
    "read:people": "read who the members are: names, addresses, teams, places; never what they do",
    "write:people": "import people",
    "read:plugins": "read which plugins are enabled, and their settings without secrets",
    "write:plugins": "enable, configure, try and disable plugins",
    "read:surveys": "read the published figures of surveys",
    "read:overview": "read the overview of cohesion",
    "read:recommendations": "read what is recommended and what was decided",
    "write:recommendations": "accept, decline and put off recommendations",
    "read:export": "export programs, rounds as counts, and what the pages publish",
    "read:audit": "read who changed what; for tokens that an owner makes",
}
"""What a token may be allowed to do, in words."""
PREFIX: Final = "tertulia_"
"""What every token begins with, so that scanners of published code know one; 58 letters of a-z2-7 follow."""
SECRET, CHECK = 32, 4
MAKERS: frozenset[Role] = frozenset({"owner", "admin"})
MOST_DAYS = 366
LONGEST = 100
"""Letters of a name."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """Hold a token without its secret; *person* made it, *used_on* is a day in UTC."""

    id: Id
    organization: Id
    workspace: Id
    person: Id
    name: str
    scopes: tuple[str, ...]
    made_at: datetime
    expires_at: datetime
    used_on: str | None
    revoked_at: datetime | None

    @property
    def actor(self) -> str:
        """The name under which the audit log has what the token did."""
        return actor_of(self.id)

    def works(self, now: datetime) -> bool:
        """Tell whether it is neither revoked nor expired."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Hold a token that was shown, and the roles that its maker has in its workspace now."""

    token: Token
    roles: frozenset[str]


def actor_of(token: Id) -> str:
    """Return the name of a token as an actor."""
    return f"token:{token}"


async def create(
    runtime: Runtime,
    tx: Tx,
    *,
    organization: Id,
    workspace: Id,
    person: Id,
    name: str,
    scopes: Collection[str],
    days: int,
    now: datetime,
    actor: str,
) -> tuple[Token, str]:
    """Make a token for *person*, who runs the workspace, and return it with its text, which is kept nowhere."""
    title = profiles.title("name", name)
    if len(title) > LONGEST:
        raise Mistake(f"name has {len(title)} characters; shorten it to at most {LONGEST}.")
    if not 1 <= days <= MOST_DAYS:
        raise Mistake(f"A token cannot be kept for {days} days; choose 1 to {MOST_DAYS}.")
    await _check_scopes(tx, organization, workspace, person, scopes)
    text = _text(runtime.entropy(SECRET))
    token = Token(
        id=runtime.new_id(),
        organization=organization,
        workspace=workspace,
        person=person,
        name=title,
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        made_at=now,
        expires_at=now + timedelta(days=days),
        used_on=None,
        revoked_at=None,
    )
    await tx.execute(api_token.insert().values(_row(token, text)))
    detail = {"name": title, "workspace": workspace, "scopes": list(token.scopes), "days": days}
    await _note(runtime, tx, token, "token.create", actor, detail)
    return token, text


async def listed(tx: Tx, organization: Id, workspace: Id) -> list[Token]:
    """Return the tokens of a workspace, newest first, expired and revoked ones too while they are kept."""
    table = api_token.c
    mine = (table.organization_id == organization, table.workspace_id == workspace)
    query = sa.select(api_token).where(*mine).order_by(table.made_at.desc(), table.id)
    return [_read(row) for row in await tx.execute(query)]


async def revoke(
    runtime: Runtime, tx: Tx, *, organization: Id, workspace: Id, token: str, now: datetime, actor: str
) -> Token:
    """Revoke the token whose id begins with *token*, at once and for good; repeating it changes nothing."""
    found = [one for one in await listed(tx, organization, workspace) if token and one.id.startswith(token)]
    if len(found) != 1:
        raise Mistake(f"{token!r} names {len(found) or 'no'} tokens of this workspace; copy an id from their list.")
    one = found[0]
    if one.revoked_at is None:
        await _revoke(runtime, tx, one, now, actor)
    return one


async def own(tx: Tx, organization: Id, maker: Id, now: datetime) -> list[tuple[Token, str]]:
    """Return a person's tokens that work, each with the name of its workspace, newest first."""
    table, selves = api_token.c, await people.selves(tx, organization, maker)
    mine = (table.organization_id == organization, table.person_id.in_(selves), table.expires_at > now)
    query = sa.select(api_token, workspace_table.c.name.label("home")).where(*mine, table.revoked_at.is_(None))
    query = query.join(workspace_table, workspace_table.c.id == table.workspace_id)
    return [(_read(row), row.home) for row in await tx.execute(query.order_by(table.made_at.desc(), table.id))]


async def revoke_own(
    runtime: Runtime, tx: Tx, organization: Id, maker: Id, now: datetime, *, token: str | None = None
) -> None:
    """Revoke the person's token of this id, or all of theirs; what is not their own is left alone."""
    for one, _ in await own(tx, organization, maker, now):
        if token in (None, one.id):
            await _revoke(runtime, tx, one, now, maker)


async def end_with_role(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, maker: Id, *, actor: str) -> None:
    """Revoke the tokens of whoever does not run a workspace any more, so that no later role revives them."""
    if MAKERS & await _roles(tx, organization, workspace, maker):
        return
    for one in await listed(tx, organization, workspace):
        if one.person == maker and one.revoked_at is None:
            await _revoke(runtime, tx, one, runtime.clock.now(), actor)


async def find(tx: Tx, text: str, now: datetime) -> Caller | None:
    """Return who calls with a token, unless it is none, expired, revoked, or its maker's who is erased."""
    if not _whole(text):
        return None
    same = (person.c.id == api_token.c.person_id) & (person.c.organization_id == api_token.c.organization_id)
    query = sa.select(api_token).join(person, same).where(api_token.c.digest == digest(text))
    row = (await tx.execute(query.where(person.c.erased_at.is_(None)))).one_or_none()
    token = None if row is None else _read(row)
    if token is None or not token.works(now):
        return None
    return Caller(token=token, roles=await _roles(tx, token.organization, token.workspace, token.person))


async def used(runtime: Runtime, token: Token, now: datetime) -> None:
    """Note the day on which a token was used, once a day."""
    today = now.date().isoformat()
    if token.used_on != today:
        async with runtime.database.write() as tx:
            await tx.execute(_own(token).values(used_on=today))


async def named(tx: Tx, organization: Id, actors: Collection[str]) -> dict[str, str]:
    """Return the names of tokens among *actors* of the audit log; those that are not kept any more are absent."""
    ids = [one.removeprefix(actor_of("")) for one in actors if one.startswith(actor_of(""))]
    found: dict[str, str] = {}
    for some in people.chunks(ids):
        query = sa.select(api_token.c.id, api_token.c.name).where(
            api_token.c.organization_id == organization, api_token.c.id.in_(some)
        )
        found |= {actor_of(row.id): row.name for row in await tx.execute(query)}
    return found


async def _revoke(runtime: Runtime, tx: Tx, token: Token, now: datetime, actor: str) -> None:
    await tx.execute(_own(token).values(revoked_at=now))
    await _note(runtime, tx, token, "token.revoke", actor, {"name": token.name, "workspace": token.workspace})


async def _check_scopes(tx: Tx, organization: Id, workspace: Id, maker: Id, scopes: Collection[str]) -> None:
    roles = await _roles(tx, organization, workspace, maker)
    if not MAKERS & roles:
        raise Mistake("Only an owner or admin of the workspace can have a token; give the role first.")
    if not scopes:
        raise Mistake("Nothing is allowed to the token; choose at least one scope.")
    for scope in scopes:
        if scope not in SCOPES:
            raise Mistake(f"{scope!r} is no scope; choose among {', '.join(SCOPES)}.")
    if "read:audit" in scopes and "owner" not in roles:
        raise Mistake("read:audit is for owners, who alone read the log; leave it out.")


async def _roles(tx: Tx, organization: Id, workspace: Id, maker: Id) -> frozenset[str]:
    """Return what a member may do there now; nothing for whoever is no member any more."""
    query = sa.select(sa.literal(1)).where(
        membership.c.organization_id == organization,
        membership.c.workspace_id == workspace,
        membership.c.person_id == maker,
        membership.c.left_at.is_(None),
    )
    if (await tx.execute(query)).first() is None:
        return frozenset()
    return (await people.roles_of(tx, organization, maker)).get(workspace, frozenset())


def _text(secret: bytes) -> str:
    check = zlib.crc32(secret).to_bytes(CHECK, "big")
    return PREFIX + base64.b32encode(secret + check).decode().rstrip("=").lower()


def _whole(text: str) -> bool:
    """Tell whether *text* is a token that nobody mistyped; so guesses do not reach the database."""
    letters = text.removeprefix(PREFIX)
    if letters == text or not letters.isascii() or letters != letters.lower():
        return False
    try:
        content = base64.b32decode(letters.upper() + "=" * (-len(letters) % 8))
    except binascii.Error:
        return False
    return len(content) == SECRET + CHECK and zlib.crc32(content[:SECRET]) == int.from_bytes(content[SECRET:], "big")


def _own(token: Token) -> sa.Update:
    return api_token.update().where(api_token.c.organization_id == token.organization, api_token.c.id == token.id)


def _row(token: Token, text: str) -> dict[str, Any]:
    return {
        "organization_id": token.organization,
        "id": token.id,
        "workspace_id": token.workspace,
        "person_id": token.person,
        "name": token.name,
        "scopes": list(token.scopes),
        "digest": digest(text),
        "made_at": token.made_at,
        "expires_at": token.expires_at,
    }


def _read(row: sa.Row[Any]) -> Token:
    return Token(
        id=row.id,
        organization=row.organization_id,
        workspace=row.workspace_id,
        person=row.person_id,
        name=row.name,
        scopes=tuple(row.scopes),
        made_at=row.made_at,
        expires_at=row.expires_at,
        used_on=row.used_on,
        revoked_at=row.revoked_at,
    )


async def _note(runtime: Runtime, tx: Tx, token: Token, verb: str, actor: str, detail: Json) -> None:
    await audit.record(
        tx,
        runtime.vault,
        organization=token.organization,
        at=runtime.clock.now(),
        actor=actor,
        verb=verb,
        subject=token.id,
        detail=detail,
    )
