"""Users, meetings, what was, and reports: what Zoom answers of the invented account."""

from __future__ import annotations

from typing import Any

from tertulia_zoom.stand_in.operations import Body, Call, Failed, operation
from tertulia_zoom.stand_in.state import Instance, Stay, written

LISTED = (
    "id",
    "first_name",
    "last_name",
    "email",
    "type",
    "timezone",
    "dept",
    "status",
    "verified",
    "pmi",
    "created_at",
    "language",
)


@operation("GET", "/users")
def users(call: Call) -> tuple[int, Body]:
    """List users."""
    status = call.query.get("status", "active")
    if status not in ("active", "inactive", "pending"):
        raise Failed(400, 300, "Validation Failed.")
    kept = [one for one in call.town.users.values() if one["status"] == status]
    return 200, call.page("users", [{name: one[name] for name in LISTED} for one in kept])


@operation("GET", "/users/{userId}")
def user(call: Call) -> tuple[int, Body]:
    """Show a user, by id or by e-mail."""
    wanted = call.ids[0]
    for one in call.town.users.values():
        if wanted in (one["id"], one["email"]):
            return 200, dict(one)
    raise Failed(404, 1001, f"User does not exist: {wanted}.")


@operation("POST", "/users/{userId}/meetings")
def create_meeting(call: Call) -> tuple[int, Body]:
    """Schedule a meeting."""
    if call.ids[0] not in call.town.users:
        raise Failed(404, 1001, f"User does not exist: {call.ids[0]}.")
    body: dict[str, Any] = dict(call.body)
    number = call.town.add_meeting(call.ids[0], str(body.pop("topic", "Zoom Meeting")), **body)
    return 201, dict(call.town.meetings[number])


@operation("GET", "/meetings/{meetingId}")
def meeting(call: Call) -> tuple[int, Body]:
    """Show a meeting."""
    return 200, dict(_meeting(call))


@operation("PATCH", "/meetings/{meetingId}")
def change_meeting(call: Call) -> tuple[int, None]:
    """Change a meeting."""
    _meeting(call).update(call.body)
    return 204, None


@operation("DELETE", "/meetings/{meetingId}")
def delete_meeting(call: Call) -> tuple[int, None]:
    """Delete a meeting."""
    _meeting(call)
    del call.town.meetings[call.ids[0]]
    return 204, None


@operation("GET", "/past_meetings/{meetingId}")
def past_meeting(call: Call) -> tuple[int, Body]:
    """Show an instance that ended."""
    found = _ended(call)
    known = call.town.meetings.get(found.number, {})
    return 200, {
        "uuid": found.uuid,
        "id": int(found.number),
        "host_id": known.get("host_id", ""),
        "topic": known.get("topic", ""),
        "type": 2,
        "user_name": "",
        "user_email": known.get("host_email", ""),
        "start_time": written(found.started),
        "end_time": written(found.ended or found.started),
        "duration": _minutes(found),
        "total_minutes": sum(_seconds(stay, found) for stay in found.stays) // 60,
        "participants_count": len(found.stays),
    }


@operation("GET", "/past_meetings/{meetingId}/instances")
def instances(call: Call) -> tuple[int, Body]:
    """List the instances of a number that ended."""
    mine = [one for one in call.town.instances.values() if one.number == call.ids[0] and one.ended is not None]
    return 200, {"meetings": [{"uuid": one.uuid, "start_time": written(one.started)} for one in mine]}


@operation("GET", "/metrics/meetings/{meetingId}/participants")
def present(call: Call) -> tuple[int, Body]:
    """List who is in a meeting that goes on, and who left it; nobody else's account has an id."""
    found = call.town.instances.get(call.ids[0])
    if found is None or found.ended is not None or call.query.get("type") != "live":
        raise Failed(404, 3001, f"Meeting does not exist: {call.ids[0]}.")
    return 200, call.page("participants", [_live_row(stay) for stay in found.stays])


@operation("GET", "/past_meetings/{meetingId}/participants")
def participants(call: Call) -> tuple[int, Body]:
    """List who was there; nothing where only one person was."""
    found = _ended(call)
    rows = [_row(stay, found) for stay in found.stays] if _several(found) else []
    return 200, call.page("participants", rows)


@operation("GET", "/report/meetings/{meetingId}/participants")
def reported(call: Call) -> tuple[int, Body]:
    """Report who was there; it takes two participants."""
    found = _ended(call)
    if not _several(found):
        raise Failed(404, 3001, "This meeting has not ended or has only one participant.")
    rows = [{**_row(stay, found), "participant_user_id": stay.user} for stay in found.stays]
    return 200, call.page("participants", rows)


@operation("GET", "/report/users/{userId}/meetings")
def reported_meetings(call: Call) -> tuple[int, Body]:
    """Report the meetings of a host in a month."""
    first, last = call.query.get("from", ""), call.query.get("to", "")
    if len(first) != 10 or len(last) != 10:
        raise Failed(400, 300, "The from and to fields are dates.")
    town = call.town
    rows = [
        {
            "uuid": one.uuid,
            "id": int(one.number),
            "type": 2,
            "topic": town.meetings.get(one.number, {}).get("topic", ""),
            "start_time": written(one.started),
            "end_time": written(one.ended),
            "duration": _minutes(one),
            "participants_count": len(one.stays),
        }
        for one in town.instances.values()
        if one.ended is not None
        and _several(one)
        and town.meetings.get(one.number, {}).get("host_id") == call.ids[0]
        and first <= one.started.date().isoformat() <= last
    ]
    return 200, {**call.page("meetings", rows), "from": first, "to": last}


def _meeting(call: Call) -> Body:
    found = call.town.meetings.get(call.ids[0])
    if found is None:
        raise Failed(404, 3001, f"Meeting does not exist: {call.ids[0]}.")
    return found


def _ended(call: Call) -> Instance:
    found = call.town.latest(call.ids[0])
    if found.ended is None:
        raise Failed(404, 3001, f"Meeting does not exist: {call.ids[0]}.")
    return found


def _several(found: Instance) -> bool:
    return len({stay.user or stay.device for stay in found.stays}) > 1


def _row(stay: Stay, found: Instance) -> Body:
    return {
        "id": stay.user,
        "user_id": stay.session,
        "name": stay.name,
        "user_email": stay.email,
        "join_time": written(stay.joined),
        "leave_time": written(stay.left or found.ended or stay.joined),
        "duration": _seconds(stay, found),
        "failover": False,
        "status": "in_meeting",
    }


def _live_row(stay: Stay) -> Body:
    left: Body = {"leave_time": written(stay.left)} if stay.left else {}
    who: Body = {"id": stay.user, "user_id": stay.session, "user_name": stay.name, "status": "in_meeting"}
    return {**who, "join_time": written(stay.joined), **left}


def _seconds(stay: Stay, found: Instance) -> int:
    return int(((stay.left or found.ended or stay.joined) - stay.joined).total_seconds())


def _minutes(found: Instance) -> int:
    return int(((found.ended or found.started) - found.started).total_seconds() // 60)
