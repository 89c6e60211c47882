"""Boards, lists, cards, members and actions in memory, and what members do on them."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Body = dict[str, Any]
WORKSPACE = "5f" + "0" * 20 + "aa"


def real_time() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


class Missing(Exception):
    """There is nothing under that id."""


@dataclass
class Town:
    """Hold everything that the stand-in knows; ids carry the second in which they were made, as Trello's do."""

    now: Callable[[], datetime] = real_time
    workspace: str = WORKSPACE
    members: dict[str, Body] = field(default_factory=dict)
    boards: dict[str, Body] = field(default_factory=dict)
    board_members: dict[str, list[str]] = field(default_factory=dict)
    lists: dict[str, Body] = field(default_factory=dict)
    labels: dict[str, Body] = field(default_factory=dict)
    cards: dict[str, Body] = field(default_factory=dict)
    checklists: dict[str, Body] = field(default_factory=dict)
    items: dict[str, Body] = field(default_factory=dict)
    webhooks: dict[str, Body] = field(default_factory=dict)
    reactions: dict[str, list[Body]] = field(default_factory=dict)
    actions: dict[str, list[Body]] = field(default_factory=dict)
    heard: Callable[[Body], None] | None = None
    own: str = ""
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.own = self.member("tertulia", "Tertulia")

    def new_id(self, at: datetime | None = None) -> str:
        """Make an id as Trello does: the second, then a number."""
        return f"{int((at or self.now()).timestamp()):08x}{next(self._numbers):016x}"

    # -- who and where ---------------------------------------------------------------------------------------------

    def member(self, username: str, name: str, email: str | None = None) -> str:
        """Add a member of the workspace and return the id."""
        identifier = self.new_id()
        body: Body = {"id": identifier, "username": username, "fullName": name, "initials": name[:1]}
        self.members[identifier] = body if email is None else {**body, "email": email}
        return identifier

    def board(self, name: str, *members: str) -> str:
        """Add a board and return its id."""
        identifier = self.new_id()
        self.boards[identifier] = {
            "id": identifier,
            "name": name,
            "desc": "",
            "closed": False,
            "idOrganization": self.workspace,
        }
        self.board_members[identifier] = [self.own, *members]
        self.actions[identifier] = []
        return identifier

    def add_list(self, board: str, name: str) -> str:
        """Add a list and return its id."""
        self._of(self.boards, board)
        identifier = self.new_id()
        self.lists[identifier] = {"id": identifier, "name": name, "closed": False, "idBoard": board, "pos": 1.0}
        return identifier

    def card(self, by: str, list_id: str, name: str, text: str = "", *, labels: str = "", members: str = "") -> str:
        """Add a card and return its id."""
        board = self._of(self.lists, list_id)["idBoard"]
        if self.lists[list_id]["closed"]:
            raise Missing(list_id)
        identifier = self.new_id()
        self.cards[identifier] = {
            "id": identifier,
            "name": name,
            "desc": text,
            "closed": False,
            "due": None,
            "dueComplete": False,
            "idBoard": board,
            "idList": list_id,
            "idLabels": [one for one in labels.split(",") if one],
            "idMembers": [one for one in members.split(",") if one],
            "idMembersVoted": [],
            "idChecklists": [],
            "shortUrl": f"https://trello.example/c/{identifier[-8:]}",
        }
        self.act(by, "createCard", identifier)
        return identifier

    # -- what happens ----------------------------------------------------------------------------------------------

    def act(
        self, by: str, kind: str, card: str | None, *, board: str = "", at: datetime | None = None, **data: Any
    ) -> Body:
        """Note that something happened, and let the webhooks hear of it."""
        about: Body = dict(data)
        if card is not None:
            known = self._of(self.cards, card)
            board = known["idBoard"]
            about["card"] = {"id": card, "name": known["name"], "idShort": 1, "shortLink": card[-8:]}
        about["board"] = {"id": board, "name": self.boards[board]["name"], "shortLink": board[-8:]}
        moment = at or self.now()
        action: Body = {
            "id": self.new_id(moment),
            "idMemberCreator": by,
            "type": kind,
            "date": moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "data": about,
        }
        bisect.insort(self.actions[board], action, key=lambda one: str(one["id"]))
        if self.heard is not None:
            self.heard(action)
        return action

    def comment(self, by: str, card: str, text: str, at: datetime | None = None) -> str:
        """Comment as a member and return the comment's id."""
        return str(self.act(by, "commentCard", card, text=text, at=at)["id"])

    def edit_comment(self, comment: str, text: str) -> None:
        """Change a comment."""
        action = self.action(comment)
        edited = self.now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        action["data"] = {**action["data"], "text": text, "dateLastEdited": edited}
        if self.heard is not None:
            # the webhook tells of another action, which no list of actions ever shows
            self.heard({**action, "id": self.new_id(), "type": "updateComment"})

    def join(self, by: str, card: str, member: str, at: datetime | None = None) -> None:
        """Put a member on a card."""
        known = self._of(self.cards, card)
        known["idMembers"] = [*(one for one in known["idMembers"] if one != member), member]
        self.act(by, "addMemberToCard", card, idMember=member, at=at, member={"id": member})

    def leave(self, by: str, card: str, member: str, at: datetime | None = None) -> None:
        """Take a member off a card."""
        known = self._of(self.cards, card)
        known["idMembers"] = [one for one in known["idMembers"] if one != member]
        self.act(by, "removeMemberFromCard", card, idMember=member, at=at, member={"id": member})

    def attach(self, by: str, card: str, name: str, at: datetime | None = None) -> None:
        """Attach something to a card."""
        self.act(by, "addAttachmentToCard", card, at=at, attachment={"id": self.new_id(), "name": name})

    def tick(self, by: str, item: str, at: datetime | None = None) -> None:
        """Tick an item, or take the tick away."""
        known = self._of(self.items, item)
        known["state"] = "incomplete" if known["state"] == "complete" else "complete"
        card = self.checklists[known["idChecklist"]]["idCard"]
        shown = {"id": item, "name": known["name"], "state": known["state"]}
        self.act(by, "updateCheckItemStateOnCard", card, at=at, checkItem=shown)

    def vote(self, by: str, card: str) -> None:
        """Vote for a card, or take the vote back."""
        known = self._of(self.cards, card)
        voted = by not in known["idMembersVoted"]
        known["idMembersVoted"] = [*(one for one in known["idMembersVoted"] if one != by), *([by] if voted else [])]
        self.act(by, "voteOnCard", card, voted=voted)

    def react(
        self, by: str, comment: str, native: str = "❤️", name: str = "heart", unified: str = "2764-FE0F"
    ) -> None:
        """React to a comment; no webhook tells of it."""
        self.action(comment)
        emoji = {"shortName": name, "native": native, "unified": unified}
        made = {"id": self.new_id(), "idMember": by, "idModel": comment, "emoji": emoji}
        self.reactions.setdefault(comment, []).append(made)

    def change(self, by: str, card: str, **changes: Any) -> None:
        """Change a card: its text, or archive it."""
        known = self._of(self.cards, card)
        old = {key: known[key] for key in changes}
        known.update(changes)
        self.act(by, "updateCard", card, old=old)

    def delete(self, by: str, card: str) -> None:
        """Delete a card with all that is on it."""
        board = self._of(self.cards, card)["idBoard"]
        del self.cards[card]
        self.actions[board] = [one for one in self.actions[board] if one["data"].get("card", {}).get("id") != card]
        self.act(by, "deleteCard", None, board=board)["data"]["card"] = {"id": card}

    def join_board(self, board: str, member: str) -> None:
        """Add a member to a board."""
        self.board_members[board].append(member)
        body = self.act(self.own, "addMemberToBoard", None, board=board, idMemberAdded=member)
        body["member"] = {key: self.members[member][key] for key in ("id", "fullName", "username")}

    def checklist(self, card: str, name: str) -> Body:
        """Add a checklist."""
        made: Body = {
            "id": self.new_id(),
            "name": name,
            "idCard": card,
            "idBoard": self._of(self.cards, card)["idBoard"],
            "checkItems": [],
        }
        self.checklists[made["id"]] = made
        self.cards[card]["idChecklists"].append(made["id"])
        return made

    def item(self, checklist: str, name: str) -> Body:
        """Add an item to a checklist."""
        owner = self._of(self.checklists, checklist)
        made: Body = {"id": self.new_id(), "name": name, "idChecklist": checklist, "state": "incomplete"}
        self.items[made["id"]] = made
        owner["checkItems"].append(made)
        return made

    def action(self, identifier: str) -> Body:
        """Return an action."""
        for actions in self.actions.values():
            place = bisect.bisect_left(actions, identifier, key=lambda one: str(one["id"]))
            if place < len(actions) and actions[place]["id"] == identifier:
                return actions[place]
        raise Missing(identifier)

    def card_actions(self, card: str) -> list[Body]:
        """Return the actions of a card, oldest first."""
        board = self._of(self.cards, card)["idBoard"]
        return [one for one in self.actions[board] if one["data"].get("card", {}).get("id") == card]

    def _of(self, kept: dict[str, Body], identifier: str) -> Body:
        if identifier not in kept:
            raise Missing(identifier)
        return kept[identifier]
