"""Trello's operations on a town: what a request of the plugin's account does, and what it is answered."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tertulia_trello.stand_in.state import Body, Missing, Town

ID = re.compile(r"[0-9a-f]{24}")
Query = Mapping[str, str]
PAGE = 50


class Invalid(Exception):
    """The request is not what the operation takes."""


@dataclass(frozen=True)
class Call:
    """Hold one request, its ids taken out of the path."""

    town: Town
    ids: tuple[str, ...]
    query: Query
    body: Mapping[str, Any]

    def need(self, name: str) -> str:
        """Return a parameter that the operation cannot do without."""
        if not self.query.get(name):
            raise Invalid(f"invalid value for {name}")
        return self.query[name]

    def need_id(self, name: str) -> str:
        """Return a parameter that must be an id."""
        value = self.need(name)
        if not ID.fullmatch(value):
            raise Invalid(f"invalid value for {name}")
        return value


Operation = Callable[[Call], Any]


def _get(kept: str) -> Operation:
    def get(call: Call) -> Any:
        known: dict[str, Body] = getattr(call.town, kept)
        if call.ids[0] not in known:
            raise Missing(call.ids[0])
        return known[call.ids[0]]

    return get


def _me(call: Call) -> Any:
    return call.town.members[call.town.own]


def _token(call: Call) -> Any:
    permission = {"idModel": "*", "modelType": "board", "read": True, "write": True}
    created = "2026-01-01T00:00:00.000Z"
    identity = {"id": "5c" * 12, "identifier": "Tertulia", "idMember": call.town.own}
    return {**identity, "dateCreated": created, "dateExpires": None, "permissions": [permission]}


def _workspace_members(call: Call) -> Any:
    if call.ids[0] != call.town.workspace:
        raise Missing(call.ids[0])
    return [_shown(member) for member in call.town.members.values()]


def _shown(member: Body) -> Body:
    return {key: member[key] for key in ("id", "username", "fullName", "email") if key in member}


def _board_members(call: Call) -> Any:
    if call.ids[0] not in call.town.boards:
        raise Missing(call.ids[0])
    return [_shown(call.town.members[one]) for one in call.town.board_members[call.ids[0]]]


def _boards(call: Call) -> Any:
    return [board for board in call.town.boards.values() if not board["closed"]]


def _lists(call: Call) -> Any:
    if call.ids[0] not in call.town.boards:
        raise Missing(call.ids[0])
    return [one for one in call.town.lists.values() if one["idBoard"] == call.ids[0] and not one["closed"]]


def _make_list(call: Call) -> Any:
    return call.town.lists[call.town.add_list(call.need_id("idBoard"), call.need("name"))]


def _make_label(call: Call) -> Any:
    identifier = call.town.new_id()
    label = {
        "id": identifier,
        "idBoard": call.need("idBoard"),
        "name": call.need("name"),
        "color": call.need("color"),
    }
    call.town.labels[identifier] = label
    return label


def _make_card(call: Call) -> Any:
    town, query = call.town, call.query
    labels, members = query.get("idLabels", ""), query.get("idMembers", "")
    name, text = query.get("name", ""), query.get("desc", "")
    made = town.cards[town.card(town.own, call.need_id("idList"), name, text, labels=labels, members=members)]
    made["due"] = query.get("due")
    return made


def _change_card(call: Call) -> Any:
    changes: dict[str, Any] = {key: call.query[key] for key in ("desc", "name") if key in call.query}
    if "closed" in call.query:
        changes["closed"] = call.query["closed"] == "true"
    if "dueComplete" in call.query:
        changes["dueComplete"] = call.query["dueComplete"] == "true"
    call.town.change(call.town.own, call.ids[0], **changes)
    return call.town.cards[call.ids[0]]


def _make_checklist(call: Call) -> Any:
    return call.town.checklist(call.ids[0], call.query.get("name", ""))


def _make_item(call: Call) -> Any:
    return call.town.item(call.ids[0], call.need("name"))


def _comment(call: Call) -> Any:
    return call.town.action(call.town.comment(call.town.own, call.ids[0], call.need("text")))


def _react(call: Call) -> Any:
    call.town.action(call.ids[0])
    if not call.body.get("shortName"):
        raise Invalid("shortName is missing")
    made = {"id": call.town.new_id(), "idMember": call.town.own, "idModel": call.ids[0], "emoji": dict(call.body)}
    call.town.reactions.setdefault(call.ids[0], []).append(made)
    return made


def _labels(call: Call) -> Any:
    if call.ids[0] not in call.town.boards:
        raise Missing(call.ids[0])
    return [one for one in call.town.labels.values() if one["idBoard"] == call.ids[0]]


def _reactions(call: Call) -> Any:
    call.town.action(call.ids[0])
    return call.town.reactions.get(call.ids[0], [])


def _board_actions(call: Call) -> Any:
    if call.ids[0] not in call.town.boards:
        raise Missing(call.ids[0])
    limit = int(call.query.get("limit", PAGE))
    if not 0 <= limit <= 1000:
        raise Invalid("limit")
    wanted = set(call.query["filter"].split(",")) if call.query.get("filter") else None
    known = call.town.actions[call.ids[0]]
    low = bisect.bisect_right(known, call.query.get("since", ""), key=lambda one: str(one["id"]))
    high = bisect.bisect_left(known, call.query.get("before", "g"), key=lambda one: str(one["id"]))
    found: list[Body] = []
    for place in range(high - 1, low - 1, -1):
        if len(found) == limit:
            break
        if wanted is None or known[place]["type"] in wanted:
            found.append(known[place])
    return found


def _card_actions(call: Call) -> Any:
    # without a filter Trello shows comments and moves only
    wanted = call.query.get("filter", "commentCard,updateCard:idList").split(",")
    found = [one for one in reversed(call.town.card_actions(call.ids[0])) if one["type"] in wanted]
    page = int(call.query.get("page", "0"))
    return found[page * PAGE : (page + 1) * PAGE]


def _webhooks(call: Call) -> Any:
    return list(call.town.webhooks.values())


def _change_webhook(call: Call) -> Any:
    hook: Body = _get("webhooks")(call)
    hook["active"] = call.query.get("active", "true") == "true"
    if hook["active"]:
        hook.update(consecutiveFailures=0, firstConsecutiveFailDate=None)
    return hook


def _delete_webhook(call: Call) -> Any:
    _get("webhooks")(call)
    del call.town.webhooks[call.ids[0]]
    return {"limits": {}}


SECRET = "([0-9A-Za-z]{64,100})"  # noqa: S105  a pattern
ONE = "([0-9a-zA-Z]{24})"
OPERATIONS: list[tuple[str, re.Pattern[str], Operation]] = [
    (method, re.compile(pattern), operation)
    for method, pattern, operation in (
        ("GET", "/members/me", _me),
        ("GET", f"/tokens/{SECRET}", _token),
        ("GET", f"/tokens/{SECRET}/webhooks", _webhooks),
        ("GET", f"/organizations/{ONE}/members", _workspace_members),
        ("GET", f"/organizations/{ONE}/boards", _boards),
        ("GET", f"/boards/{ONE}", _get("boards")),
        ("GET", f"/boards/{ONE}/members", _board_members),
        ("GET", f"/boards/{ONE}/lists", _lists),
        ("GET", f"/boards/{ONE}/actions", _board_actions),
        ("GET", f"/boards/{ONE}/labels", _labels),
        ("GET", f"/actions/{ONE}/reactions", _reactions),
        ("POST", "/lists", _make_list),
        ("POST", "/labels", _make_label),
        ("POST", "/cards", _make_card),
        ("GET", f"/cards/{ONE}", _get("cards")),
        ("PUT", f"/cards/{ONE}", _change_card),
        ("GET", f"/cards/{ONE}/actions", _card_actions),
        ("POST", f"/cards/{ONE}/actions/comments", _comment),
        ("POST", f"/cards/{ONE}/checklists", _make_checklist),
        ("POST", f"/checklists/{ONE}/checkItems", _make_item),
        ("POST", f"/actions/{ONE}/reactions", _react),
        ("PUT", f"/webhooks/{ONE}", _change_webhook),
        ("DELETE", f"/webhooks/{ONE}", _delete_webhook),
    )
]


def operation(method: str, path: str) -> tuple[Operation, tuple[str, ...]] | None:
    """Find what a request asks for, with the ids in its path."""
    for known, pattern, carry_out in OPERATIONS:
        match = pattern.fullmatch(path) if known == method else None
        if match is not None:
            return carry_out, match.groups()
    return None
