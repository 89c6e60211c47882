"""Questions to the leadership in stages: asked without a name, moderated, voted on, answered, and answered to all.

Nothing of it passes through a button of this kind: whoever asks or votes does so on a page that knows nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.markup import Block, Markup, Paragraph, Span
from tertulia.domain.prompts import Action, Draft, Given
from tertulia.errors import Mistake
from tertulia.kinds import FollowUp, Outcome, Questioning, Share
from tertulia.wording import Words

MODERATE, VOTE, REPLY, ANSWERS = "moderate", "vote", "reply", "answers"
READ_FOR = timedelta(days=7)
REMINDER = timedelta(days=1)


def questioning(content: Json) -> Questioning | None:
    """Say what can be done with the questions now."""
    match content.get("stage", ""):
        case "":
            return Questioning(doing="ask")
        case "moderate":
            return Questioning(doing="moderate")
        case "vote":
            return Questioning(doing="vote", votes=content["votes"])
        case "reply":
            return Questioning(doing="answer")
    return Questioning(doing="read")


def accept(say: Words) -> Given:
    """Refuse whatever is sent with a name."""
    raise Mistake(say("Questions and votes are taken without a name only; open the page for it."))


def draft(content: Json, say: Words) -> Draft:
    """Show the stage."""
    stages = {"": _ask, MODERATE: _moderate, VOTE: _vote, REPLY: _reply, ANSWERS: _answers}
    return stages[content.get("stage", "")](content, say)


def follow(content: Json, outcome: Outcome) -> Iterable[FollowUp]:
    """Plan the next stage; without any question nothing follows."""
    if outcome.stage == "" and outcome.questions:
        days = timedelta(days=content["moderation_days"])
        yield _to_moderators(MODERATE, days, content, outcome)
    elif outcome.stage == MODERATE:
        published = sum(one.state == "published" for one in outcome.questions)
        days = timedelta(days=content["vote_days"])
        if published > 1:
            shares = _everybody(outcome)
            yield FollowUp(
                stage=VOTE,
                at=outcome.closed_at,
                open_for=days,
                shares=shares,
                content=content,
                ask="each" if shares else "place",
            )
        elif published:
            yield _to_moderators(REPLY, timedelta(days=content["answer_days"]), content, outcome)
        else:
            yield _published(content, outcome)
    elif outcome.stage == VOTE:
        yield _to_moderators(REPLY, timedelta(days=content["answer_days"]), content, outcome)
    elif outcome.stage == REPLY:
        yield _published(content, outcome)


def _to_moderators(stage: str, open_for: timedelta, content: Json, outcome: Outcome) -> FollowUp:
    shares = {one: Share() for one in outcome.leaders}
    at = outcome.closed_at
    return FollowUp(stage=stage, at=at, open_for=open_for, shares=shares, content=content, reminders=(REMINDER,))


def _published(content: Json, outcome: Outcome) -> FollowUp:
    """Tell all who were asked; what is told of questions is nobody's."""
    told = [{"question": one.text, "answer": one.answer} for one in outcome.questions if one.state == "published"]
    reasons = [one.reason for one in outcome.questions if one.state == "declined" and one.reason]
    return FollowUp(
        stage=ANSWERS,
        at=outcome.closed_at,
        open_for=READ_FOR,
        shares=_everybody(outcome),
        content={**content, "told": told, "declined": sorted(reasons)},
        ask="both",
    )


def _everybody(outcome: Outcome) -> dict[Id, Share]:
    return {one: Share() for one in sorted(outcome.reached)}


def _ask(content: Json, say: Words) -> Draft:
    body = say("What would you like to ask those who lead? Ask without your name, on a page that does not know you.")
    about = Markup.literal(content["about"]) if content["about"] else Markup()
    return Draft(
        title="",
        body=about + Markup.literal(body) + _page(content, "questions", say("Ask a question")),
        recorded=say(
            "Your question is kept without your name, and nobody can find out who asked it. That you opened a page "
            "to write on is counted; what came of it is not. Moderators read a question before it is published, and "
            "say why where they do not publish it."
        ),
        actions=(Action(verb="pass", label=say("Nothing to ask")),),
        visibility="me",
    )


def _moderate(content: Json, say: Words) -> Draft:
    body = say("Questions wait for you. Publish each of them, or say in a sentence why not; everybody reads that.")
    return _told(content, body, "questions/moderate", say("Moderate"), say)


def _vote(content: Json, say: Words) -> Draft:
    body = say("These questions were asked. Which ones matter to you? Vote on a page that does not know you.")
    votes = Markup.literal(
        say("That you opened the page is counted, so that everybody votes once; what you chose is not.")
    )
    shown = _told(content, body, "questions", say("Vote"), say)
    return Draft(
        title="",
        body=shown.body,
        recorded=votes.plain(),
        actions=(Action(verb="pass", label=say("Pass")),),
        visibility="me",
    )


def _reply(content: Json, say: Words) -> Draft:
    body = say(
        "These questions are published, the most wanted first. Write the answers; all who were asked get them."
    )
    return _told(content, body, "questions/moderate", say("Answer"), say)


def _answers(content: Json, say: Words) -> Draft:
    blocks: list[Block] = []
    for one in content["told"]:
        blocks.append(Paragraph((Span(one["question"], bold=True),)))
        blocks.append(Paragraph((Span(one["answer"] or say("This is not answered yet.")),)))
    if not content["told"]:
        blocks.append(Paragraph((Span(say("No question was published this time.")),)))
    if content["declined"]:
        count = len(content["declined"])
        intro = say.many("One question was not published:", "{number} questions were not published:", count)
        blocks.append(Paragraph((Span(intro),)))
    body = Markup(tuple(blocks)) + (Markup.bullets(content["declined"]) if content["declined"] else Markup())
    return Draft(
        title="",
        body=body + _page(content, "questions", say("All questions and answers")),
        recorded=say("Nothing is recorded."),
        actions=(Action(verb="pass", label=say("All right")),),
        visibility="me",
    )


def _told(content: Json, text: str, path: str, label: str, say: Words) -> Draft:
    return Draft(
        title="",
        body=Markup.literal(text) + _page(content, path, label),
        recorded=say("Nothing is recorded."),
        actions=(Action(verb="pass", label=say("All right")),),
        visibility="me",
    )


def _page(content: Json, path: str, label: str) -> Markup:
    link = f"{content['page']}/{path}" if content["page"] else None
    return Markup((Paragraph((Span(label, link=link),)),))
