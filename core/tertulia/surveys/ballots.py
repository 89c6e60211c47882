"""The ballot path: what a person gives to a survey, kept without the person, without a time and without an order.

A ballot's id is HMAC(round secret, person); its content is padded to one length and sealed to the round's own key.
Both secrets live in the `KeyStore`, outside the database, until the round closes; then they and the ballots are
destroyed. While the round is open, a holder of the secrets could join a ballot to its person: that is what the word
*confidential* says on every survey.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tertulia.domain.identifiers import Entropy, Id, Json
from tertulia.domain.repeats import remembered
from tertulia.domain.surveys import BALLOT_SIZE
from tertulia.errors import Mistake
from tertulia.storage.database import Database, Tx, upsert
from tertulia.storage.tables import ballot, release_state, respondent, round_table
from tertulia.surveys.keystore import RoundKeys

if TYPE_CHECKING:
    from tertulia.runtime import Runtime
    from tertulia.services.rounds import RoundRow

log = logging.getLogger(__name__)
Cast: TypeAlias = Literal["taken", "changed", "closed"]
CHUNK = 500
NONCE = 12
LENGTH = 4
LARGEST_ANSWER = 3072
"""At most that many bytes of values fit beside the keys, for a first answer and for every change alike."""


def ballot_id(secret: bytes, person: Id) -> str:
    """Return the id under which *person*'s ballot is kept; nobody without *secret* can compute it."""
    return hmac.new(secret, person.encode(), hashlib.sha256).hexdigest()


async def cast(runtime: Runtime, tx: Tx, round_id: Id, person: Id, values: Json, key: str | None) -> Cast:
    """Seal what *person* gave to an open survey round; empty *values* are a pass.

    One ballot is written and nothing else. A repeated *key* changes nothing and answers as before, even where a newer
    answer came in between.
    """
    plain = _encoded(values)
    if len(plain) > LARGEST_ANSWER:
        raise Mistake(f"Your answer is too long: shorten its texts by {len(plain) - LARGEST_ANSWER} letters.")
    if not await _is_open(runtime, tx, round_id) or (keys := runtime.keys.find(round_id)) is None:
        return "closed"
    place = (round_id, ballot_id(keys.secret, person))
    digest = hmac.new(keys.secret, f"key:{key}".encode(), hashlib.sha256).hexdigest()[:16]
    while True:
        query = sa.select(ballot.c.sealed).where(ballot.c.round_id == place[0], ballot.c.id == place[1])
        sealed = (await tx.execute(query.with_for_update())).scalar_one_or_none()
        known: list[str] = [] if sealed is None else _unseal(keys, place, sealed)["k"]
        if key is not None and digest in known:
            return "taken" if known[0] == digest else "changed"
        content = {"v": dict(values), "k": remembered(known, digest if key is not None else None)}
        row = {"round_id": place[0], "id": place[1], "sealed": _seal(runtime.entropy, keys, place, content)}
        if sealed is not None:
            await upsert(tx, ballot, [row], keys=("round_id", "id"), update=("sealed",))
            return "changed"
        # where two first answers of one person meet, the second finds the first's row and keeps its key
        if await upsert(tx, ballot, [row], keys=("round_id", "id")):
            return "taken"


async def answered(runtime: Runtime, tx: Tx, round_id: Id, persons: Collection[Id]) -> frozenset[Id]:
    """Return who of *persons* gave an answer or passed; computed for the system's own reminders, shown to nobody."""
    keys = runtime.keys.find(round_id)
    if keys is None:
        return frozenset()
    known = {ballot_id(keys.secret, person): person for person in persons}
    found: set[Id] = set()
    for some in _chunks(list(known)):
        query = sa.select(ballot.c.id).where(ballot.c.round_id == round_id, ballot.c.id.in_(some))
        found.update(known[id_] for id_ in (await tx.execute(query)).scalars())
    return frozenset(found)


async def opened(
    runtime: Runtime, tx: Tx, round_id: Id, persons: Collection[Id]
) -> list[tuple[str, Id | None, Json]]:
    """Open a round's ballots: return for each its id, who of *persons* gave it, and what; empty values are a pass.

    For the jobs that close a round; what this returns is written nowhere.
    """
    keys = runtime.keys.find(round_id)
    if keys is None:
        if await _holds_ballots(tx, round_id):
            raise Mistake(
                f"The keys of round {round_id} are not in the key store's folder, so its ballots cannot be counted: "
                "bring the folder back, or cancel the round."
            )
        return []
    owners = {ballot_id(keys.secret, person): person for person in persons}
    found: list[tuple[str, Id | None, Json]] = []
    query = sa.select(ballot.c.id, ballot.c.sealed).where(ballot.c.round_id == round_id).order_by(ballot.c.id)
    for row in await tx.execute(query):
        try:
            found.append((row.id, owners.get(row.id), _unseal(keys, (round_id, row.id), row.sealed)["v"]))
        except InvalidTag:
            log.error("a ballot was altered and is not counted", extra={"round": round_id})
    return found


async def count_and_destroy(runtime: Runtime, tx: Tx, round_: RoundRow, persons: Collection[Id]) -> list[Json]:
    """Open a closing round's ballots, note who of *persons* answered, delete the ballots, and return their values.

    The values come in a random order; passes are among them as empty ones, but no `respondent`. The caller keeps the
    figures in the same transaction and calls `destroy_keys` after its commit; until then a repeat finds everything
    as it was.
    """
    counted: list[tuple[bytes, Json]] = []
    present: list[Id] = []
    for _, owner, values in await opened(runtime, tx, round_.id, persons):
        counted.append((runtime.entropy(16), values))
        if values and owner is not None:
            present.append(owner)
    await note_respondents(tx, round_, sorted(present))
    await destroy(tx, round_.id)
    return [values for _, values in sorted(counted, key=lambda pair: pair[0])]


async def destroy(tx: Tx, round_id: Id) -> None:
    """Delete the ballots of a closing round."""
    if tx.dialect.name == "sqlite":
        # what is deleted is overwritten with zeros in the file
        await tx.exec_driver_sql("PRAGMA secure_delete=ON")
    await tx.execute(ballot.delete().where(ballot.c.round_id == round_id))


def destroy_keys(runtime: Runtime, round_id: Id) -> None:
    """Destroy what could open or join the ballots of a closed round, backups of the database included."""
    runtime.keys.destroy(round_id)


async def clear_ended_rounds(runtime: Runtime) -> None:
    """Destroy what cancelled rounds, and crashes between a close and `destroy_keys`, left behind.

    Keys of rounds that this database does not know stay: the folder may serve another one.
    """
    ended = sa.select(round_table.c.id).where(
        round_table.c.confidential.is_(True), round_table.c.state.not_in(("planned", "open", "closing"))
    )
    held = runtime.keys.held()
    async with runtime.database.write() as tx:
        await tx.execute(ballot.delete().where(ballot.c.round_id.in_(ended)))
        await tx.execute(release_state.delete().where(release_state.c.round_id.in_(ended)))
        over = [
            round_id
            for some in _chunks(held)
            for round_id in (await tx.execute(ended.where(round_table.c.id.in_(some)))).scalars()
        ]
    for round_id in over:
        destroy_keys(runtime, round_id)


async def rewrite_open_rounds(database: Database) -> None:
    """Write all ballots anew, so that neither their places in a file nor transaction ids tell when they came.

    PostgreSQL keeps rows, their out-of-line parts and their writers' transaction ids in the order of arrival. SQLite
    keeps rows by id, but takes the pages for their contents one after the other, and its log holds every write. Run
    this every half hour.
    """
    if database.dialect != "postgresql":
        await _shuffle_pages(database)
        return
    async with database.write() as tx:
        # one transaction writes all rows and, by the concatenation, all their out-of-line parts
        await tx.exec_driver_sql(
            "WITH gone AS (DELETE FROM ballot RETURNING round_id, id, sealed || ''::bytea AS sealed) "
            "INSERT INTO ballot (round_id, id, sealed) SELECT round_id, id, sealed FROM gone ORDER BY round_id, id"
        )
    async with database.raw_writer().connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.exec_driver_sql("CLUSTER ballot USING pk_ballot")
        await alone.exec_driver_sql("VACUUM ballot")


async def _shuffle_pages(database: Database) -> None:
    async with database.write() as tx:
        await tx.exec_driver_sql("PRAGMA secure_delete=ON")
        # the pages that the old rows leave are taken anew in the order of writing: drawn by the database, and kept
        # nowhere, as no order that could be computed from what is there would do
        await tx.exec_driver_sql("CREATE TEMP TABLE shuffled AS SELECT * FROM ballot ORDER BY random()")
        await tx.exec_driver_sql("DELETE FROM ballot")
        await tx.exec_driver_sql("INSERT INTO ballot SELECT round_id, id, sealed FROM shuffled ORDER BY rowid")
        await tx.exec_driver_sql("DROP TABLE shuffled")
    async with database.raw_writer().connect() as connection:
        await connection.exec_driver_sql("COMMIT")  # what the connection began; a checkpoint is outside of it
        await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        await connection.exec_driver_sql("BEGIN")


async def _is_open(runtime: Runtime, tx: Tx, round_id: Id) -> bool:
    # shared, so that a close waits for the answers under way and none comes after it
    query = sa.select(round_table.c.state, round_table.c.closes_at).where(
        round_table.c.id == round_id, round_table.c.confidential.is_(True)
    )
    row = (await tx.execute(query.with_for_update(read=True))).one_or_none()
    return row is not None and row.state == "open" and (row.closes_at is None or runtime.clock.now() < row.closes_at)


async def _holds_ballots(tx: Tx, round_id: Id) -> bool:
    query = sa.select(ballot.c.id).where(ballot.c.round_id == round_id).limit(1)
    return (await tx.execute(query)).first() is not None


async def note_respondents(
    tx: Tx, round_: RoundRow, persons: Sequence[Id], atoms: Mapping[Id, Mapping[str, str]] | None = None
) -> None:
    """Note in the ledger of the look-back who answered, and in which groups the answer was counted, if in any."""
    for some in _chunks(persons):
        rows = [
            {
                "organization_id": round_.organization,
                "round_id": round_.id,
                "person_id": person,
                "atom": None if atoms is None or person not in atoms else dict(atoms[person]),
            }
            for person in some
        ]
        await upsert(tx, respondent, rows, keys=("round_id", "person_id"))


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")


def _seal(entropy: Entropy, keys: RoundKeys, place: tuple[str, str], content: Json) -> bytes:
    plain = _encoded(content)
    padded = (len(plain).to_bytes(LENGTH) + plain).ljust(BALLOT_SIZE, b"\0")
    nonce = entropy(NONCE)
    return nonce + AESGCM(keys.key).encrypt(nonce, padded, ":".join(place).encode())


def _unseal(keys: RoundKeys, place: tuple[str, str], sealed: bytes) -> dict[str, Any]:
    blob = bytes(sealed)
    padded = AESGCM(keys.key).decrypt(blob[:NONCE], blob[NONCE:], ":".join(place).encode())
    length = int.from_bytes(padded[:LENGTH])
    content: dict[str, Any] = json.loads(padded[LENGTH : LENGTH + length].decode(errors="surrogatepass"))
    return content


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
