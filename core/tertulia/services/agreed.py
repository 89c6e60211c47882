"""What a second person has to agree to: each change with who may ask for it, who may approve it, and what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.people import Role
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.services import fewest, people, programs
from tertulia.services.proposals import Change, Proposal
from tertulia.storage import people as stored
from tertulia.storage import programs as stored_programs
from tertulia.storage.database import Tx

RUNNING: frozenset[Role] = frozenset({"owner", "admin"})
OWNING: frozenset[Role] = frozenset({"owner"})
GUARDED: frozenset[Role] = frozenset({"owner", "admin", "analyst", "responder"})
"""The roles that open what is about others; a host holds rounds and nothing else."""
HIGHEST: frozenset[Role] = frozenset({"owner", "admin"})
"""Roles that only another owner approves: admins do not make each other owners."""
FORMS = {"csv": "CSV", "parquet": "Parquet"}
EXPORTS = {"people": "the list of people", "audit": "the log of who changed what"}
"""Exports that name people."""


def _running(detail: Json) -> frozenset[Role]:
    return RUNNING


def _owning(detail: Json) -> frozenset[Role]:
    return OWNING


def _above(detail: Json) -> frozenset[Role]:
    return OWNING if detail.get("role") in HIGHEST else RUNNING


def _of_the_export(detail: Json) -> frozenset[Role]:
    return OWNING if detail.get("of") == "audit" else RUNNING


async def _look_at_grant(runtime: Runtime, tx: Tx, found: Proposal) -> Json:
    person, role, held = await _member_and_role(tx, found)
    if role in held:
        raise Mistake(f"This person is {role} already.")
    if await stored.current(tx, found.organization, person) != person:
        raise Mistake("This person was merged into another one meanwhile; propose it for that one.")
    return {"held": False}


async def _look_at_revoke(runtime: Runtime, tx: Tx, found: Proposal) -> Json:
    person, role, held = await _member_and_role(tx, found)
    if role not in held:
        raise Mistake(f"This person is not {role}.")
    workspace = _workspace(found)
    await people.refuse_last_owner(tx, found.organization, workspace, person, role)
    return {"held": True}


async def _grant(runtime: Runtime, tx: Tx, found: Proposal, by: Id) -> None:
    what = (found.organization, _workspace(found), str(found.detail["person"]), str(found.detail["role"]))
    await people.grant(runtime, tx, *what, actor=by)


async def _revoke(runtime: Runtime, tx: Tx, found: Proposal, by: Id) -> None:
    what = (found.organization, _workspace(found), str(found.detail["person"]), str(found.detail["role"]))
    await people.revoke(runtime, tx, *what, actor=by)


async def _member_and_role(tx: Tx, found: Proposal) -> tuple[Id, str, frozenset[Role]]:
    """Return whom a role is about, and which they have; only members have roles."""
    person, role = str(found.detail.get("person", "")), str(found.detail.get("role", ""))
    if role not in get_args(Role):
        raise Mistake(f"role {role!r} is unknown; use {', '.join(get_args(Role))}.")
    workspace = _workspace(found)
    known = await stored.as_member(tx, found.organization, workspace, person)
    if known is None or not known.member or known.person.erased:
        raise Mistake("This person is not a member of the workspace; add the person first.")
    return person, role, (await stored.roles_of(tx, found.organization, person)).get(workspace, frozenset())


async def _look_at_threshold(runtime: Runtime, tx: Tx, found: Proposal) -> Json:
    practice, wanted, workspace = str(found.detail.get("practice", "")), found.detail.get("fewest"), _workspace(found)
    program = await stored_programs.current(tx, found.organization, workspace)
    known = fewest.thresholds(runtime, program) if program else {}
    if program is None or practice not in known:
        raise Mistake("There is no such survey in the program; load the page again.")
    if not isinstance(wanted, int) or isinstance(wanted, bool):
        raise Mistake("How many people must stand behind a figure is a whole number; type one.")
    if wanted == known[practice]:
        raise Mistake(f"It is {wanted} already.")
    document = await _document(runtime, tx, found)
    planned = await programs.plan(runtime, tx, found.organization, workspace, document)
    await fewest.refuse_lowering(runtime, tx, found.organization, workspace, planned.program)
    return {"before": known[practice]}


async def _set_threshold(runtime: Runtime, tx: Tx, found: Proposal, by: Id) -> None:
    where = {"organization": found.organization, "workspace": _workspace(found)}
    document = await _document(runtime, tx, found)
    await programs.apply_agreed(runtime, tx, **where, text=document, actor=by)


async def _document(runtime: Runtime, tx: Tx, found: Proposal) -> str:
    newest = await programs.show(tx, found.organization, _workspace(found))
    return fewest.rewritten(newest.document, str(found.detail["practice"]), int(found.detail["fewest"]))


async def _look_at_domains(runtime: Runtime, tx: Tx, found: Proposal) -> Json:
    if found.workspace is not None:
        raise Mistake("Domains belong to the whole organization; propose them for no single workspace.")
    wanted = found.detail.get("domains")
    if not isinstance(wanted, Sequence) or isinstance(wanted, str) or len(wanted) > 100:
        raise Mistake("Write at most a hundred domains, one a line.")
    known = await stored.organization(tx, found.organization)
    before = sorted(known.domains) if known else []
    if people.declared([str(one) for one in wanted]) == before:
        raise Mistake("These are the domains already.")
    return {"before": before}


async def _declare(runtime: Runtime, tx: Tx, found: Proposal, by: Id) -> None:
    await people.declare_domains(runtime, tx, found.organization, map(str, found.detail["domains"]), actor=by)


async def _look_at_export(runtime: Runtime, tx: Tx, found: Proposal) -> Json:
    _workspace(found)
    if found.detail.get("of") not in EXPORTS or found.detail.get("form") not in FORMS:
        raise Mistake("Choose one of the exports, and one of the forms.")
    return {}


async def _nothing(runtime: Runtime, tx: Tx, found: Proposal, by: Id) -> None:
    """Change nothing: that it was approved is what lets the proposer download it."""


def _workspace(found: Proposal) -> Id:
    if found.workspace is None:
        raise Mistake("This belongs to one workspace; name it.")
    return found.workspace


def _who(detail: Json, names: Mapping[Id, str]) -> str:
    return names.get(str(detail.get("person")), "somebody who is gone")


def _list(some: Sequence[object]) -> str:
    return ", ".join(map(str, some)) or "none"


GRANT = Change(
    proposers=_running,
    approvers=_above,
    look=_look_at_grant,
    carry_out=_grant,
    words=lambda detail, names: f"Give {_who(detail, names)} the role {detail['role']}.",
)
REVOKE = Change(
    proposers=_running,
    approvers=_above,
    look=_look_at_revoke,
    carry_out=_revoke,
    words=lambda detail, names: f"Take the role {detail['role']} from {_who(detail, names)}.",
)
THRESHOLD = Change(
    proposers=_running,
    approvers=_running,
    look=_look_at_threshold,
    carry_out=_set_threshold,
    words=lambda detail, names: (
        f"Let at least {detail['fewest']} people stand behind every figure of the survey “{detail['practice']}”, "
        f"instead of {detail['before']}."
    ),
)
DOMAINS = Change(
    proposers=_owning,
    approvers=_owning,
    look=_look_at_domains,
    carry_out=_declare,
    words=lambda detail, names: (
        f"Declare as e-mail domains: {_list(detail['domains'])}; until now: {_list(detail['before'])}."
    ),
)
EXPORT = Change(
    proposers=_of_the_export,
    approvers=_of_the_export,
    look=_look_at_export,
    carry_out=_nothing,
    words=lambda detail, names: f"Export {EXPORTS[str(detail['of'])]} as {FORMS[str(detail['form'])]}, once.",
)
