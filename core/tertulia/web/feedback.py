"""Anonymous feedback: a page to write on that knows nobody, a conversation behind a receipt, and the team's inbox."""

from __future__ import annotations

from functools import partial
from typing import Any

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake, Refused
from tertulia.extension import Access
from tertulia.storage import people
from tertulia.surveys import redaction
from tertulia.surveys.candle import referrals
from tertulia.surveys.feedback import conversations, rights
from tertulia.surveys.feedback.conversations import Conversation
from tertulia.surveys.feedback.rights import Right
from tertulia.web import pages, unnamed
from tertulia.web.access import register
from tertulia.web.edge import failure, see_other
from tertulia.web.state import GUESSES, RUNTIME, SESSION, peer

OWN = Access(kind="member", why="hands out the week's rights to post; nothing is written there")
ANYONE = Access(
    kind="public", why="the right or the receipt in the request is all it goes by: no session is looked at"
)
TEAM = Access(
    kind="role", roles=frozenset({"owner", "admin"}), why="reads, answers and moderates, without any author"
)
INBOX = "/workspaces/{workspace}/feedback"
_writing = partial(unnamed.writing, template="feedback_write.html", longest=conversations.LONGEST)


def attach(app: web.Application) -> None:
    """Add the pages of both sides."""
    register(app, "GET", "/my/feedback", explain, OWN)
    register(app, "POST", "/my/feedback", hand_out, OWN)
    register(app, "GET", "/feedback/write/{secret}", write, ANYONE)
    register(app, "POST", "/feedback/write/{secret}", post, ANYONE)
    register(app, "GET", "/feedback", ask, ANYONE)
    register(app, "POST", "/feedback", read, ANYONE)
    register(app, "POST", "/feedback/reply", reply, ANYONE)
    register(app, "POST", "/feedback/delete", delete, ANYONE)
    register(app, "GET", INBOX, inbox, TEAM)
    register(app, "POST", f"{INBOX}/reply", answer, TEAM)
    register(app, "POST", f"{INBOX}/moderate", moderate, TEAM)
    register(app, "POST", f"{INBOX}/pass-on", pass_on, TEAM)


async def explain(request: web.Request) -> web.Response:
    """Say how it works, and offer a page to write on."""
    return await _explained(request)


async def hand_out(request: web.Request) -> web.Response:
    """Take one of the week's rights and go on to the page that it opens, which asks for no session."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    try:
        async with runtime.database.write() as tx:
            token = await rights.grant(
                runtime, tx, session.organization, str(form.get("workspace", "")), session.person
            )
    except Mistake as mistake:
        return await _explained(request, error=str(mistake))
    return see_other(f"/feedback/write/{token}")


async def write(request: web.Request) -> web.Response:
    """Show the page to write on."""
    right = _right(request)
    async with request.app[RUNTIME].database.read() as tx:
        unspent = await rights.unspent(tx, right)
    return _writing(request, unspent=unspent)


async def post(request: web.Request) -> web.Response:
    """Show how the message would read, then take it; sent twice, it is one message with the same receipt."""
    runtime, right = request.app[RUNTIME], _right(request)
    form: Any = await request.post()
    text = str(form.get("text", ""))
    try:
        text = conversations.checked(text)
        async with runtime.database.read() as tx:
            names = await conversations.names(tx, right.organization, right.workspace)
        found = redaction.find(text, names)
        if form.get("step") not in ("send", "redacted"):
            instead = redaction.redacted(text, found)
            return _writing(request, text=text, found=found, instead=instead, previewed=True)
        chosen = redaction.redacted(text, found) if form["step"] == "redacted" else text
        async with runtime.database.write() as tx:
            receipt = await conversations.post(runtime, tx, right, chosen)
    except Mistake as mistake:
        return _writing(request, text=text, error=str(mistake))
    return pages.render(request, "feedback_receipt.html", receipt=receipt)


async def ask(request: web.Request) -> web.Response:
    """Ask for the receipt."""
    return pages.render(request, "feedback_ask.html", error=None)


async def read(request: web.Request) -> web.Response:
    """Show the conversation of a receipt."""
    return await _conversation(request)


async def reply(request: web.Request) -> web.Response:
    """Add a message of the author."""
    runtime = request.app[RUNTIME]
    form: Any = await request.post()
    error = None
    try:
        async with runtime.database.write() as tx:
            found = await conversations.by_receipt(runtime, tx, str(form.get("receipt", ""))[:100])
            if found is not None:
                await conversations.write(runtime, tx, *found, "author", str(form.get("text", "")))
    except Mistake as mistake:
        error = str(mistake)
    return await _conversation(request, error=error)


async def delete(request: web.Request) -> web.Response:
    """Delete a conversation for its author."""
    runtime = request.app[RUNTIME]
    form: Any = await request.post()
    async with runtime.database.write() as tx:
        found = await conversations.by_receipt(runtime, tx, str(form.get("receipt", ""))[:100])
        if found is not None and form.get("sure") == "yes":
            await conversations.delete(tx, found[0], found[1].id)
            return pages.render(request, "feedback_ask.html", error=None, deleted=True)
    return await _conversation(request, error="Tick that you are sure; nothing was deleted." if found else None)


async def inbox(request: web.Request) -> web.Response:
    """Show a workspace's conversations to its team."""
    return await _inbox(request)


async def answer(request: web.Request) -> web.Response:
    """Answer in the name of the team."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    where = (session.organization, request.match_info["workspace"], str(form.get("conversation", ""))[:32])
    try:
        async with runtime.database.write() as tx:
            await conversations.reply(runtime, tx, *where, str(form.get("text", "")))
    except Mistake as mistake:
        return await _inbox(request, error=str(mistake))
    return see_other(request.path.removesuffix("/reply"))


async def moderate(request: web.Request) -> web.Response:
    """Lock or hide a conversation, or undo it."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    where = (session.organization, request.match_info["workspace"], str(form.get("conversation", ""))[:32])
    step = str(form.get("step", ""))
    if step not in ("lock", "unlock", "hide", "show"):
        raise Refused("no such button", 400)
    locked = step == "lock" if step in ("lock", "unlock") else None
    hidden = step == "hide" if step in ("hide", "show") else None
    try:
        async with runtime.database.write() as tx:
            await conversations.moderate(runtime, tx, *where, actor=session.person, locked=locked, hidden=hidden)
    except Mistake as mistake:
        return await _inbox(request, error=str(mistake))
    return see_other(request.path.removesuffix("/moderate"))


async def pass_on(request: web.Request) -> web.Response:
    """Pass a threat on to the workspace's responders: the text, without any author."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    if form.get("sure") != "yes":
        return await _inbox(request, error="Tick that somebody may be in danger; nothing was passed on.")
    where = (session.organization, request.match_info["workspace"], str(form.get("conversation", ""))[:32])
    try:
        async with runtime.database.write() as tx:
            await referrals.pass_on(runtime, tx, *where, actor=session.person)
    except Mistake as mistake:
        return await _inbox(request, error=str(mistake))
    return see_other(request.path.removesuffix("/pass-on"))


def _right(request: web.Request) -> Right:
    try:
        return rights.read(request.app[RUNTIME], request.match_info["secret"])
    except (Refused, KeyError, TypeError):
        raise web.HTTPNotFound from None


async def _explained(request: web.Request, error: str | None = None) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        homes: list[tuple[Id, str]] = []
        for workspace in await people.workspaces_of(tx, session.organization, session.person):
            home = await people.workspace(tx, session.organization, workspace)
            homes.append((workspace, home.name if home else workspace))
    status = 422 if error else 200
    return pages.render(request, "feedback.html", status=status, homes=homes, error=error, per_week=rights.PER_WEEK)


async def _conversation(request: web.Request, *, error: str | None = None) -> web.Response:
    runtime, guesses, who = request.app[RUNTIME], request.app[GUESSES], f"feedback:{peer(request)}"
    if guesses.empty(who):
        return failure(request, 429)
    form: Any = await request.post()
    receipt = str(form.get("receipt", ""))[:100]
    async with runtime.database.read() as tx:
        found = await conversations.by_receipt(runtime, tx, receipt)
    if found is None:
        guesses.take(who)
        return pages.render(request, "feedback_ask.html", status=422, error=conversations.UNKNOWN)
    conversation: Conversation = found[1]
    return pages.render(
        request,
        "feedback_read.html",
        status=422 if error else 200,
        conversation=conversation,
        receipt=receipt,
        error=error,
        longest=conversations.LONGEST,
        style=redaction.STYLE,
    )


async def _inbox(request: web.Request, *, error: str | None = None) -> web.Response:
    runtime, session, workspace = request.app[RUNTIME], request[SESSION], request.match_info["workspace"]
    async with runtime.database.read() as tx:
        found = await conversations.in_workspace(runtime, tx, session.organization, workspace)
        home = await people.workspace(tx, session.organization, workspace)
    return pages.render(
        request,
        "feedback_inbox.html",
        status=422 if error else 200,
        conversations=found,
        workspace=workspace,
        home=home,
        error=error,
        longest=conversations.LONGEST,
    )
