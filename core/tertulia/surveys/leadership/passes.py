"""What lets somebody ask or vote on a page that knows nobody: a sealed number, handed out under a keyed hash.

A person gets so many for each round; that one was handed out is counted, what came of it is not. What remains of a
pass after its use is the hash of its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake, Refused
from tertulia.runtime import Runtime
from tertulia.storage.database import Tx
from tertulia.surveys.feedback import rights
from tertulia.surveys.feedback.rights import Right

PLACE = "question pass"
Use = Literal["ask", "vote"]
ALLOWED: dict[Use, int] = {"ask": 3, "vote": 1}
"""How often a person can open a page for one round."""
USED_UP = {
    "ask": "You have opened three pages to ask on in this round; each of them takes one question.",
    "vote": "You have opened your page to vote already; each member has one. If you kept it open, vote there.",
}


@dataclass(frozen=True, kw_only=True)
class Pass:
    """Hold what a pass allows: one question, or one vote, in the round *root*, while its stage *open* is open."""

    right: Right
    root: Id
    open: Id
    use: Use


async def grant(
    runtime: Runtime,
    tx: Tx,
    organization: Id,
    workspace: Id,
    person: Id,
    *,
    root: Id,
    stage: Id,
    opened: datetime,
    until: datetime,
    use: Use,
) -> str:
    """Hand out a pass as a token; raises `Mistake` where the person has had all there are for the round."""
    mark = runtime.vault.keyed_hash(f"{organization}:{root}:{use}:{person}", "question")
    # the week in which the stage opened, so that a later week gives no further pass
    year, week, _ = opened.isocalendar()
    if not await rights.count(tx, organization, f"{year}-W{week:02d}", mark, ALLOWED[use]):
        raise Mistake(USED_UP[use])
    fields = {
        "o": organization,
        "w": workspace,
        "r": root,
        "s": stage,
        "k": use,
        "n": runtime.entropy(16).hex(),
        "u": until.isoformat(),
    }
    return runtime.vault.token(fields, PLACE)


def read(runtime: Runtime, token: str) -> Pass:
    """Return what *token* allows; raises `Refused` for any other text and once its stage is over."""
    fields = runtime.vault.open_token(token, PLACE)
    until = datetime.fromisoformat(fields["u"])
    if until <= runtime.clock.now():
        raise Refused("this page was for a stage that is over", 410)
    right = Right(organization=fields["o"], workspace=fields["w"], number=fields["n"], until=until)
    return Pass(right=right, root=fields["r"], open=fields["s"], use=cast(Use, fields["k"]))
