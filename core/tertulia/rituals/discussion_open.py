"""An open discussion in stages: topics are proposed, chosen, discussed over days, and somebody sums up.

A topic goes on without its proposer's name. Contributions are named, and are never copied into a later stage: they
are read where they stand, so that whoever leaves or is erased takes them along.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Block, Bullets, Markup, Paragraph, Span
from tertulia.domain.prompts import Action, Draft, Field, Given, Option
from tertulia.errors import Mistake
from tertulia.extension import Shared
from tertulia.forms import choices, text
from tertulia.kinds import FollowUp, Outcome, Share
from tertulia.rituals import guides
from tertulia.wording import Words

VOTE, DISCUSS, HOST, WRAP, OUTCOME = "vote", "discuss", "host", "wrap", "outcome"
ROOM = {"topic": 150, "said": 1500, "wrap": 1500}
TOPICS = 30
"""Topics that can be chosen among."""
HEARD = 40
"""Voices that one person is shown beside the question; all stand in the summary."""
WRAP_FOR, READ_FOR = timedelta(days=3), timedelta(days=5)


def draft(content: Json, share: Json, say: Words) -> Draft:
    """Show the stage."""
    stages = {"": _propose, VOTE: _vote, DISCUSS: _discuss, HOST: _host, WRAP: _wrap, OUTCOME: _outcome}
    return stages[content.get("stage", "")](content, share, say)


def accept(content: Json, values: Json, say: Words) -> Given:
    """Take what was given to the stage."""
    match content.get("stage", ""):
        case "":
            topic = text(values, _topic_field(say), ROOM["topic"])
            if topic is None:
                raise Mistake(say("There is no topic yet; write one, or pass."))
            reply = say("Thank you. Your topic is put to the vote without your name.")
            return Given(values={"topic": " ".join(topic.split())}, reply=reply)
        case "vote":
            chosen = choices(values, _vote_field(content, say))
            if not chosen:
                raise Mistake(say("Choose at least one topic, or pass."))
            if len(chosen) > content["votes"]:
                raise Mistake(say("That is more than {votes}; leave some out.", votes=content["votes"]))
            reply = say("Thank you. Your votes are counted; nobody is shown whom they came from.")
            return Given(values={"vote": list(chosen)}, reply=reply)
        case "discuss" | "wrap":
            said = {
                field.key: written
                for field in _fields(content, say)
                if (written := text(values, field, ROOM["said"])) is not None
            }
            if not said:
                raise Mistake(say("Nothing is written yet; write a word, or pass."))
            return Given(values=said, counts=content["stage"] == DISCUSS)
    raise Mistake(say("There is nothing to answer here."))


def follow(content: Json, outcome: Outcome) -> Iterable[FollowUp]:
    """Plan the next stage."""
    match outcome.stage:
        case "":
            topics = _proposed(outcome)
            if len(topics) > content["topics"]:
                days = timedelta(days=content["vote_days"])
                yield _stage(VOTE, outcome, {**content, "proposed": topics}, days, _everybody(outcome))
            elif topics:
                yield from _begin(content, topics, outcome)
        case "vote":
            yield from _begin(content, _chosen(content, outcome), outcome)
        case "discuss":
            voices = sorted(outcome.answers())[:HEARD]
            shares = {one: Share(share={"people": voices}) for one in outcome.organisers}
            if shares and voices:
                yield _stage(WRAP, outcome, content, WRAP_FOR, shares)
            elif voices:
                yield _told(content, outcome, voices)
        case "wrap":
            voices = sorted(outcome.earlier.get(DISCUSS, {}))[:HEARD]
            yield _told(content, outcome, [*sorted(outcome.answers()), *voices])


def summary(content: Json, given: Sequence[Shared], say: Words) -> Draft | None:
    """Show what was said on each topic, or the words of whoever summed up."""
    stage, recorded = content.get("stage", ""), say("Shown is what each wrote for everyone.")
    told = [one for one in given if one.name]
    if not told or stage not in (DISCUSS, WRAP):
        return None
    blocks: list[Block] = []
    for field in _fields(content, say):
        lines = [_line(one.name or "", str(one.values[field.key])) for one in told if one.values.get(field.key)]
        if lines:
            blocks += [Paragraph((Span(field.label, bold=True),)), Bullets(tuple(lines))]
    return Draft(title="", body=Markup(tuple(blocks)), recorded=recorded, visibility="workspace")


def _propose(content: Json, share: Json, say: Words) -> Draft:
    body = say("What should we talk about? Propose a topic; which ones are discussed is chosen by vote.")
    about = Markup.literal(content["about"]) if content["about"] else Markup()
    return Draft(
        title="",
        body=about + Markup.literal(body),
        recorded=say(
            "Your topic is kept under your name, and put to the vote without it. Once the vote has begun it is "
            "nobody's. Passes are counted, never named."
        ),
        fields=(_topic_field(say),),
        actions=(Action(verb="answer", label=say("Propose"), style="primary"), _pass(say)),
        visibility="me",
    )


def _vote(content: Json, share: Json, say: Words) -> Draft:
    return Draft(
        title="",
        body=Markup.literal(say("These topics were proposed. Which ones would you like to talk about?")),
        recorded=say("Your votes are kept under your name and shown to nobody; only the topics chosen are told."),
        fields=(_vote_field(content, say),),
        actions=(Action(verb="answer", label=say("Vote"), style="primary"), _pass(say)),
        visibility="me",
    )


def _discuss(content: Json, share: Json, say: Words) -> Draft:
    opening = say("These topics were chosen. Write when it suits you, and come back to read what others wrote.")
    body = Markup.literal(opening) + Markup.bullets(topic["text"] for topic in content["chosen"])
    heard = _voices(content, share, DISCUSS, say)
    return Draft(
        title="",
        body=body + heard,
        recorded=say(
            "What you write is kept under your name, and everyone in the workspace sees it. Passes are counted, "
            "never named."
        ),
        fields=_fields(content, say),
        actions=(Action(verb="answer", label=say("Share"), style="primary"), _pass(say)),
        visibility="workspace",
    )


def _host(content: Json, share: Json, say: Words) -> Draft:
    guide = guides.find(content["guide"] or guides.USUAL)
    body = Markup.literal(say("The discussion has begun. You can host it: these are its topics."))
    body += Markup.bullets(topic["text"] for topic in content["chosen"])
    if guide is not None and content["page"]:
        lead = Span(say("A guide that you can follow: "))
        link = Span(guide.title, link=f"{content['page']}/guides/{guide.name}")
        body += Markup((Paragraph((lead, link)),))
    actions = (Action(verb="pass", label=say("All right")),)
    return Draft(title="", body=body, recorded=say("Nothing is recorded."), actions=actions, visibility="me")


def _wrap(content: Json, share: Json, say: Words) -> Draft:
    body = Markup.literal(say("The discussion is over. Would you sum up in a few sentences what came of it?"))
    return Draft(
        title="",
        body=body + _voices(content, share, DISCUSS, say),
        recorded=say("What you write is kept under your name, and everyone in the workspace sees it."),
        fields=_fields(content, say),
        actions=(Action(verb="answer", label=say("Sum up"), style="primary"), _pass(say)),
        visibility="workspace",
    )


def _outcome(content: Json, share: Json, say: Words) -> Draft:
    body = Markup.literal(say("This came of the discussion:")) + _voices(content, share, WRAP, say)
    body += _voices(content, share, DISCUSS, say)
    actions = (Action(verb="pass", label=say("All right")),)
    return Draft(title="", body=body, recorded=say("Nothing is recorded."), actions=actions, visibility="me")


def _topic_field(say: Words) -> Field:
    return Field(key="topic", kind="short", label=say("Your topic"), hint=say("A question is better than a heading."))


def _vote_field(content: Json, say: Words) -> Field:
    options = tuple(Option(value=topic["key"], label=topic["text"]) for topic in content["proposed"])
    label = say.many("Choose one", "Choose up to {number}", content["votes"])
    return Field(key="vote", kind="many", label=label, options=options)


def _fields(content: Json, say: Words) -> tuple[Field, ...]:
    if content.get("stage") == WRAP:
        return (Field(key="wrap", kind="long", label=say("What came of it")),)
    return tuple(Field(key=f"on_{topic['key']}", kind="long", label=topic["text"]) for topic in content["chosen"])


def _pass(say: Words) -> Action:
    return Action(verb="pass", label=say("Pass"))


def _proposed(outcome: Outcome) -> list[Json]:
    """Return what was proposed, each once and without whose it was, in an order that tells nothing."""
    found: dict[str, Json] = {}
    for values in outcome.answers().values():
        topic = str(values["topic"])
        key = hashlib.sha256(topic.casefold().encode()).hexdigest()[:10]
        found.setdefault(key, {"key": key, "text": topic})
    return [found[key] for key in sorted(found)][:TOPICS]


def _chosen(content: Json, outcome: Outcome) -> list[Json]:
    votes = Counter(key for values in outcome.answers().values() for key in values["vote"])
    ranked = sorted(content["proposed"], key=lambda topic: (-votes[topic["key"]], topic["key"]))
    return ranked[: content["topics"]]


def _begin(content: Json, topics: Sequence[Json], outcome: Outcome) -> Iterable[FollowUp]:
    going = {key: value for key, value in content.items() if key != "proposed"} | {"chosen": list(topics)}
    keen = sorted({*outcome.answers(), *(one for said in outcome.earlier.values() for one in said)})
    shares = _everybody(outcome)
    # who took part so far sees what the others who did write; for all to see all there is the summary
    shares |= {one: Share(share={"people": keen[:HEARD]}) for one in keen}
    days = timedelta(days=content["discussion_days"])
    yield FollowUp(stage=DISCUSS, at=outcome.closed_at, open_for=days, shares=shares, content=going, ask="both")
    hosts = {one: Share() for one in outcome.organisers}
    if hosts:
        yield _stage(HOST, outcome, going, days, hosts)


def _stage(stage: str, outcome: Outcome, content: Json, open_for: timedelta, shares: dict[Id, Share]) -> FollowUp:
    return FollowUp(
        stage=stage,
        at=outcome.closed_at,
        open_for=open_for,
        shares=shares,
        content=content,
        # where nobody is asked privately, the place is
        ask="each" if shares else "place",
    )


def _told(content: Json, outcome: Outcome, voices: Sequence[Id]) -> FollowUp:
    keen = {one for said in outcome.earlier.values() for one in said} | set(outcome.answers())
    shares = {one: Share(share={"people": list(dict.fromkeys(voices))}) for one in sorted(keen)}
    return FollowUp(stage=OUTCOME, at=outcome.closed_at, open_for=READ_FOR, shares=shares, content=content)


def _everybody(outcome: Outcome) -> dict[Id, Share]:
    return {one: Share() for one in sorted(outcome.reached)}


def _voices(content: Json, share: Json, stage: str, say: Words) -> Markup:
    """Show what those said at *stage* who are named in the share."""
    blocks: list[Block] = []
    for field in _fields({**content, "stage": stage}, say):
        lines = [
            _line(mate["name"], str(said))
            for mate in share.get("people", ())
            if (said := mate["given"].get(stage, {}).get(field.key))
        ]
        if lines:
            blocks += [Paragraph((Span(field.label, bold=True),)), Bullets(tuple(lines))]
    return Markup(tuple(blocks))


def _line(name: str, said: str) -> tuple[Span, ...]:
    return (Span(f"{name}:", bold=True), Span(f" {said}"))
