"""What one person in particular is asked by a round: drawn by a keyed hash, so that no history of a person is needed.

A draw depends on the person, the organization and the year, and not on the round: who is asked the same today is
asked the same next month, and figures of later rounds are about the same people. Without the service's keys nobody
can tell a person's draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.prompts import Draft, Given
from tertulia.extension import Personal, RitualKind, Sampled
from tertulia.kinds import Dealt
from tertulia.storage import rituals
from tertulia.storage.database import Tx
from tertulia.storage.vault import Vault
from tertulia.traits import Pictured

if TYPE_CHECKING:
    from tertulia.runtime import Runtime
    from tertulia.services.rounds import RoundRow


async def share_of(runtime: Runtime, tx: Tx, round_: RoundRow, kind: RitualKind, person: Id) -> Json | None:
    """Return what *person* is asked in particular, `None` where the kind asks everybody the same."""
    if keeps(kind, round_):
        return (await _seen_by(runtime, tx, round_, kind, [person])).get(person)
    return drawn(runtime, round_, kind, person)


def keeps(kind: RitualKind, round_: RoundRow) -> bool:
    """Tell whether the shares of a round are stored: a kind deals them as it opens, or as it plans a stage."""
    # a further stage has an occurrence of its own, see `services.rounds.STAGE`
    staged = isinstance(kind, Personal) and round_.occurrence.startswith("stage:")
    return staged or isinstance(kind, Dealt)


async def dealt(runtime: Runtime, tx: Tx, round_: RoundRow, persons: Sequence[Id]) -> dict[Id, Json]:
    """Return the shares of *persons* that were dealt and kept; none where the kind deals none."""
    kind = runtime.plugins.rituals().get(round_.kind)
    if not persons or kind is None or not keeps(kind, round_):
        return {}
    return await _seen_by(runtime, tx, round_, kind, persons)


async def _seen_by(
    runtime: Runtime, tx: Tx, round_: RoundRow, kind: RitualKind, persons: Sequence[Id]
) -> dict[Id, Json]:
    found = await rituals.seen_by(tx, round_.organization, round_.id, persons)
    if not isinstance(kind, Pictured):
        return found
    hung = await rituals.pictured(tx, round_.organization, round_.id, runtime.clock.now())
    return {
        one: {**share, "people": [mate for mate in share["people"] if mate["id"] in hung]}
        for one, share in found.items()
    }


def drawn(runtime: Runtime, round_: RoundRow, kind: RitualKind, person: Id) -> Json | None:
    """Return the share that *person* draws, `None` where the kind draws none."""
    if not isinstance(kind, Sampled):
        return None
    return kind.share(round_.content, draw(runtime.vault, round_, person))


def draw(vault: Vault, round_: RoundRow, person: Id) -> bytes:
    """Return the 32 bytes that decide what *person* is asked in the year of the round."""
    return bytes.fromhex(vault.keyed_hash(f"{round_.organization}:{round_.opens_at.year}:{person}", "share"))


def draft(kind: RitualKind, content: Json, share: Json | None, language: str) -> Draft:
    """Show the question of a round, as *share* has it."""
    if share is not None and isinstance(kind, Personal):
        return kind.prompt_for(content, share, language)
    return kind.prompt(content, language)


def accept(kind: RitualKind, content: Json, share: Json | None, verb: str, values: Json) -> Given:
    """Check what was given to what *share* asks; raises `Mistake` with a sentence for the person who answered."""
    if share is not None and isinstance(kind, Personal):
        return kind.accept_for(content, share, verb, values)
    return kind.accept(content, verb, values)
