"""Questions to the leadership: read them, ask and vote on pages that know nobody, and moderate them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from aiohttp import web

from tertulia.errors import Mistake, Refused
from tertulia.extension import Access
from tertulia.kinds import AskedQuestion, Questioned
from tertulia.services import leadership, rounds
from tertulia.services.leadership import Forum
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.surveys import redaction
from tertulia.surveys.feedback import conversations, rights
from tertulia.surveys.leadership import asking, passes
from tertulia.surveys.leadership.passes import Pass
from tertulia.web import pages, unnamed
from tertulia.web.access import register
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION

OWN = Access(kind="member", why="hands out what lets one ask or vote; nothing is written there")
ANYONE = Access(kind="public", why="the pass in the address is all it goes by: no session is looked at")
MODERATORS = Access(kind="member", why="only rounds whose program names the member as a moderator are shown there")
PAGE, MODERATION = "/my/questions", "/my/questions/moderate"
_writing = partial(unnamed.writing, template="question_write.html", longest=asking.LONGEST)


def attach(app: web.Application) -> None:
    """Add the pages."""
    register(app, "GET", PAGE, show, OWN)
    register(app, "POST", PAGE, hand_out, OWN)
    register(app, "GET", MODERATION, show_moderation, MODERATORS)
    register(app, "POST", MODERATION, moderate, MODERATORS)
    register(app, "GET", "/questions/ask/{secret}", write, ANYONE)
    register(app, "POST", "/questions/ask/{secret}", ask, ANYONE)
    register(app, "GET", "/questions/vote/{secret}", choose, ANYONE)
    register(app, "POST", "/questions/vote/{secret}", vote, ANYONE)


async def show(request: web.Request) -> web.Response:
    """Show the rounds of questions and what can be done in each."""
    return await _page(request)


async def hand_out(request: web.Request) -> web.Response:
    """Take a pass and go on to the page that it opens, which asks for no session."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    use = str(form.get("use", ""))
    try:
        async with runtime.database.write() as tx:
            wanted = str(form.get("round", ""))[:32]
            found = await leadership.forum(runtime, tx, session.organization, session.person, wanted)
            stage = found.open
            if use not in passes.ALLOWED or found.now.doing != use or stage is None or stage.closes_at is None:
                raise Mistake(asking.OVER)
            if not found.takes_part:
                raise Mistake("You do not take part in this round; you moderate it.")
            token = await passes.grant(
                runtime,
                tx,
                session.organization,
                found.workspace,
                session.person,
                root=found.root,
                stage=stage.id,
                opened=stage.opens_at,
                until=stage.closes_at,
                use="ask" if use == "ask" else "vote",
            )
    except Mistake as mistake:
        return await _page(request, error=str(mistake))
    return see_other(f"/questions/{use}/{token}")


async def write(request: web.Request) -> web.Response:
    """Show the page to ask on."""
    pass_ = _pass(request, "ask")
    async with request.app[RUNTIME].database.read() as tx:
        unspent = await rights.unspent(tx, pass_.right)
    return _writing(request, unspent=unspent)


async def ask(request: web.Request) -> web.Response:
    """Show how the question would read, then take it; a page that was used takes no other, and says so."""
    runtime, pass_ = request.app[RUNTIME], _pass(request, "ask")
    form: Any = await request.post()
    text = str(form.get("text", ""))
    try:
        text = asking.checked(text)
        async with runtime.database.read() as tx:
            names = await conversations.names(tx, pass_.right.organization, pass_.right.workspace)
        found = redaction.find(text, names)
        instead = redaction.redacted(text, found)
        if form.get("step") not in ("send", "redacted"):
            return _writing(request, text=text, found=found, instead=instead, previewed=True)
        async with runtime.database.write() as tx:
            taken = await asking.ask(runtime, tx, pass_, instead if form["step"] == "redacted" else text)
    except Mistake as mistake:
        return _writing(request, text=text, error=str(mistake))
    if not taken:
        return _writing(request, unspent=False)
    return pages.render(request, "question_taken.html", voted=False)


async def choose(request: web.Request) -> web.Response:
    """Show the page to vote on."""
    return await _voting(request, _pass(request, "vote"))


async def vote(request: web.Request) -> web.Response:
    """Count the votes of one pass, once."""
    runtime, pass_ = request.app[RUNTIME], _pass(request, "vote")
    form: Any = await request.post()
    chosen = [str(one)[:32] for one in form.getall("question", [])]
    try:
        async with runtime.database.write() as tx:
            taken = await asking.vote(runtime, tx, pass_, chosen, await _votes(request, tx, pass_))
    except Mistake as mistake:
        return await _voting(request, pass_, chosen=chosen, error=str(mistake))
    if not taken:
        return await _voting(request, pass_)
    return pages.render(request, "question_taken.html", voted=True)


async def show_moderation(request: web.Request) -> web.Response:
    """Show what waits for a decision, and what waits for an answer."""
    return await _moderation(request)


async def moderate(request: web.Request) -> web.Response:
    """Publish a question, decline it with a reason, or answer it."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    step, which = str(form.get("step", "")), str(form.get("question", ""))[:32]
    text = str(form.get("text", ""))
    if step not in ("publish", "decline", "answer"):
        raise Refused("no such button", 400)
    try:
        async with runtime.database.write() as tx:
            wanted = str(form.get("round", ""))[:32]
            found = await leadership.forum(runtime, tx, session.organization, session.person, wanted)
            if not found.moderates:
                raise Mistake(leadership.GONE)
            where = (runtime, tx, session.organization, found.root, which)
            if step == "answer":
                await asking.answer(*where, text, actor=session.person)
            elif found.now.doing not in ("ask", "moderate"):
                raise Mistake("People vote on the questions or read them already; what is published stays so.")
            else:
                await asking.decide(*where, publish=step == "publish", reason=text, actor=session.person)
    except Mistake as mistake:
        return await _moderation(request, error=str(mistake), about=which, typed=text)
    return see_other(MODERATION)


def _pass(request: web.Request, use: passes.Use) -> Pass:
    try:
        found = passes.read(request.app[RUNTIME], request.match_info["secret"])
    except (Refused, KeyError, TypeError, ValueError):
        raise web.HTTPNotFound from None
    if found.use != use:
        raise web.HTTPNotFound
    return found


async def _votes(request: web.Request, tx: Tx, pass_: Pass) -> int:
    stage = await rounds.find(tx, pass_.open, pass_.right.organization)
    kind = request.app[RUNTIME].plugins.ritual(stage.kind) if stage is not None else None
    now = kind.questioning(stage.content) if stage is not None and isinstance(kind, Questioned) else None
    return now.votes if now is not None else 0


async def _page(request: web.Request, *, error: str | None = None) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        shown: list[tuple[Forum, Sequence[AskedQuestion]]] = []
        for one in await leadership.forums(runtime, tx, session.organization, session.person):
            told = one.shows_questions
            asked = await asking.of_round(runtime, tx, session.organization, one.root) if told else ()
            shown.append((one, asked))
    language = await _language(request)
    return pages.render(
        request, "questions.html", status=422 if error else 200, language=language, forums=shown, error=error
    )


async def _moderation(
    request: web.Request, *, error: str | None = None, about: str = "", typed: str = ""
) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        shown = [
            (one, await asking.of_round(runtime, tx, session.organization, one.root))
            for one in await leadership.forums(runtime, tx, session.organization, session.person)
            if one.moderates
        ]
    return pages.render(
        request,
        "questions_moderate.html",
        status=422 if error else 200,
        language=await _language(request),
        forums=shown,
        error=error,
        about=about,
        typed=typed,
        longest=asking.LONGEST_ANSWER,
        longest_reason=asking.LONGEST_REASON,
    )


async def _voting(
    request: web.Request, pass_: Pass, *, chosen: Sequence[str] = (), error: str | None = None
) -> web.Response:
    runtime = request.app[RUNTIME]
    async with runtime.database.read() as tx:
        asked = await asking.of_round(runtime, tx, pass_.right.organization, pass_.root)
        most = await _votes(request, tx, pass_)
        unspent = await rights.unspent(tx, pass_.right)
    return pages.render(
        request,
        "question_vote.html",
        status=422 if error else 200,
        path=request.path,
        # by their random ids: how it stands is nobody's business while people vote
        questions=sorted((one for one in asked if one.state == "published"), key=lambda one: one.id),
        chosen=chosen,
        most=most,
        unspent=unspent,
        error=error,
    )


async def _language(request: web.Request) -> str:
    session = request[SESSION]
    async with request.app[RUNTIME].database.read() as tx:
        person = await people.person(tx, session.organization, session.person)
    return person.languages[0] if person is not None and person.languages else "en"
