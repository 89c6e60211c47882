"""Polls of the invented account: on scheduled meetings, and what was answered in the instances that were."""

from __future__ import annotations

from tertulia_zoom.stand_in.operations import Body, Call, Failed, operation
from tertulia_zoom.stand_in.state import Instance, Town, written

MOST = 50
KINDS = frozenset(
    {
        "single",
        "multiple",
        "matching",
        "rank_order",
        "short_answer",
        "long_answer",
        "fill_in_the_blank",
        "rating_scale",
    }
)
SIMPLE = frozenset({"single", "multiple"})


def answer(town: Town, instance: Instance, user: str, poll: str, given: dict[str, str]) -> None:
    """Let a user, or a guest where *user* is nobody's id, answer the questions of a poll by their names."""
    known = town.users.get(user, {"email": "", "display_name": user})
    details = [
        {"answer": text, "date_time": written(town.now()), "polling_id": poll, "question": question}
        for question, text in given.items()
    ]
    who = {"email": known["email"], "name": known["display_name"], "question_details": details}
    town.poll.answers.setdefault(instance.uuid, []).append(who)


@operation("POST", "/meetings/{meetingId}/polls")
def create(call: Call) -> tuple[int, Body]:
    """Put a poll on a scheduled meeting of a licensed host."""
    meeting = call.town.meetings.get(call.ids[0])
    if meeting is None:
        raise Failed(404, 3001, f"Meeting does not exist: {call.ids[0]}.")
    if call.town.users[meeting["host_id"]]["type"] != 2:
        raise Failed(400, 200, "Only available for Paid account.")
    known = call.town.poll.polls.setdefault(call.ids[0], {})
    if len(known) >= MOST:
        raise Failed(400, 4400, "You can only add a maximum of 50 polls.")
    kind = call.body.get("poll_type", 1)
    for question in call.body["questions"]:
        _check(question, kind, call.town.poll.advanced)
    made = {"id": call.town.text(16), "status": "notstart", **call.body}
    known[made["id"]] = made
    return 201, dict(made)


@operation("GET", "/meetings/{meetingId}/polls")
def listed(call: Call) -> tuple[int, Body]:
    """List the polls of a meeting."""
    known = call.town.poll.polls.get(call.ids[0], {})
    return 200, {"polls": list(known.values()), "total_records": len(known)}


@operation("DELETE", "/meetings/{meetingId}/polls/{pollId}")
def delete(call: Call) -> tuple[int, None]:
    """Take a poll off a meeting."""
    if call.town.poll.polls.get(call.ids[0], {}).pop(call.ids[1], None) is None:
        raise Failed(404, 4400, "Meeting poll does not exist.")
    return 204, None


@operation("GET", "/past_meetings/{meetingId}/polls")
def results(call: Call) -> tuple[int, Body]:
    """Say who answered what in an instance."""
    found = call.town.latest(call.ids[0])
    if found.ended is None:
        raise Failed(404, 3001, f"Meeting does not exist: {call.ids[0]}.")
    head = {"id": int(found.number), "uuid": found.uuid, "start_time": written(found.started)}
    return 200, {**head, "questions": call.town.poll.answers.get(found.uuid, [])}


def _check(question: Body, kind: int, advanced: bool) -> None:
    if question["type"] not in KINDS or not 1 <= len(question["name"]) <= 255:
        raise Failed(400, 300, "Validation Failed.")
    if kind == 1 and question["type"] not in SIMPLE:
        raise Failed(400, 300, "A poll takes single and multiple choices only.")
    if kind != 1 and not advanced:
        raise Failed(400, 4400, "Advanced meeting polls disabled.")
    if question["type"] in SIMPLE and not 2 <= len(set(question["answers"])) <= 10:
        raise Failed(400, 300, "A question has two to ten answers.")
