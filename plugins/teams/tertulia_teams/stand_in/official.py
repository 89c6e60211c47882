"""Draw cards with Microsoft's own renderer, where its Node package `adaptivecards` is at hand.

It is found in the folder that `TERTULIA_NODE_MODULES` names, or in `node_modules` here. Our own drawing stays where
it is not, or where the browser runs no scripts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from html import escape
from pathlib import Path

from aiohttp import web

from tertulia_teams.stand_in import drawing
from tertulia_teams.stand_in.drawing import Element

VARIABLE = "TERTULIA_NODE_MODULES"
FILE = Path("adaptivecards", "dist", "adaptivecards.min.js")
LIBRARY = "/stand-in/adaptivecards.js"
SCRIPT = """
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const both = (main) => ({default: main, subtle: colour('--soft')});
const host = new AdaptiveCards.HostConfig({
  fontFamily: 'system-ui, sans-serif', supportsInteractivity: true, spacing: {padding: 16},
  actions: {maxActions: 6, actionsOrientation: 'horizontal', actionAlignment: 'left', buttonSpacing: 8},
  containerStyles: {default: {backgroundColor: colour('--card'), foregroundColors: {
    default: both(colour('--text')), accent: both(colour('--main')), attention: both(colour('--bad'))}}},
});
for (const place of document.querySelectorAll('.official')) {
  const content = JSON.parse(place.dataset.card), card = new AdaptiveCards.AdaptiveCard();
  card.hostConfig = host;
  card.onExecuteAction = (action) => {
    if (action.url) { window.open(action.url, '_blank', 'noopener'); return; }
    const form = document.createElement('form'), number = content.actions.findIndex((one) => one.id === action.id);
    const add = (name, value) => {
      const field = document.createElement('input');
      Object.assign(field, {type: 'hidden', name, value}); form.append(field);
    };
    Object.assign(form, {method: 'post', action: place.dataset.target});
    for (const [name, value] of Object.entries(JSON.parse(place.dataset.hidden))) add(name, value);
    add('action', number);
    for (const input of content.actions[number].associatedInputs === 'none' ? [] : card.getAllInputs()) {
      if (!(input instanceof AdaptiveCards.ToggleInput) || input.value === 'true') add(input.id, input.value || '');
    }
    document.body.append(form); form.submit();
  };
  card.parse(content);
  const drawn = card.render();
  if (drawn) place.replaceChildren(drawn);
}
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => location.reload());
"""


def renderer() -> Path | None:
    """Return the file of Microsoft's renderer, `None` where there is none."""
    folders = [Path(os.environ[VARIABLE])] if os.environ.get(VARIABLE) else [Path("node_modules")]
    return next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)


def attach(app: web.Application, library: Path) -> None:
    """Serve the renderer."""
    text = library.read_text(encoding="utf-8")

    async def serve(request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/javascript")

    app.router.add_get(LIBRARY, serve)


def card(content: Element, *, target: str, hidden: Mapping[str, str]) -> str:
    """Return what the script replaces by the drawn card: our own drawing of it."""
    told = {"card": json.dumps(content), "hidden": json.dumps(dict(hidden)), "target": target}
    data = "".join(f' data-{name}="{escape(value)}"' for name, value in told.items())
    return f'<div class="official"{data}>{drawing.card(content, target=target, hidden=hidden)}</div>'


def scripts() -> str:
    """Return what the page ends with."""
    return f'<script src="{LIBRARY}"></script><script>{SCRIPT}</script>'
