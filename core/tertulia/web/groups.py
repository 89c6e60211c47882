"""Groups that members found for themselves: find one, join it, look after it, leave it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tertulia.domain.identifiers import Id
from tertulia.errors import Mistake
from tertulia.extension import Access
from tertulia.runtime import Runtime
from tertulia.services import groups
from tertulia.storage import people
from tertulia.storage.database import Tx
from tertulia.web import pages
from tertulia.web.access import register
from tertulia.web.edge import see_other
from tertulia.web.state import RUNTIME, SESSION

OWN = Access(kind="member", why="a person's own groups, with a fresh code")


@dataclass(frozen=True, kw_only=True)
class _Sent:
    """Hold what a form sent, and by whom."""

    runtime: Runtime
    tx: Tx
    organization: Id
    person: Id
    form: Any

    def text(self, name: str) -> str:
        """Return a field of the form; what is missing is empty."""
        return str(self.form.get(name, ""))[:2000]

    @property
    def whose(self) -> tuple[Tx, Id, Id, Id]:
        """Return the group that is meant, and the person."""
        return self.tx, self.organization, self.text("group")[:32], self.person


def attach(app: web.Application) -> None:
    """Add the page."""
    register(app, "GET", "/my/groups", show, OWN)
    register(app, "POST", "/my/groups", change, OWN)


async def show(request: web.Request) -> web.Response:
    """Show the groups, each as the member may see it."""
    return await _page(request)


async def change(request: web.Request) -> web.Response:
    """Carry out what one of the page's buttons says."""
    runtime, session = request.app[RUNTIME], request[SESSION]
    form: Any = await request.post()
    verb = VERBS.get(str(form.get("do", "")))
    try:
        if verb is None:
            raise Mistake("This button does nothing here; load the page again.")
        async with runtime.database.write() as tx:
            sent = _Sent(runtime=runtime, tx=tx, organization=session.organization, person=session.person, form=form)
            await verb(sent)
    except Mistake as mistake:
        return await _page(request, error=str(mistake), typed=form)
    return see_other("/my/groups")


async def _found(sent: _Sent) -> None:
    await groups.found(
        sent.runtime,
        sent.tx,
        sent.organization,
        sent.text("workspace")[:32],
        sent.person,
        name=sent.text("name"),
        about=sent.text("about"),
        private="private" in sent.form,
    )


async def _join(sent: _Sent) -> None:
    await groups.join(sent.runtime, *sent.whose, shown="shown" in sent.form)


async def _leave(sent: _Sent) -> None:
    await groups.leave(sent.runtime, *sent.whose)


async def _named(sent: _Sent) -> None:
    await groups.show(*sent.whose, shown=True)


async def _unnamed(sent: _Sent) -> None:
    await groups.show(*sent.whose, shown=False)


async def _let_in(sent: _Sent) -> None:
    await groups.decide(sent.runtime, *sent.whose, sent.text("person")[:32], let_in=True)


async def _refuse(sent: _Sent) -> None:
    await groups.decide(sent.runtime, *sent.whose, sent.text("person")[:32], let_in=False)


async def _keep(sent: _Sent) -> None:
    await groups.keep(*sent.whose)


async def _describe(sent: _Sent) -> None:
    private = "private" in sent.form
    await groups.describe(*sent.whose, name=sent.text("name"), about=sent.text("about"), private=private)


VERBS: dict[str, Callable[[_Sent], Awaitable[None]]] = {
    "found": _found,
    "join": _join,
    "leave": _leave,
    "show": _named,
    "hide": _unnamed,
    "let-in": _let_in,
    "refuse": _refuse,
    "keep": _keep,
    "describe": _describe,
}


async def _page(request: web.Request, *, error: str | None = None, typed: Any = None) -> web.Response:
    runtime, session = request.app[RUNTIME], request[SESSION]
    async with runtime.database.read() as tx:
        person = await people.person(tx, session.organization, session.person)
        if person is None:
            raise web.HTTPNotFound
        found = await groups.discover(tx, session.organization, person.id)
        homes = [
            home
            for one in await people.workspaces_of(tx, session.organization, person.id)
            if (home := await people.workspace(tx, session.organization, one)) is not None
        ]
    founding = typed if typed is not None and typed.get("do") == "found" else {}
    return pages.render(
        request,
        "groups.html",
        status=422 if error else 200,
        language=person.languages[0] if person.languages else "en",
        mine=[one for one in found if one.me is not None],
        others=[one for one in found if one.me is None],
        homes=homes,
        error=error,
        founding=founding,
        longest_name=groups.LONGEST_NAME,
        longest_about=groups.LONGEST_ABOUT,
    )
