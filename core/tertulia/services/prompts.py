"""Turn what a ritual kind wants shown into a prompt for one recipient, with a sealed ticket on every button."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.programs import Practice
from tertulia.domain.prompts import Action, Draft, Field, Given, Prompt
from tertulia.domain.surveys import CONFIDENTIAL
from tertulia.errors import Refused
from tertulia.extension import RitualKind
from tertulia.kinds import Telling
from tertulia.services import shares
from tertulia.storage.vault import Vault
from tertulia.wording import words

if TYPE_CHECKING:
    from tertulia.runtime import Runtime
    from tertulia.services.rounds import RoundRow

PASS = Action(verb="pass", label="Pass")
PASSING = frozenset({"pass", "decline"})
"""Where one of these buttons is there, no other is needed to pass; a pass is always taken."""
REMEMBERED = 256


@dataclass(frozen=True)
class Ticket:
    """Say what a button does: for which round, by whom, which verb; *person* is `None` in a shared place."""

    organization: Id
    workspace: Id
    round: Id
    person: Id | None
    verb: str


def seal_ticket(vault: Vault, ticket: Ticket) -> str:
    """Seal *ticket* as a token that only this service can read or make."""
    fields = {
        "o": ticket.organization,
        "w": ticket.workspace,
        "r": ticket.round,
        "p": ticket.person,
        "v": ticket.verb,
    }
    return vault.token(fields, "ticket")


def open_ticket(vault: Vault, token: str) -> Ticket:
    """Open a token made by `seal_ticket`; raises `Refused` for anything else."""
    fields = vault.open_token(token, "ticket")
    try:
        return Ticket(fields["o"], fields["w"], fields["r"], fields["p"], fields["v"])
    except (KeyError, TypeError) as error:
        raise Refused("not a ticket") from error


def compose(
    runtime: Runtime,
    round_: RoundRow,
    practice: Practice,
    *,
    person: Id | None,
    language: str,
    link: str | None = None,
    given: Given | None = None,
    version: int = 1,
    share: Json | None = None,
) -> Prompt:
    """Show the question of the round *round_* to *person*, or in a shared place where that is `None`.

    *given* is what the person gave before, to start from; *share* is what `shares.share_of` returned for the person.
    A shared place never gets the *link*.
    """
    shown = _DRAFTS.shown(runtime.plugins.ritual(round_.kind), round_, practice, language, share)
    whose = (round_.organization, round_.workspace, round_.id, person)
    return replace(
        shown,
        version=version,
        fields=_filled(shown.fields, given.values) if given is not None and given.values else shown.fields,
        actions=tuple(
            Action(
                verb=action.verb,
                label=action.label,
                style=action.style,
                token=seal_ticket(runtime.vault, Ticket(*whose, action.verb)),
            )
            for action in shown.actions
        ),
        link=None if person is None else link,
        closes=round_.closes_at,
    )


def compose_summary(runtime: Runtime, round_: RoundRow, practice: Practice, language: str, draft: Draft) -> Prompt:
    """Show what came of a closed round; nothing in it can be answered."""
    return _prompt(
        round_, practice, language, replace(draft, fields=(), actions=()), confidential=round_.confidential
    )


def seen_in_group(practice: Practice, language: str = "en") -> str:
    """Say that “the workspace” means a group where the practice is for one; empty for all others."""
    if not practice.audience.groups:
        return ""
    say = words(language)
    return say("This is for a group: where the workspace is named, only the members of the group are meant.")


def _prompt(round_: RoundRow, practice: Practice, language: str, draft: Draft, *, confidential: bool) -> Prompt:
    return Prompt(
        id=round_.id,
        version=1,
        title=draft.title or practice.title,
        body=draft.body,
        language=language,
        recorded=_recorded(draft.recorded) if confidential else _named(draft, practice, language),
        media=draft.media,
        fields=draft.fields,
        actions=draft.actions,
        privacy="confidential" if confidential else "named",
        # a ballot is shown to nobody, whatever its kind says
        visibility="me" if confidential else draft.visibility,
    )


def _named(draft: Draft, practice: Practice, language: str) -> str:
    group = seen_in_group(practice, language) if draft.visibility == "workspace" else ""
    return f"{draft.recorded} {group}".strip()


def _recorded(said: str) -> str:
    return said if CONFIDENTIAL in said else f"{said} {CONFIDENTIAL}".strip()


def _filled(fields: tuple[Field, ...], values: Json) -> tuple[Field, ...]:
    return tuple(
        replace(field, value=_value(values[field.key])) if field.key in values else field for field in fields
    )


def _value(value: Any) -> str | tuple[str, ...] | bool | None:
    if value is None or isinstance(value, bool):
        return value
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else str(value)


class _Drafts:
    """Remember the prompts of the last rounds, before anything personal is added to them.

    A kind's `prompt` and `prompt_for` are pure, so what is remembered stays right as long as its inputs are the same.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: OrderedDict[tuple[Id, str, str], tuple[RitualKind, Json, str, Prompt]] = OrderedDict()

    def shown(
        self, kind: RitualKind, round_: RoundRow, practice: Practice, language: str, share: Json | None
    ) -> Prompt:
        content: Mapping[str, Any] = round_.content or {}
        key = (round_.id, language, "" if share is None else json.dumps(share, sort_keys=True))
        known = self._known.get(key)
        if known is not None and known[0] is kind and known[1] == content and known[2] == practice.title:
            self._known.move_to_end(key)
            return known[3]
        draft = shares.draft(kind, content, share, language)
        if not isinstance(kind, Telling) and not any(action.verb in PASSING for action in draft.actions):
            draft = replace(draft, actions=(*draft.actions, PASS))
        shown = _prompt(round_, practice, language, draft, confidential=kind.privacy == "confidential")
        self._known[key] = (kind, content, practice.title, shown)
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return shown


_DRAFTS = _Drafts(REMEMBERED)


def acknowledged(prompt: Prompt, text: Markup) -> Prompt:
    """Put *text*, what became of the answer, above a prompt's question."""
    return replace(prompt, body=text + prompt.body)
