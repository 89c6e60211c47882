"""Light a candle in a private chat: choose, confirm, and take it back, each through a button of one prompt.

Whatever a step needs is sealed in its button's token, so nothing is kept before the second step. Tokens end after an
hour: nobody shall light a candle by a button of last month.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Markup
from tertulia.domain.prompts import Action, Field, Option, Prompt, Reply, ReplyStatus, Style
from tertulia.errors import Mistake, Refused
from tertulia.runtime import Runtime
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.surveys.candle import life, lines, responders, words
from tertulia.surveys.candle.responders import Choice
from tertulia.surveys.candle.wishes import HOURS, WAYS, Wishes, as_json, told, wishes

PLACE = "candle"
LASTS = timedelta(hours=1)
PAGE = "/my/candle"


@dataclass(frozen=True, kw_only=True)
class Button:
    """Hold what a button does: whose it is, which step it takes, and what was chosen before."""

    organization: Id
    workspace: Id
    person: Id
    step: str
    until: datetime
    chosen: Json = field(default_factory=dict)


def button_of(runtime: Runtime, token: str) -> Button | None:
    """Return what a candle's button does; `None` for any other token."""
    try:
        fields = runtime.vault.open_token(token, PLACE)
    except Refused:
        return None
    return Button(
        organization=fields["o"],
        workspace=fields["w"],
        person=fields["p"],
        step=fields["s"],
        until=datetime.fromisoformat(fields["u"]),
        chosen=fields["c"],
    )


async def begin(runtime: Runtime, tx: Tx, organization: Id, workspace: Id, person: Id, language: str) -> Reply:
    """Show the first step: whom to tell, and how to be reached."""
    able = await responders.choice(tx, organization, workspace, person)
    helping = words.numbers(await lines.lines(tx, organization, workspace))
    if not able.responders:
        return Reply(status="refused", text=Markup.literal(life.NOBODY) + helping, private=True)
    button = _button(runtime, organization, workspace, person, "choose", {"key": runtime.new_id()})
    body = Markup.literal(words.WHAT)
    if not able.line_known:
        body += Markup.literal(words.LINE_UNKNOWN)
    prompt = _prompt(
        runtime,
        language,
        body=body + helping,
        recorded=words.NOTHING_YET,
        fields=_fields(able),
        actions=(_action(runtime, button, "choose", "Go on", "primary"),),
    )
    return Reply(status="taken", prompt=prompt, private=True)


async def answered(runtime: Runtime, button: Button, person: Id, values: Json, language: str = "en") -> Reply:
    """Take a step for *person*, in a transaction of its own; whoever else presses the button is refused."""
    if button.until <= runtime.clock.now() and button.step != "withdraw":
        return _said("closed", Markup.parse(words.TOO_LATE))
    try:
        async with runtime.database.write() as tx:
            if await people.current(tx, button.organization, button.person) != person:
                raise Mistake("This button is somebody else's; write candle to me yourself.")
            return await _STEPS[button.step](runtime, tx, button, values, language)
    except Mistake as mistake:
        return _said("refused", Markup.literal(str(mistake)))


def pointer(runtime: Runtime) -> Reply:
    """Say where a candle can be lit, on a way on which none is taken."""
    text = f"Let us go on in private: open [your page]({runtime.config.public_url}{PAGE})."
    return _said("taken", Markup.parse(text))


async def _choose(runtime: Runtime, tx: Tx, button: Button, values: Json, language: str) -> Reply:
    able = await responders.choice(tx, button.organization, button.workspace, button.person)
    responder = able.named(
        str(values.get("responder") or "") or (able.responders[0].person if able.responders else "")
    )
    if responder is None:
        raise Mistake("Choose one of the people in the list.")
    chosen, deputy = wishes(values), able.deputy_of(responder.person)
    pass_on = deputy is not None and values.get("pass_on") not in (False, "false", "no")
    kept = {**button.chosen, "responder": responder.person, "pass_on": pass_on, **as_json(chosen)}
    body = words.sends(responder.name)
    body += Markup.literal(words.passed_on(responder.name, deputy.name if deputy and pass_on else None))
    body += Markup.bullets(told(chosen))
    prompt = _prompt(
        runtime,
        language,
        body=body,
        recorded=words.NOTHING_YET,
        actions=(
            _action(runtime, button, "send", f"Send my name to {responder.name}", "primary", kept),
            _action(runtime, button, "leave", "Not now"),
        ),
    )
    return Reply(status="changed", prompt=prompt, private=True)


async def _send(runtime: Runtime, tx: Tx, button: Button, values: Json, language: str) -> Reply:
    chosen = button.chosen
    able = await responders.choice(tx, button.organization, button.workspace, button.person)
    reference = await life.light(
        runtime,
        tx,
        button.organization,
        button.workspace,
        button.person,
        responder=str(chosen["responder"]),
        pass_on=bool(chosen["pass_on"]),
        chosen=wishes(chosen),
        key=str(chosen["key"]),
    )
    named = able.named(str(chosen["responder"]))
    discreet = wishes(chosen).discreet
    said = "Noted." if discreet else words.lit(named.name if named else "The person you chose", reference)
    body = Markup.literal(said)
    if not discreet:
        body += words.numbers(await lines.lines(tx, button.organization, button.workspace))
    back = _action(runtime, button, "withdraw", "Take it back", "default", chosen)
    title = "Noted" if discreet else words.TITLE
    recorded = "" if discreet else words.SENT
    prompt = _prompt(runtime, language, title=title, body=body, recorded=recorded, actions=(back,))
    return Reply(status="taken", prompt=prompt, private=True)


async def _leave(runtime: Runtime, tx: Tx, button: Button, values: Json, language: str) -> Reply:
    prompt = _prompt(runtime, language, body=Markup.literal(words.NOT_NOW), recorded=words.NOTHING_YET)
    return Reply(status="changed", prompt=prompt, private=True)


async def _withdraw(runtime: Runtime, tx: Tx, button: Button, values: Json, language: str) -> Reply:
    candle = life.derived(runtime, button.organization, button.person, str(button.chosen["key"]))
    await life.withdraw(runtime, tx, button.organization, button.person, candle)
    title = "Noted" if wishes(button.chosen).discreet else words.TITLE
    prompt = _prompt(
        runtime, language, title=title, body=Markup.literal(words.TAKEN_BACK), recorded="What was sealed is deleted."
    )
    return Reply(status="changed", prompt=prompt, private=True)


_Step: TypeAlias = Callable[[Runtime, Tx, Button, Json, str], Awaitable[Reply]]
_STEPS: Mapping[str, _Step] = {"choose": _choose, "send": _send, "leave": _leave, "withdraw": _withdraw}


def _fields(able: Choice) -> tuple[Field, ...]:
    named = tuple(Option(value=one.person, label=one.name) for one in able.responders)
    plain = Wishes()
    found = [
        Field(
            key="responder", kind="one", label="Who should know?", options=named, required=True, value=named[0].value
        ),
        Field(key="way", kind="one", label="How should they reach you?", options=_options(WAYS), value=plain.way),
        Field(key="hours", kind="one", label="When is a good time?", options=_options(HOURS), value=plain.hours),
        Field(key="number", kind="short", label="A number to call, if you like"),
        Field(key="discreet", kind="confirm", label=words.DISCREET),
    ]
    if len(named) > 1:
        label = "If they have not opened it after a working day, somebody else of the list may"
        found.append(Field(key="pass_on", kind="confirm", label=label, value=True))
    return tuple(found)


def _options(offered: Mapping[str, str]) -> tuple[Option, ...]:
    return tuple(Option(value=value, label=label) for value, label in offered.items())


def _prompt(
    runtime: Runtime,
    language: str,
    *,
    body: Markup,
    recorded: str,
    title: str = words.TITLE,
    fields: tuple[Field, ...] = (),
    actions: tuple[Action, ...] = (),
) -> Prompt:
    return Prompt(
        id=runtime.new_id(),
        version=1,
        title=title,
        body=body,
        language=language,
        recorded=recorded,
        fields=fields,
        actions=actions,
        visibility="me",
        link=f"{runtime.config.public_url}{PAGE}",
    )


def _button(runtime: Runtime, organization: Id, workspace: Id, person: Id, step: str, chosen: Json) -> Button:
    until = runtime.clock.now() + LASTS
    return Button(
        organization=organization, workspace=workspace, person=person, step=step, until=until, chosen=chosen
    )


def _action(
    runtime: Runtime, button: Button, step: str, label: str, style: Style = "default", chosen: Json | None = None
) -> Action:
    fields = {
        "o": button.organization,
        "w": button.workspace,
        "p": button.person,
        "s": step,
        "u": button.until.isoformat(),
        "c": dict(button.chosen if chosen is None else chosen),
    }
    return Action(verb=f"candle-{step}", label=label, style=style, token=runtime.vault.token(fields, PLACE))


def _said(status: ReplyStatus, text: Markup) -> Reply:
    return Reply(status=status, text=text, private=True)
