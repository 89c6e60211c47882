"""Frame the personal tab as Teams does: a host page, a library for the tab that talks to it, tokens for people."""

from __future__ import annotations

import json
from html import escape
from urllib.parse import urlsplit

from aiohttp import web

from tertulia_teams.stand_in.page_style import STYLE
from tertulia_teams.stand_in.server import APP, StandIn

HOST = "/stand-in/tab"
LIBRARY = "/stand-in/teams.js"
LIBRARY_SCRIPT = """
window.microsoftTeams = (() => {
  const waiting = new Map(); let number = 0; let themed = () => {};
  const call = (name, argument) => new Promise((done, failed) => {
    if (window.parent === window) { failed(new Error('no host')); return; }
    const id = ++number; waiting.set(id, {done, failed});
    window.parent.postMessage({id, name, argument}, HOST);
    setTimeout(() => failed(new Error('the host does not answer')), 5000);
  });
  window.addEventListener('message', (event) => {
    if (event.source !== window.parent || event.origin !== HOST) return;
    if (event.data.theme) { themed(event.data.theme); return; }
    const known = waiting.get(event.data.id); waiting.delete(event.data.id);
    if (known && 'error' in event.data) known.failed(new Error(event.data.error));
    else if (known) known.done(event.data.result);
  });
  return {
    app: {
      initialize: () => call('initialize'), getContext: () => call('getContext'),
      notifySuccess: () => call('notifySuccess'), openLink: (link) => call('openLink', link),
      registerOnThemeChangeHandler: (handler) => { themed = handler; },
    },
    authentication: {getAuthToken: () => call('getAuthToken')},
  };
})();
"""
HOST_SCRIPT = """
const frame = document.querySelector('iframe'), state = document.querySelector('.note');
const answers = {
  initialize: async () => null, notifySuccess: async () => { document.body.dataset.loaded = 'yes'; return null; },
  getContext: async () => ({app: {theme: document.body.dataset.theme, locale: 'en-gb'}}),
  getAuthToken: async () => (await (await fetch('/stand-in/tab/token' + location.search)).json()).token,
  openLink: async (link) => {
    document.body.dataset.opened = link; window.open(link, '_blank', 'noopener'); return null;
  },
};
window.addEventListener('message', async (event) => {
  if (event.source !== frame.contentWindow) return;
  const {id, name, argument} = event.data;
  try { event.source.postMessage({id, result: await answers[name](argument)}, event.origin); }
  catch (error) { event.source.postMessage({id, error: String(error)}, event.origin); }
});
"""
FRAME_STYLE = "iframe{flex:1;border:0;width:100%;background:var(--back)}"


class TabHost:
    """Serve the page that frames the tab, for any member."""

    def __init__(self, stand_in: StandIn):
        self._stand_in = stand_in

    def attach(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get(HOST, self.show)
        app.router.add_get(HOST + "/token", self.token)
        app.router.add_get(LIBRARY, self.library)

    async def library(self, request: web.Request) -> web.Response:
        """Return what stands in for TeamsJS, which talks to our host page only."""
        script = f"const HOST = {json.dumps(self._stand_in.url)};{LIBRARY_SCRIPT}"
        return web.Response(text=script, content_type="text/javascript")

    async def token(self, request: web.Request) -> web.Response:
        """Return the token that Teams would give the tab for the member who sits there."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin" or not _local(request):
            raise web.HTTPForbidden
        host = urlsplit(self._stand_in.endpoint).hostname
        person = self._stand_in.tenant.people[request.query["as"]]
        return web.json_response({"token": self._stand_in.login.person_token(person.id, f"api://{host}/{APP}")})

    async def show(self, request: web.Request) -> web.Response:
        """Show the tab in its frame."""
        if not _local(request):
            raise web.HTTPForbidden
        people = self._stand_in.tenant.people
        person = people.get(request.query.get("as", "")) or next(iter(people.values()))
        theme = request.query.get("theme", "default")
        tab = self._stand_in.endpoint.removesuffix("/messages") + "/tab"
        framed = f'<iframe title="My page" src="{escape(tab)}"></iframe>' if self._stand_in.endpoint else ""
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Teams stand-in</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<style>{STYLE}{FRAME_STYLE}</style></head><body data-theme="{escape(theme)}">'
            f"<nav><h1>Teams <small>stand-in</small></h1><p>You are <b>{escape(person.name)}</b></p>"
            f'<ul><li><a href="/stand-in?as={escape(person.id)}"><i aria-hidden="true">●</i> Tertulia</a></li>'
            '<li><a href="" aria-current="page"><i aria-hidden="true">▤</i> My page</a></li></ul></nav>'
            f'<main><header><h2>Tertulia · My page</h2></header><div class="note" role="status"></div>{framed}</main>'
            f"<script>{HOST_SCRIPT}</script></body></html>"
        )
        return web.Response(text=html, content_type="text/html")


def _local(request: web.Request) -> bool:
    # any name could lead here
    return request.host.partition(":")[0] in {"127.0.0.1", "localhost"}
