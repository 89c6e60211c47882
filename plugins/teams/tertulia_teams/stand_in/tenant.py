"""The tenant that the stand-in plays: its people, its conversations and what was said in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["personal", "channel", "groupChat", "meeting"]
NAMESPACE = uuid.UUID("6f1d8a3e-5f0c-4f7e-9a53-1f6f3d1c0b11")


@dataclass
class Person:
    """Hold an account; *guest* ones come from elsewhere, *blocked* ones refuse the bot."""

    id: str
    name: str
    mail: str
    guest: bool = False
    has_app: bool = False
    blocked: bool = False
    enabled: bool = True
    department: str | None = None
    language: str | None = None
    employee_type: str | None = None

    @property
    def mri(self) -> str:
        """Return what the connector calls the account."""
        return f"29:1{self.id.replace('-', '')}"

    def account(self) -> dict[str, Any]:
        """Return the account as a roster shows it."""
        return {
            "id": self.mri,
            "name": self.name,
            "aadObjectId": self.id,
            "email": self.mail,
            "userPrincipalName": self.mail,
            "userRole": "guest" if self.guest else "user",
        }

    def user(self) -> dict[str, Any]:
        """Return the account as Graph shows it."""
        return {
            "id": self.id,
            "displayName": self.name,
            "mail": self.mail,
            "userType": "Guest" if self.guest else "Member",
            "employeeType": self.employee_type,
            "accountEnabled": self.enabled,
            "department": self.department,
            "officeLocation": None,
            "preferredLanguage": self.language,
        }


@dataclass
class Message:
    """Hold a message: the activity as it was sent, replaced or deleted.

    In a shared place, what comes back for a pressed button is seen by who pressed only: *views*, by person.
    """

    id: str
    activity: dict[str, Any]
    sender: str | None = None
    only: str | None = None
    thread: str = ""
    versions: int = 1
    deleted: bool = False
    views: dict[str, dict[str, Any]] = field(default_factory=dict)

    def seen_by(self, person: Person) -> dict[str, Any]:
        """Return what a person sees."""
        return self.views.get(person.id, self.activity)


@dataclass
class Conversation:
    """Hold a conversation and what was said in it, by message id."""

    id: str
    kind: Kind
    name: str
    members: list[str] = field(default_factory=list)
    team: str = ""
    meeting: str = ""
    has_app: bool = False
    messages: dict[str, Message] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """Return what activities call the kind."""
        return "groupChat" if self.kind == "meeting" else self.kind


@dataclass
class Meeting:
    """Hold an online meeting and its attendance: per report its start, its end and who was there when."""

    id: str
    graph_id: str
    chat: str
    organizer: str
    title: str
    join_url: str
    reports: list[tuple[datetime, datetime, list[tuple[str, datetime, datetime]]]] = field(default_factory=list)


@dataclass
class Tenant:
    """Hold everything; ids are drawn from names, so that a sandbox looks the same every time."""

    id: str
    app: str
    people: dict[str, Person] = field(default_factory=dict)
    conversations: dict[str, Conversation] = field(default_factory=dict)
    meetings: dict[str, Meeting] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    catalog: str | None = None
    changes: list[str] = field(default_factory=list)
    _count: int = 0

    def add_person(self, name: str, mail: str, **more: Any) -> Person:
        """Add an account."""
        person = Person(id=str(uuid.uuid5(NAMESPACE, mail)), name=name, mail=mail, **more)
        self.people[person.id] = person
        self.changes.append(person.id)
        return person

    def add_team(self, name: str, channels: Iterable[str], members: Iterable[Person]) -> list[Conversation]:
        """Add a team with its channels, of which the first is the team's own conversation."""
        team = f"19:{uuid.uuid5(NAMESPACE, name).hex}@thread.tacv2"
        inside = [person.id for person in members]
        made = []
        for number, channel in enumerate(channels):
            ref = team if number == 0 else f"19:{uuid.uuid5(NAMESPACE, name + channel).hex}@thread.tacv2"
            made.append(Conversation(id=ref, kind="channel", name=f"{name} / {channel}", members=inside, team=team))
        self.conversations |= {one.id: one for one in made}
        return made

    def add_meeting(self, title: str, organizer: Person, members: Iterable[Person]) -> Meeting:
        """Add a scheduled meeting with its chat."""
        key = uuid.uuid5(NAMESPACE, title).hex
        chat = f"19:meeting_{key}@thread.v2"
        context = f"%7b%22Tid%22%3a%22{self.id}%22%2c%22Oid%22%3a%22{organizer.id}%22%7d"
        join = f"https://teams.microsoft.com/l/meetup-join/{chat.replace(':', '%3a').replace('@', '%40')}/0"
        meeting = Meeting(
            id=f"MCMxOm1lZXRpbmc{key}",
            graph_id=f"MSo{key}",
            chat=chat,
            organizer=organizer.id,
            title=title,
            join_url=f"{join}?context={context}",
        )
        inside = [person.id for person in members]
        self.conversations[chat] = Conversation(
            id=chat, kind="meeting", name=title, members=inside, meeting=meeting.id, has_app=True
        )
        self.meetings[meeting.id] = meeting
        return meeting

    def chat(self, person: Person) -> Conversation:
        """Return the chat of a person with the bot, made when it is first asked for."""
        ref = f"a:1{person.id.replace('-', '')}"
        if ref not in self.conversations:
            self.conversations[ref] = Conversation(
                id=ref, kind="personal", name=person.name, members=[person.id], has_app=True
            )
        return self.conversations[ref]

    def person(self, identifier: str) -> Person | None:
        """Return an account by AAD object id or by what the connector calls it."""
        found = self.people.get(identifier.lower())
        return found or next((one for one in self.people.values() if one.mri == identifier), None)

    def next_id(self) -> str:
        """Draw a message id: milliseconds, as Teams has them, without two alike."""
        self._count += 1
        return str(1_767_600_000_000 + self._count)

    def mail(self, mail: str) -> Person:
        """Return the person with this address."""
        return self.people[str(uuid.uuid5(NAMESPACE, mail))]
