"""Answer a prompt behind a personal link: exchange it for a cookie, show the question, take the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from aiohttp import web

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.programs import Practice
from tertulia.domain.prompts import Field, Given, Prompt, Reply
from tertulia.errors import Mistake, Refused
from tertulia.extension import Access
from tertulia.runtime import Runtime
from tertulia.services import (
    answers,
    audiences,
    calendars,
    gallery,
    links,
    prompts,
    resting,
    returning,
    rounds,
    shares,
    summaries,
)
from tertulia.services.rounds import RoundRow
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.tables import response
from tertulia.web import pages, sessions
from tertulia.web.access import register
from tertulia.web.edge import failure, see_other
from tertulia.web.sessions import Session
from tertulia.web.state import GUESSES, RUNTIME, SESSION, peer

ALWAYS = frozenset({"pass", "snooze", "stop"})
SNOOZES = (1, 3, 7, 14, 30)
PLATFORM = "web"


@dataclass(frozen=True, kw_only=True)
class View:
    """Hold what the answer page shows; *prompt* is the question, or the summary of a closed round, or nothing."""

    round: RoundRow
    practice: Practice
    language: str
    prompt: Prompt | None
    given: Given | None
    unnamed: Mapping[str, gallery.Picture]
    calendar: bool = False
    pictures: bool = False


def attach(app: web.Application) -> None:
    """Add the pages behind a personal link."""
    register(app, "GET", "/", home, Access(kind="public", why="says what this is and where to sign in"))
    exchange = Access(kind="public", why="the secret in the path is checked, then exchanged for a cookie")
    register(app, "GET", "/a/{secret}", follow, exchange)
    own = Access(kind="link", why="one person's page of one round")
    register(app, "GET", "/answer/{round}", show, own)
    register(app, "POST", "/answer/{round}", take, own)


async def home(request: web.Request) -> web.Response:
    """Say what this is."""
    return pages.render(request, "home.html")


async def follow(request: web.Request) -> web.Response:
    """Exchange a link for a session and go on to its round; an unknown link is answered like an expired one."""
    runtime, guesses, who = request.app[RUNTIME], request.app[GUESSES], f"link:{peer(request)}"
    if guesses.empty(who):
        return failure(request, 429)
    async with runtime.database.read() as tx:
        link = await links.find(runtime, tx, request.match_info["secret"])
    if link is None:
        guesses.take(who)
        return failure(request, 404)
    answer = see_other(f"/answer/{link.round}")
    present = request.get(SESSION)
    if present is not None and present.round is None and present.person == link.person:
        return answer
    async with runtime.database.write() as tx:
        if present is not None:
            await sessions.end(tx, present)
        secret = await sessions.open_for_link(runtime, tx, link)
    sessions.set_cookie(runtime.config, answer, secret)
    return answer


async def show(request: web.Request) -> web.Response:
    """Show the question with what was answered before, or what came of the round."""
    view = await _view(request.app[RUNTIME], request[SESSION], request.match_info["round"])
    return _page(request, view)


async def take(request: web.Request) -> web.Response:
    """Take an answer, a pass, a snooze or an opt-out; sending the same page twice changes nothing."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    view = await _view(runtime, session, request.match_info["round"])
    form: Any = await request.post()
    verb = str(form.get("verb", ""))
    shown = view.prompt
    if view.round.state != "open" or shown is None:
        return _page(request, view)
    if verb not in ALWAYS and verb not in {action.verb for action in shown.actions}:
        raise Refused("no such button", 400)
    values = read_values(form, verb, shown.fields)
    ticket = prompts.Ticket(view.round.organization, view.round.workspace, view.round.id, session.person, verb)
    key = str(form.get("key", ""))[:64] or None
    try:
        reply = await answers.answer(
            runtime, ticket, person=session.person, platform=PLATFORM, values=values, key=key
        )
    except Mistake as mistake:
        return _page(request, _with(view, values), error=str(mistake), status=422)
    return await _answered(request, view, reply, verb, values)


def read_values(form: Any, verb: str, fields: tuple[Field, ...]) -> Json:
    """Read the values that *verb* sends along; what was left empty is left out."""
    if verb == "snooze":
        days = str(form.get("days", ""))
        return {"days": int(days) if days.isdecimal() and int(days) in SNOOZES else SNOOZES[0]}
    if verb in ALWAYS:
        return {}
    values: dict[str, Any] = {}
    for field in fields:
        name = f"field.{field.key}"
        if field.kind == "confirm":
            values[field.key] = name in form
        elif field.kind == "many":
            values[field.key] = [str(item) for item in form.getall(name, [])]
        elif str(form.get(name, "")).strip():
            values[field.key] = str(form[name]).strip().replace("\r\n", "\n")
    return values


async def _answered(request: web.Request, view: View, reply: Reply, verb: str, values: Json) -> web.Response:
    if reply.status in ("refused", "unknown_actor"):
        error = reply.text.plain() if reply.text else "This answer could not be taken."
        return _page(request, _with(view, values), error=error, status=422)
    if reply.status == "closed":
        view = await _view(request.app[RUNTIME], request[SESSION], view.round.id)
        return _page(request, view, late=True)
    return pages.render(request, "thanks.html", language=view.language, view=view, reply=reply, verb=verb)


def _with(view: View, values: Json) -> View:
    if view.prompt is None:
        return view
    fields = tuple(replace(field, value=_shown(values.get(field.key))) for field in view.prompt.fields)
    return replace(view, prompt=replace(view.prompt, fields=fields))


def _shown(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _page(
    request: web.Request, view: View, *, error: str | None = None, status: int = 200, late: bool = False
) -> web.Response:
    if view.round.state == "open" and view.prompt is not None:
        return pages.render(
            request,
            "answer.html",
            status=status,
            language=view.language,
            view=view,
            prompt=view.prompt,
            key=request.app[RUNTIME].new_id(),
            error=error,
            snoozes=SNOOZES,
        )
    return pages.render(request, "closed.html", language=view.language, view=view, prompt=view.prompt, late=late)


async def _view(runtime: Runtime, session: Session, round_id: Id) -> View:
    async with runtime.database.read() as tx:
        round_ = await rounds.find(tx, round_id, session.organization)
        person = await people.person(tx, session.organization, session.person)
        if round_ is None or person is None:
            raise web.HTTPNotFound
        practice = await rounds.practice_of(tx, round_)
        whose = (tx, round_.organization, round_.workspace, practice, person)
        if practice.audience.groups and not await audiences.includes(*whose):
            raise web.HTTPNotFound
        given = None if round_.confidential else await _given(tx, session, round_id)
        language = person.languages[0] if person.languages else "en"
        if round_.state == "open":
            share = await shares.share_of(runtime, tx, round_, runtime.plugins.ritual(round_.kind), person.id)
            prompt: Prompt | None = prompts.compose(
                runtime, round_, practice, person=person.id, language=language, given=given, share=share
            )
        else:
            prompt = await _summary(runtime, tx, round_, practice, language)
        calendar = bool(await calendars.engagements(runtime, tx, round_, person.id, language))
        kind = gallery.exhibited(runtime, round_)
        unnamed = await gallery.unnamed(runtime, tx, round_, person.id)
        pictures = kind is not None and round_.state == "open" and kind.exhibition(round_.content).pictures
    return View(
        round=round_,
        practice=practice,
        language=language,
        prompt=prompt,
        given=given,
        calendar=calendar,
        pictures=pictures,
        unnamed=unnamed,
    )


async def _summary(runtime: Runtime, tx: Tx, round_: RoundRow, practice: Practice, language: str) -> Prompt | None:
    rested = round_.state == "cancelled" and round_.reason == resting.RESTS
    # a survey that is still closing has no kept figures, and its ballots are for the closing job alone
    if not (rested or round_.state in returning.ENDED) or (round_.confidential and not round_.summary):
        return None
    _figures, draft = await summaries.summarise(runtime, tx, round_, practice)
    if draft is not None and round_.confidential:
        draft = await returning.draft(runtime, tx, round_, practice, draft)
    return prompts.compose_summary(runtime, round_, practice, language, draft) if draft else None


async def _given(tx: Tx, session: Session, round_id: Id) -> Given | None:
    query = sa.select(response.c["values"], response.c.passed).where(
        response.c.organization_id == session.organization,
        response.c.round_id == round_id,
        response.c.person_id == session.person,
    )
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else Given(values=row[0], passed=row[1])
