"""From a blocker to a hand: who asked for help with it is offered to colleagues, and hears who can.

Stages that follow a check-in: `offer` shows the blockers to those who may see them, `helpers` tells who can help.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Bullets, Markup, Paragraph, Span
from tertulia.domain.prompts import Action, Draft, Field, Given, Option
from tertulia.errors import Mistake
from tertulia.kinds import FollowUp, Outcome, Share
from tertulia.wording import Words

OFFER, HELPERS = "offer", "helpers"
STAGES = (OFFER, HELPERS)
ASKED_FOR = timedelta(hours=24)
READ_FOR = timedelta(days=3)


def field(say: Words) -> Field:
    """Ask whether help is welcome."""
    return Field(
        key="help",
        kind="confirm",
        label=say("Ask for help with it"),
        hint=say(
            "With this tick, colleagues who checked in are shown it with your name, and asked whether they can help."
        ),
    )


def wants(values: Json) -> bool:
    """Tell whether an answer asks colleagues for help."""
    return bool(values.get("help") and values.get("blockers"))


def follow(content: Json, outcome: Outcome) -> Iterable[FollowUp]:
    """Plan what follows a check-in, or the offer of one."""
    if outcome.stage == "":
        yield from _offer(content, outcome)
    elif outcome.stage == OFFER:
        yield from _helpers(content, outcome)


def _offer(content: Json, outcome: Outcome) -> Iterable[FollowUp]:
    askers = [one for one, values in outcome.answers().items() if wants(values)]
    if not askers or content["visibility"] == "me":
        return
    shares = {}
    for one in outcome.answers():
        shown = [asker for asker in askers if asker != one and _may_see(content, outcome, one, asker)]
        if shown:
            shares[one] = Share(share={"people": shown})
    if shares:
        yield FollowUp(stage=OFFER, at=outcome.closed_at, open_for=ASKED_FOR, shares=shares, content=content)


def _may_see(content: Json, outcome: Outcome, one: Id, asker: Id) -> bool:
    team = outcome.teams.get(asker)
    return content["visibility"] == "workspace" or (team is not None and outcome.teams.get(one) == team)


def _helpers(content: Json, outcome: Outcome) -> Iterable[FollowUp]:
    helping: dict[Id, list[Id]] = {}
    for one, values in outcome.answers().items():
        for asker in values.get("hand", ()):
            helping.setdefault(asker, []).append(one)
    shares: Mapping[Id, Share] = {
        asker: Share(share={"people": sorted(helpers)}) for asker, helpers in helping.items()
    }
    if shares:
        yield FollowUp(stage=HELPERS, at=outcome.closed_at, open_for=READ_FOR, shares=shares, content=content)


def draft(content: Json, share: Json, say: Words) -> Draft:
    """Show one of the two stages."""
    fine = Action(verb="pass", label=say("All right"))
    nothing = say("Nothing is recorded.")
    if content["stage"] == HELPERS:
        names = [mate["name"] for mate in share["people"]]
        body = Markup.literal(say("These colleagues can help you; write to them:")) + Markup.bullets(names)
        return Draft(title=say("Somebody can help"), body=body, recorded=nothing, actions=(fine,), visibility="me")
    asking = _asking(share)
    if not asking:
        body = Markup.literal(say("Nobody asks for help any more."))
        return Draft(title="", body=body, recorded=nothing, actions=(fine,), visibility="me")
    lines = tuple((Span(f"{name}:", bold=True), Span(f" {blocker}")) for _, name, blocker in asking)
    lead = Span(say("This is in the way of colleagues who ask for a hand:"))
    return Draft(
        title=say("Can you help?"),
        body=Markup((Paragraph((lead,)), Bullets(lines))),
        recorded=say("Whoever asked gets your name; nobody else does, and it counts nowhere."),
        fields=(_field(asking, say),),
        actions=(
            Action(verb="answer", label=say("Offer a hand"), style="primary"),
            Action(verb="pass", label=say("Not now")),
        ),
        visibility="me",
    )


def accept(content: Json, share: Json, values: Json, say: Words) -> Given:
    """Take an offer."""
    if content["stage"] != OFFER:
        raise Mistake(say("There is nothing to answer here."))
    given = values.get("hand")
    chosen = [str(one) for one in given] if isinstance(given, list | tuple) else [str(given)] if given else []
    offered = {one for one, _, _ in _asking(share)}
    if not chosen or not set(chosen) <= offered:
        raise Mistake(say("Choose whom you can help, or pass."))
    return Given(values={"hand": sorted(set(chosen))}, counts=False)


def _asking(share: Json) -> Sequence[tuple[Id, str, str]]:
    found = []
    for mate in share["people"]:
        said = mate["given"].get("", {})
        if wants(said):
            found.append((mate["id"], mate["name"], str(said["blockers"])))
    return found


def _field(asking: Sequence[tuple[Id, str, str]], say: Words) -> Field:
    options = tuple(Option(value=one, label=name) for one, name, _ in asking)
    return Field(key="hand", kind="many", label=say("I can help"), options=options)
