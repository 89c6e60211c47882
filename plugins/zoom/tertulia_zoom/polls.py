"""Put a question on a scheduled meeting as a poll, and bring back what was answered once the meeting is over.

Zoom shows the host who answered what. So only questions whose answers everybody in the workspace may see become
polls, never a survey, and the poll says that names are shown. Answers are matched to people by the e-mail that Zoom
returns, for accounts that were in the meeting by Zoom's own word, never by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from tertulia import (
    Actor,
    Field,
    Id,
    Json,
    Mistake,
    OperatorError,
    OutcomeUnknown,
    Prompt,
    Ref,
    RetryLater,
    Unreachable,
)
from tertulia_zoom.desk import Desk
from tertulia_zoom.limits import Rate
from tertulia_zoom.messages import WITHOUT_FORM
from tertulia_zoom.messages_phrases import phrase
from tertulia_zoom.messages_text import line
from tertulia_zoom.paths import NUMBER, Gone
from tertulia_zoom.rest import Operation

CREATE = Operation(method="POST", template="/meetings/{meetingId}/polls", rate=Rate.LIGHT)
DELETE = Operation(method="DELETE", template="/meetings/{meetingId}/polls/{pollId}", rate=Rate.LIGHT)
RESULTS = Operation(method="GET", template="/past_meetings/{meetingId}/polls", rate=Rate.MEDIUM)
POLL = "poll:"
REF = "poll|"
SIMPLE, ADVANCED = 1, 2
"""Kinds of polls: answers in words need the second, which an account must enable."""
MOST_ANSWERS, NAME, TITLE = 10, 255, 64
SHORT, LONG = 500, 2_000
"""Characters of an answer in words that Zoom allows."""
LONGEST = timedelta(days=92)


class Polls:
    """Carry questions on meetings for one installation."""

    def __init__(self, desk: Desk):
        self._desk = desk
        self._store = desk.context.store
        self._users: dict[str, str | None] = {}

    async def post(self, meeting: str, prompt: Prompt, key: Id) -> Ref:
        """Put *prompt* on a scheduled meeting as a poll; repeated with the same *key* it is not put there twice."""
        if not prompt.fields:
            raise Unreachable("a meeting shows questions only")
        if not NUMBER.fullmatch(meeting):
            raise OperatorError("a meeting's place is its number, of digits only: correct the practice's places")
        try:
            poll, questions = poll_of(prompt)
        except Mistake as mistake:
            raise OperatorError(str(mistake)) from None
        kept = f"{POLL}{meeting}:{key}"
        known = await self._store.get(kept)
        if known is not None and known["id"]:
            return f"{REF}{meeting}|{key}"
        await self._forget_old(meeting)
        until = prompt.closes or self._desk.context.clock.now() + LONGEST
        record = {"id": None, "token": _token(prompt), "questions": questions, "until": until.isoformat()}
        # kept before it is there: what was answered to a poll that we know nothing of would be lost
        await self._store.put(kept, record)
        answer = await self._desk.rest.call(CREATE, meeting, body=poll)
        identifier = answer.get("id")
        if not isinstance(identifier, str) or not identifier:
            raise OutcomeUnknown("Zoom answered without the poll's id")
        await self._store.put(kept, {**record, "id": identifier})
        return f"{REF}{meeting}|{key}"

    def carries(self, ref: Ref) -> bool:
        """Tell whether *ref* is a poll's."""
        return ref.startswith(REF)

    async def close(self, ref: Ref) -> None:
        """Take a poll off its meeting; what was answered to it stays with the meetings that were."""
        meeting, _, key = ref.removeprefix(REF).partition("|")
        kept = f"{POLL}{meeting}:{key}"
        record = await self._store.get(kept)
        if record is None:
            raise Unreachable("the poll was not made here")
        if record["id"]:
            with suppress(Gone):  # people may have taken it off
                await self._desk.rest.call(DELETE, meeting, record["id"])
        await self._store.delete(kept)

    async def collect(self, meeting: str, instance: str, there: Collection[str]) -> int:
        """Give the answers of an *instance* of *meeting*, by UUID, to the core; return how many were given.

        Zoom returns an e-mail, and for a guest the one that was entered when registering, whoever's it is
        (`contracts/zoom`, operation listPastMeetingPolls). So only accounts that were *there* are believed.
        Repeating it changes nothing: an answer is known by the instance, the poll, the person and what was said.
        """
        records = [record async for _, record in self._store.scan(f"{POLL}{meeting}:")]
        if not records:
            return 0
        try:
            results = await self._desk.rest.call(RESULTS, instance)
        except Gone:
            return 0
        given = 0
        for record in records:
            for email, values in answers_in(results, record):
                actor = await self._actor(email)
                if actor is None or actor.user not in there:
                    continue
                said = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]
                key = f"poll:{instance}:{record['id']}:{actor.user}:{said}"
                await self._desk.context.inbox.answered(record["token"], actor, values, key)
                given += 1
        return given

    async def _actor(self, email: str) -> Actor | None:
        """Find the account behind an e-mail that Zoom returned; who has none in this account stays unknown."""
        if email not in self._users:
            try:
                found = (await self._desk.account.user(email)).get("id")
            except RetryLater:
                raise
            except Unreachable:
                found = None
            self._users[email] = found if isinstance(found, str) and found else None
        user = self._users[email]
        return None if user is None else self._desk.actor(user)

    async def _forget_old(self, meeting: str) -> None:
        now = self._desk.context.clock.now()
        async for name, record in self._store.scan(f"{POLL}{meeting}:"):
            if datetime.fromisoformat(record["until"]) + LONGEST < now:
                await self._store.delete(name)


def poll_of(prompt: Prompt) -> tuple[Json, Json]:
    """Write *prompt* as a poll, and what reads its answers: by question, the field's key, kind and values.

    Raises `Mistake` for what must not or cannot be a poll.
    """
    if prompt.privacy == "confidential":
        raise Mistake(
            "A survey is never a poll in a meeting, because Zoom names who answered what: take the meeting out of "
            "the places of this practice; its members get a personal link."
        )
    if prompt.visibility != "workspace":
        raise Mistake(
            "Zoom shows the host who answered what, so a poll needs answers that everybody may see: set visibility "
            "to workspace in the practice's options, or take the meeting out of its places."
        )
    questions: list[Json] = []
    reading: dict[str, Json] = {}
    for field in prompt.fields:
        name = _name(prompt, field, reading)
        question, read = _question(field, prompt.language)
        questions.append({"name": name, "answer_required": False, **question})
        reading[name] = {"key": field.key, "kind": field.kind, **read}
    words = any(field.kind in ("short", "long") for field in prompt.fields)
    title = line(prompt.title, TITLE)
    return {
        "title": title,
        "anonymous": False,
        "poll_type": ADVANCED if words else SIMPLE,
        "questions": questions,
    }, reading


def answers_in(results: Json, record: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    """Yield what each person answered to a poll, with the e-mail; who has none there is left out."""
    found: dict[str, dict[str, Any]] = {}
    people = results.get("questions")
    for person in people if isinstance(people, list) else ():
        email = person.get("email") if isinstance(person, Mapping) else None
        details = person.get("question_details") if isinstance(person, Mapping) else None
        if not isinstance(email, str) or not email.strip() or not isinstance(details, list):
            continue
        for detail in details:
            taken = _read(detail, record) if isinstance(detail, Mapping) else None
            if taken is not None:
                found.setdefault(email.strip().lower(), {})[taken[0]] = taken[1]
    yield from found.items()


def _read(detail: Mapping[str, Any], record: Mapping[str, Any]) -> tuple[str, Any] | None:
    if record["id"] and detail.get("polling_id") not in (None, "", record["id"]):
        return None
    asked, answer = detail.get("question"), detail.get("answer")
    question = record["questions"].get(asked) if isinstance(asked, str) else None
    if question is None or not isinstance(answer, str) or not answer.strip():
        return None
    if question["kind"] in ("short", "long"):
        return question["key"], answer.strip()
    values: Mapping[str, Any] = question["values"]
    if question["kind"] == "many":
        # several are parted by semicolons, which an answer may hold itself
        chosen = [value for label, value in values.items() if label in answer.split(";") or label == answer]
        return (question["key"], chosen) if chosen else None
    return (question["key"], values[answer]) if answer in values else None


def _name(prompt: Prompt, field: Field, taken: Mapping[str, Any]) -> str:
    """Name a question by its label, the only one by what is asked; and say that names are shown."""
    asked = " ".join(prompt.body.plain().split()) if len(prompt.fields) == 1 else ""
    note = phrase("poll", prompt.language)
    name = f"{line(asked or field.label, NAME - len(note) - 6)} {note}"
    return name if name not in taken else f"{name} ({len(taken) + 1})"


def _question(field: Field, language: str) -> tuple[Json, Json]:
    if field.kind in ("short", "long"):
        most = SHORT if field.kind == "short" else LONG
        return {"type": f"{field.kind}_answer", "answer_min_character": 1, "answer_max_character": most}, {}
    if field.kind == "confirm":
        values: dict[str, Any] = {phrase("yes", language): True, phrase("no", language): False}
    else:
        values = {}
        for option in field.options:
            label = line(option.label, 200)
            values[label if label not in values else f"{label} ({len(values) + 1})"] = option.value
    if not 2 <= len(values) <= MOST_ANSWERS:
        raise Mistake(
            f"A poll's question has 2 to {MOST_ANSWERS} answers, “{field.label}” has {len(values)}: "
            "take the meeting out of the places of this practice."
        )
    return {"type": "multiple" if field.kind == "many" else "single", "answers": list(values)}, {"values": values}


def _token(prompt: Prompt) -> str:
    token = next((action.token for action in prompt.actions if action.verb not in WITHOUT_FORM), "")
    if not token:
        raise OperatorError("the question has no action that takes an answer")
    return token
