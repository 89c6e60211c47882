"""Let meetings take place: people join on several devices, leave, go to rooms, and Zoom tells of it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from tertulia_zoom.stand_in.operations import Body
from tertulia_zoom.stand_in.sender import Sender
from tertulia_zoom.stand_in.state import Instance, Stay, Town, written

What: TypeAlias = Literal["joined", "left"]


class Meetings:
    """Run the meetings of a town by its clock and tell *sender* what happens."""

    def __init__(self, town: Town, sender: Sender):
        self.town, self._sender = town, sender

    def start(self, number: str, *, uuid: str | None = None) -> Instance:
        """Begin an instance of a meeting."""
        known = self.town.meetings[number]
        found = Instance(uuid or str(known["uuid"]), number, self.town.now())
        self.town.instances[found.uuid] = found
        known.update(uuid=found.uuid, status="started")
        self._tell("meeting.started", self._object(found))
        return found

    def join(self, instance: Instance, user: str = "", name: str = "", email: str = "", device: str = "") -> Stay:
        """Let somebody in, a guest where *user* is empty; *device* stays the same over rejoins."""
        known = self.town.users.get(user, {})
        stay = Stay(
            session=str(next(self.town.counter)),
            device=device or self.town.uuid(),
            user=user,
            name=name or str(known.get("display_name", "")),
            email=email or str(known.get("email", "")),
            joined=self.town.now(),
        )
        instance.stays.append(stay)
        self._participant("meeting.participant_joined", instance, stay, {"join_time": written(stay.joined)})
        return stay

    def leave(self, instance: Instance, stay: Stay, *, silently: bool = False) -> None:
        """Let somebody go; *silently* loses the event, as Zoom does now and then."""
        stay.left = self.town.now()
        if not silently:
            left = {"leave_time": written(stay.left), "leave_reason": "left the meeting."}
            self._participant("meeting.participant_left", instance, stay, left)

    def enter(self, instance: Instance, stay: Stay, room: str) -> Stay:
        """Move somebody into a breakout room; returns the stay there, which is a row of its own in reports."""
        inside = Stay(stay.session, stay.device, stay.user, stay.name, stay.email, self.town.now(), room=room)
        stay.left = inside.joined
        instance.stays.append(inside)
        more = {"join_time": written(inside.joined)}
        self._participant("meeting.participant_joined_breakout_room", instance, inside, more, room=room)
        return inside

    def exit(self, instance: Instance, inside: Stay) -> Stay:
        """Bring somebody back from a breakout room; returns the stay in the main session."""
        inside.left = self.town.now()
        back = Stay(inside.session, inside.device, inside.user, inside.name, inside.email, inside.left)
        instance.stays.append(back)
        more = {"leave_time": written(inside.left), "leave_reason": "left the breakout room."}
        event = "meeting.participant_left_breakout_room"
        self._participant(event, instance, inside, more, room=inside.room)
        return back

    def end(self, instance: Instance) -> None:
        """End an instance; who is there leaves without an event, and the next one has another UUID."""
        instance.ended = self.town.now()
        for stay in instance.stays:
            stay.left = stay.left or instance.ended
        known = self.town.meetings.get(instance.number)
        if known is not None:
            known.update(status="waiting", uuid=self.town.uuid())
        self._tell("meeting.ended", {**self._object(instance), "end_time": written(instance.ended)})

    def _participant(
        self, event: str, instance: Instance, stay: Stay, more: Body, *, room: str | None = None
    ) -> None:
        participant: Body = {
            "user_id": stay.session,
            "user_name": stay.name,
            "participant_uuid": stay.device,
            "email": stay.email,
            **more,
        }
        if stay.user:
            participant |= {"id": stay.user, "participant_user_id": stay.user}
        if room is not None:
            participant["parent_user_id"] = stay.session
        body = {**self._object(instance), "participant": participant}
        self._tell(event, body if room is None else {**body, "breakout_room_uuid": room})

    def _object(self, instance: Instance) -> Body:
        known = self.town.meetings.get(instance.number, {})
        return {
            "id": instance.number,
            "uuid": instance.uuid,
            "host_id": known.get("host_id", ""),
            "topic": known.get("topic", ""),
            "type": 2,
            "start_time": written(instance.started),
            "timezone": "UTC",
            "duration": int(known.get("duration", 60)),
        }

    def _tell(self, event: str, body: Body) -> None:
        payload = {"account_id": self.town.account, "object": body}
        stamp = int(self.town.now().timestamp() * 1000)
        self._sender.tell({"event": event, "payload": payload, "event_ts": stamp})
