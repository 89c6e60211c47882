"""Say that the app was added: the page to which Zoom's consent leads back."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from tertulia import Access, Context, Markup, Route

PATH = "/installed"
TITLE = "Tertulia is added to Zoom"
TEXT = "You can close this page. In a meeting you find Tertulia under Apps; in Team Chat, write /tertulia help."
REFUSED = "Tertulia was not added to Zoom"
AGAIN = "Zoom did not agree. Ask the administrator of your Zoom account to allow the app, and try again."


def routes(context: Context) -> Iterable[Route]:
    """Return the page; the code that Zoom adds to its address is not used, for nothing is done in a user's name."""

    async def page(request: web.Request) -> web.Response:
        if "error" in request.query:
            return context.page(REFUSED, Markup.literal(AGAIN), status=400)
        return context.page(TITLE, Markup.literal(TEXT))

    why = "Zoom's consent leads everybody back here; it reads and changes nothing"
    return (Route(method="GET", path=PATH, handler=page, access=Access(kind="public", why=why)),)
