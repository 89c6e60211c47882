"""Comments of surveys: shown along the organization tree only, of at least ten, shuffled, apart from all scores.

A text is a join key: two views of it tell what both have in common. So each comment is shown at one node: the deepest
visible one of its author. A node is visible where at least ten answered the round in it, and where those of it who
are in none of its visible children are none or at least ten. That depends on who answered, never on who commented.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tertulia.domain.identifiers import Entropy, Id, Json
from tertulia.domain.prompts import Field
from tertulia.errors import Mistake
from tertulia.runtime import Runtime
from tertulia.storage import people, tables
from tertulia.storage.database import Tx
from tertulia.surveys import redaction
from tertulia.surveys.confidentiality.candidates import DEPARTMENT, TEAM

FEWEST = 10
LONGEST = 1000
KEY, AS_IT_IS = "comment", "comment_as_it_is"
HINT = (
    "If you like. It is shown without your name and apart from your answers, among those of at least ten people. "
    f"{redaction.STYLE}"
)
_BROKEN = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff]")
Node = tuple[str, ...]
"""A path in the organization tree: nothing for the whole, a department, a team of it."""


@dataclass(frozen=True)
class Comment:
    """Hold a comment and the node at which it is shown, and nothing else."""

    node: Node
    text: str


def fields(question: str) -> tuple[Field, ...]:
    """Return the fields that ask for a comment."""
    tick = "Send my comment as it is, even where it seems to name somebody"
    return (
        Field(key=KEY, kind="long", label=question, hint=HINT),
        Field(key=AS_IT_IS, kind="confirm", label=tick),
    )


def given(values: Json) -> dict[str, str]:
    """Return the comment among *values* as it goes into the ballot; raises `Mistake` for one that cannot be kept."""
    text = str(values.get(KEY) or "").replace("\r\n", "\n").strip()
    if len(text) > LONGEST:
        raise Mistake(f"Your comment has {len(text)} characters; shorten it to at most {LONGEST}.")
    if _BROKEN.search(text):
        raise Mistake("Your comment holds a character that cannot be kept; write it anew.")
    return {KEY: text} if text else {}


async def preview(tx: Tx, organization: Id, workspace: Id, values: Json) -> None:
    """Stop a comment that seems to name somebody, before anything is sent, and show how it could read instead."""
    text = given(values).get(KEY, "")
    if not text or values.get(AS_IT_IS) in (True, "yes", "true", "on"):
        return
    names = [member.name for member in await people.members(tx, organization, workspace)]
    found = redaction.find(text, names)
    if found:
        kinds = " and ".join(
            sorted({f"a {one.kind}" if one.kind != "e-mail" else "an e-mail address" for one in found})
        )
        instead = redaction.redacted(text, found)
        raise Mistake(
            f"Nothing was sent yet: your comment seems to hold {kinds}. It could read: “{instead}”. Change it, or "
            "tick that it goes as it is."
        )


def arranged(answers: Mapping[Id, Json], atoms: Mapping[Id, Mapping[str, str]], entropy: Entropy) -> list[Comment]:
    """Return the comments of a closing round at the nodes where they may be shown, in a random order.

    *answers* are what each respondent gave, *atoms* what each is counted by. What fits no visible node is left out.
    """
    paths = {person: path_of(atoms.get(person, {})) for person in answers}
    shown = visible(list(paths.values()))
    drawn = [
        (entropy(16), Comment(deepest(paths[person], shown), str(values[KEY])))
        for person, values in answers.items()
        if values.get(KEY) and () in shown
    ]
    return [comment for _, comment in sorted(drawn, key=lambda pair: pair[0])]


def path_of(atom: Mapping[str, str]) -> Node:
    """Return where somebody is in the tree; a team without a department stands right below the whole."""
    return tuple(atom[name] for name in (DEPARTMENT, TEAM) if name in atom)


def deepest(path: Node, shown: frozenset[Node]) -> Node:
    """Return the deepest visible node on *path*."""
    return next(path[:depth] for depth in range(len(path), -1, -1) if path[:depth] in shown)


def visible(paths: Sequence[Node]) -> frozenset[Node]:
    """Return the nodes at which comments may be shown, given where each respondent is."""
    sizes: dict[Node, int] = defaultdict(int)
    children: dict[Node, set[Node]] = defaultdict(set)
    for path in paths:
        for depth in range(len(path) + 1):
            sizes[path[:depth]] += 1
            if depth:
                children[path[: depth - 1]].add(path[:depth])
    return frozenset(_visible((), sizes, children)) if sizes[()] >= FEWEST else frozenset()


def _visible(node: Node, sizes: Mapping[Node, int], children: Mapping[Node, set[Node]]) -> set[Node]:
    """Return *node* and those below it, without the smallest children where a rest would be too small."""
    able = sorted(
        (child for child in children.get(node, ()) if sizes[child] >= FEWEST), key=lambda one: (sizes[one], one)
    )
    while able and 0 < sizes[node] - sum(sizes[child] for child in able) < FEWEST:
        able.pop(0)
    found = {node}
    for child in able:
        found |= _visible(child, sizes, children)
    return found


def sealed(runtime: Runtime, organization: Id, round_id: Id, found: Sequence[Comment]) -> Sequence[Mapping[str, Any]]:
    """Return the rows that publish comments: sealed, by random ids, without any join to a ballot."""
    rows = []
    for one in found:
        identifier = runtime.new_id()
        rows.append(
            {
                "organization_id": organization,
                "round_id": round_id,
                "id": identifier,
                "node": one.node[-1][:450] if one.node else "",  # a team is written with its department
                "sealed": runtime.vault.seal(one.text.encode(), "comment", organization, identifier),
            }
        )
    return sorted(rows, key=lambda row: str(row["id"]))


async def keep(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Publish what `sealed` returned, in the transaction that destroys the ballots."""
    if rows:
        await tx.execute(tables.comment.insert(), [dict(row) for row in rows])


async def published(runtime: Runtime, tx: Tx, organization: Id, round_id: Id) -> dict[str, list[str]]:
    """Return a round's comments by node, shuffled: the whole first, then by name."""
    table = tables.comment
    query = sa.select(table).where(table.c.organization_id == organization, table.c.round_id == round_id)
    found: dict[str, list[str]] = defaultdict(list)
    for row in (await tx.execute(query.order_by(table.c.node, table.c.id))).all():
        found[row.node].append(runtime.vault.open(row.sealed, "comment", organization, row.id).decode())
    return dict(found)
