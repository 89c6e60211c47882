"""The gallery: add a picture to what a round asks for, see what colleagues share, take back what is mine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from aiohttp import web
from multidict import MultiDict

from tertulia.domain.identifiers import Id, Json
from tertulia.domain.programs import Practice
from tertulia.domain.prompts import Draft, Field
from tertulia.errors import Mistake
from tertulia.extension import Access, Handler
from tertulia.forms import text
from tertulia.kinds import Exhibited, Exhibition
from tertulia.runtime import Runtime
from tertulia.services import answers, audiences, gallery, pictures, prompts, rounds, sign_ups, taking_back
from tertulia.services.gallery import Wall
from tertulia.services.pictures import Rendition, Size
from tertulia.services.rounds import RoundRow
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.storage.tables import gallery_item, response
from tertulia.traits import Pictured
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.answering import PLATFORM, read_values
from tertulia.web.edge import failure, see_other
from tertulia.web.state import RUNTIME, SESSION
from tertulia.web.uploads import UPLOAD, Upload

ANSWERING = Access(kind="link", why="one person's picture for one round")
OWN = Access(kind="member", why="what a person's own workspaces share with that person")
AT_ONCE = 2
"""Pictures that one process decodes at a time."""
DECODING = web.AppKey("decoding", asyncio.Semaphore)
ALT = Field(
    key="alt",
    kind="short",
    label="What is to be seen on it?",
    required=True,
    hint="For colleagues who cannot see it; it stands beside the picture.",
)
ALT_ROOM = 300
AGREED = Field(
    key="agreed",
    kind="confirm",
    label="I may share this picture, and everybody who can be recognised on it agrees.",
    required=True,
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Hold the round that a picture is added to, with what its person said there before."""

    round: RoundRow
    practice: Practice
    kind: Exhibited
    exhibition: Exhibition
    draft: Draft
    language: str
    given: Json
    mine: Wall | None
    consent: Field | None = None

    @property
    def boxes(self) -> tuple[Field, ...]:
        """What is to be ticked before a picture is taken."""
        return (AGREED,) if self.consent is None else (AGREED, self.consent)

    @property
    def seen_in_group(self) -> str:
        """What “the workspace” means here where the practice is for a group."""
        if self.exhibition.visibility != "workspace":
            return ""
        return prompts.seen_in_group(self.practice, self.language)


def attach(app: web.Application) -> None:
    """Add the pages."""
    app[DECODING] = asyncio.Semaphore(AT_ONCE)
    register(app, "GET", "/answer/{round}/picture", show_adding, ANSWERING)
    register(app, "POST", "/answer/{round}/picture", add, ANSWERING, files=True)
    register(app, "POST", "/answer/{round}/take-back", take_back, ANSWERING)
    for size in pictures.EDGES:
        register(app, "GET", f"/answer/{{round}}/pictures/{size}/{{item}}", _showing_unnamed(size), ANSWERING)
    register(app, "GET", "/my/gallery", show, OWN)
    register(app, "POST", "/my/gallery/take-back", take_back_mine, OWN)
    register(app, "GET", "/my/gallery/lists/{item}", download_list, OWN)
    for size in pictures.EDGES:
        register(app, "GET", f"/my/gallery/{size}/{{item}}", _showing(size), OWN)


async def show_adding(request: web.Request) -> web.Response:
    """Show the form for a picture, and what the person already shares there."""
    place = await _place(request)
    return see_other(f"/answer/{request.match_info['round']}") if place is None else _page(request, place)


async def add(request: web.Request) -> web.Response:
    """Take a picture with its words; whatever is wrong with it, nothing of it is kept."""
    place = await _place(request)
    if place is None:
        return see_other(f"/answer/{request.match_info['round']}")
    upload = request.get(UPLOAD)
    if upload is None:
        return failure(request, 415)
    values = read_values(MultiDict(upload.texts), "answer", (*place.draft.fields, ALT, *place.boxes))
    try:
        await _add(request, place, upload, values)
    except Mistake as mistake:
        return _page(request, place, values=values, error=str(mistake))
    return see_other(f"/answer/{place.round.id}/picture")


async def _add(request: web.Request, place: Place, upload: Upload, values: Json) -> None:
    runtime, session = request.app[RUNTIME], request[SESSION]
    alt = text(values, ALT, ALT_ROOM)
    if alt is None:
        raise Mistake(f"“{ALT.label}” is empty; say it in a few words.")
    if not values["agreed"]:
        raise Mistake("You have not confirmed that the picture may be shared; tick that, or leave it out.")
    renditions = await _rendered(request, upload)
    async with runtime.database.read() as tx:
        whose = (session.organization, session.person)
        await gallery.check_room(tx, *whose, place.round.id, place.exhibition.room)
    whole = place.kind.with_picture(place.round.content, {**place.given, **values}, alt)
    round_ = place.round
    key = upload.texts.get("key", "")[:64]
    ticket = prompts.Ticket(round_.organization, round_.workspace, round_.id, session.person, "answer")
    reply = await answers.answer(
        runtime, ticket, person=session.person, platform=PLATFORM, values=whole, key=key or None
    )
    if reply.status not in ("taken", "changed"):
        raise Mistake(reply.text.plain() if reply.text else "This answer could not be taken.")
    async with runtime.database.write() as tx:
        await gallery.keep(runtime, tx, round_, session.person, renditions, alt, key)


async def _rendered(request: web.Request, upload: Upload) -> tuple[Rendition, ...]:
    if upload.file is None:
        raise Mistake(pictures.TOO_HEAVY)
    if not upload.file:
        raise Mistake("No picture was chosen; choose a file, or answer in words.")
    async with request.app[DECODING]:
        return await asyncio.to_thread(pictures.render, upload.file)


async def take_back(request: web.Request) -> web.Response:
    """Take back everything that the person shares in a round."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    if await _place(request, closed_too=True) is not None:
        async with runtime.database.write() as tx:
            whose = (session.organization, session.person)
            round_ = await rounds.find(tx, request.match_info["round"], session.organization)
            if round_ is not None:
                # in a later stage what was given to the first is meant
                await taking_back.take_back(runtime, tx, *whose, await rounds.root_of(tx, round_))
    return see_other(f"/answer/{request.match_info['round']}")


async def _place(request: web.Request, *, closed_too: bool = False) -> Place | None:
    """Return the round where pictures can be added; one that closed, or takes none, is no such place."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        round_ = await rounds.find(tx, request.match_info["round"], session.organization)
        kind = gallery.exhibited(runtime, round_) if round_ else None
        person = await people.person(tx, session.organization, session.person)
        if round_ is None or kind is None or person is None or (round_.state != "open" and not closed_too):
            return None
        exhibition = kind.exhibition(round_.content)
        if not exhibition.pictures and not closed_too:
            return None
        language = person.languages[0] if person.languages else "en"
        return Place(
            round=round_,
            practice=await rounds.practice_of(tx, round_),
            kind=kind,
            exhibition=exhibition,
            draft=runtime.plugins.ritual(round_.kind).prompt(round_.content, language),
            language=language,
            given=await _given(tx, round_, session.person),
            mine=await gallery.wall(runtime, tx, session.organization, session.person, round_.id),
            consent=kind.consent(round_.content, language) if isinstance(kind, Pictured) else None,
        )


async def _given(tx: Tx, round_: RoundRow, person: Id) -> Json:
    query = response.select().filter_by(organization_id=round_.organization, round_id=round_.id, person_id=person)
    row = (await tx.execute(query)).one_or_none()
    return {} if row is None or row.passed else cast(Json, row._mapping["values"])


def _page(
    request: web.Request, place: Place, *, values: Json | None = None, error: str | None = None
) -> web.Response:
    filled: Mapping[str, Any] = {**place.given, **(values or {})}
    fields = tuple(
        replace(field, value=filled.get(field.key), required=field.required and not place.exhibition.pictures)
        for field in place.draft.fields
    )
    return pages.render(
        request,
        "picture.html",
        status=422 if error else 200,
        language=place.language,
        place=place,
        fields_of_it=fields,
        alt=replace(ALT, value=filled.get("alt")),
        boxes=place.boxes,
        types=",".join(f"image/{kind.lower()}" for kind in pictures.FORMATS),
        key=request.app[RUNTIME].new_id(),
        error=error,
    )


async def show(request: web.Request) -> web.Response:
    """Show what can be added, what is mine, and what colleagues share."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        person = await people.person(tx, session.organization, session.person)
        walls = await gallery.walls(runtime, tx, session.organization, session.person)
        open_ = [wall for wall in walls if await _asks(runtime, tx, wall, session.person)]
    return pages.render(
        request,
        "gallery.html",
        language=person.languages[0] if person and person.languages else "en",
        open_walls=open_,
        mine=[wall for wall in walls if wall.mine],
        walls=[wall for wall in walls if wall.pieces],
    )


async def _asks(runtime: Runtime, tx: Tx, wall: Wall, person: Id) -> bool:
    """Tell whether the round is open and addresses the person."""
    round_ = wall.round
    who = await people.person(tx, round_.organization, person)
    practice = await rounds.practice_of(tx, round_)
    if round_.state != "open" or who is None:
        return False
    if not await audiences.includes(tx, round_.organization, round_.workspace, practice, who):
        return False
    refused = (await people.opt_outs(tx, round_.organization, [person])).get(person, frozenset())
    if refused & {"*", practice.key}:
        return False
    return await sign_ups.takes_part(tx, round_.organization, round_.workspace, practice, person)


async def take_back_mine(request: web.Request) -> web.Response:
    """Take back one picture, or everything that the member shares in a round."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    async with runtime.database.write() as tx:
        whose = (session.organization, session.person)
        if "picture" in form:
            await gallery.take_down(tx, *whose, gallery_item.c.id == str(form["picture"])[:32])
        elif "round" in form:
            await taking_back.take_back(runtime, tx, *whose, str(form["round"])[:32])
    return see_other("/my/gallery")


def _showing(size: Size) -> Handler:
    async def show_picture(request: web.Request) -> web.Response:
        """Hand over a picture to whom it is shown, to be kept by nobody."""
        runtime, session = request.app[RUNTIME], request[SESSION]
        async with runtime.database.read() as tx:
            whose = (session.organization, session.person)
            body = await gallery.picture(runtime, tx, *whose, request.match_info["item"], size)
        if body is None:
            raise web.HTTPNotFound
        return _jpeg(body)

    return show_picture


def _showing_unnamed(size: Size) -> Handler:
    async def show_unnamed(request: web.Request) -> web.Response:
        """Hand over a picture whose owner is asked for; nothing about it tells who that is."""
        runtime, session = request.app[RUNTIME], request[SESSION]
        async with runtime.database.read() as tx:
            round_ = await rounds.find(tx, request.match_info["round"], session.organization)
            key = request.match_info["item"]
            body = round_ and await gallery.unnamed_picture(runtime, tx, round_, session.person, key, size)
        if not body:
            raise web.HTTPNotFound
        return _jpeg(body)

    return show_unnamed


def _jpeg(body: bytes) -> web.Response:
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": 'inline; filename="picture.jpg"',
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return web.Response(body=body, content_type="image/jpeg", headers=headers)


async def download_list(request: web.Request) -> web.Response:
    """Hand over the links of a round as a list in plain text."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        whose = (session.organization, session.person)
        wall = await gallery.wall(runtime, tx, *whose, request.match_info["item"])
    if wall is None or not wall.exhibition.listed:
        raise web.HTTPNotFound
    opened = wall.round.opens_at.date().isoformat()
    headers = {"Content-Disposition": f'attachment; filename="playlist-{opened}.txt"'}
    return web.Response(text=_list(wall), content_type="text/plain", charset="utf-8", headers=headers)


def _list(wall: Wall) -> str:
    lines = [f"# {wall.exhibition.title}", ""]
    for piece in wall.pieces:
        if piece.exhibit.link:
            # a title is one line of a list, whatever somebody wrote
            lines += [" ".join((piece.exhibit.title or "").split()), piece.exhibit.link, ""]
    return "\n".join(lines)
