"""Take "We met" on a group's card for the answer of whoever ticked it, once that person is asked whether they met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tertulia import Actor, Field, Json, Prompt, Refused
from tertulia_trello import actions
from tertulia_trello.actions import CHECK, Action
from tertulia_trello.desk import Desk

FIELD, YES = "met", "yes"
"""What a ritual calls the question whether people met, and the answer that they did."""


class GroupMet:
    """Hand on that a group met; of its own members only, and never against what they said themselves."""

    def __init__(self, desk: Desk):
        self._desk = desk

    async def take(self, ref: str, kept: Json, found: Sequence[Action]) -> None:
        """Look who ticked and was not heard before; whoever is not asked yet is looked at again."""
        heard = [*kept["met"]]
        for member in sorted(ticked(kept, found) - set(heard)):
            if await self._tell(ref, actions.actor(self._desk.settings.workspace_id, member)):
                heard.append(member)
        current = await self._desk.card(ref)
        if current is not None and heard != kept["met"]:
            await self._desk.keep(ref, {**current, "met": heard})

    async def _tell(self, ref: str, actor: Actor) -> bool:
        try:
            asked = list(_asked(await self._desk.context.inbox.prompts(actor)))
        except Refused:
            return False  # not linked yet
        if len(asked) != 1:
            return False  # not asked yet, or of several groups, so that one would have to guess
        token, field = asked[0]
        if field.value is not None:
            return True
        reply = await self._desk.context.inbox.answered(token, actor, {FIELD: YES}, f"met:{ref}:{actor.user}")
        return reply.status in ("taken", "changed")


def ticked(kept: Json, found: Sequence[Action]) -> set[str]:
    """Return the members of the group whose tick says that they met; who took it away again does not."""
    latest = {action.member: action.checked for action in found if action.type == CHECK and _meets(kept, action)}
    return {member for member in kept["group"] if latest.get(member)}


def _meets(kept: Json, action: Action) -> bool:
    return bool(kept["checks"].get(action.item) == "")


def _asked(prompts: Sequence[Prompt]) -> Iterator[tuple[str, Field]]:
    for prompt in prompts:
        token = next((action.token for action in prompt.actions if action.verb == "answer"), None)
        for field in prompt.fields:
            if token and field.key == FIELD and any(option.value == YES for option in field.options):
                yield token, field
