"""The stand-in's pages: see a board, and act on it as one of its members."""

from __future__ import annotations

from html import escape

from aiohttp import web

from tertulia_trello.stand_in.markdown import html
from tertulia_trello.stand_in.state import Body, Missing, Town

TOWN: web.AppKey[Town] = web.AppKey("town", Town)
STYLE = """
:root { color-scheme: light dark; --ground: #eef1f4; --list: #e1e6eb; --card: #fff; --ink: #172b3a; --soft: #4d6070;
  --line: #c3ccd4; --accent: #0b5d8a; --on: #fff; }
@media (prefers-color-scheme: dark) { :root { --ground: #12181d; --list: #1b242b; --card: #25313a; --ink: #e6edf2;
  --soft: #a9b8c4; --line: #3a4953; --accent: #7cc4ee; --on: #0d1a22; } }
* { box-sizing: border-box } body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif }
header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; padding: .8rem 1rem;
  border-bottom: 1px solid var(--line); background: var(--card) }
article h3 { margin: .2rem 0 .4rem } article label { margin-top: .6rem }
h1 { font-size: 1.15rem; margin: 0 } h2 { font-size: 1rem; margin: 0 0 .6rem } h3 { font-size: 1rem; margin: 0 }
header p { margin: 0; color: var(--soft); font-size: .9rem }
header form { margin-left: auto; display: flex; gap: .5rem; align-items: center }
main { display: flex; flex-wrap: wrap; gap: 1rem; padding: 1rem; align-items: flex-start }
section { background: var(--list); border-radius: .6rem; padding: .8rem; flex: 1 1 22rem;
  max-width: 40rem; min-width: 0 }
article { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem;
  margin-bottom: .8rem; overflow-wrap: anywhere }
.text p, .text ul { margin: .4rem 0 } .soft { color: var(--soft); font-size: .9rem }
.label { display: inline-block; background: var(--accent); color: var(--on); border-radius: .3rem; padding: 0 .5rem;
  font-size: .8rem }
ol.life { list-style: none; margin: .6rem 0; padding: 0 }
ol.life > li { border-top: 1px solid var(--line); padding: .5rem 0 }
ol.life p { margin: .1rem 0 }
form { margin: .3rem 0 } form.inline { display: inline-block; margin-right: .3rem }
textarea, select, button { font: inherit; color: inherit; border-radius: .4rem;
  border: 1px solid var(--line); background: var(--ground); padding: .4rem .6rem; min-height: 2.6rem }
textarea { width: 100%; display: block; margin: .3rem 0 .5rem; min-height: 4.2rem }
button { cursor: pointer } button.main { background: var(--accent); color: var(--on); border-color: var(--accent) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px } label { display: block; font-size: .9rem }
a, mark { color: var(--accent) } mark { background: none; font-weight: 600 }
"""


def attach(app: web.Application, town: Town) -> None:
    """Serve the pages."""
    app[TOWN] = town
    app.router.add_get("/", _start)
    app.router.add_get("/board/{board}", _board)
    app.router.add_post("/board/{board}", _act)


async def _start(request: web.Request) -> web.Response:
    town = request.app[TOWN]
    links = "".join(f'<li><a href="/board/{key}">{escape(one["name"])}</a></li>' for key, one in town.boards.items())
    return as_page("Boards", f"<header><h1>Trello stand-in</h1></header><main><ul>{links}</ul></main>")


async def _board(request: web.Request) -> web.Response:
    town, board = request.app[TOWN], request.match_info["board"]
    if board not in town.boards:
        raise web.HTTPNotFound
    mine = [one for one in town.board_members[board] if one != town.own]
    me = request.query.get("as", mine[0] if mine else town.own)
    chosen = "".join(
        f'<option value="{one}"{" selected" if one == me else ""}>{escape(town.members[one]["fullName"])}</option>'
        for one in mine
    )
    who = (
        f'<form method="get"><label>You are <select name="as">{chosen}</select></label>'
        '<button type="submit">Change</button></form>'
    )
    lists = "".join(_list(town, one, me) for one in town.lists.values() if one["idBoard"] == board)
    head = (
        f"<header><h1>{escape(town.boards[board]['name'])}</h1><p>A stand-in: invented people only</p>{who}</header>"
    )
    return as_page(str(town.boards[board]["name"]), f"{head}<main>{lists}</main>")


def _list(town: Town, one: Body, me: str) -> str:
    cards = [card for card in town.cards.values() if card["idList"] == one["id"]]
    here = "".join(_card(town, card, me) for card in reversed(cards) if not card["closed"])
    archived = sum(card["closed"] for card in cards)
    note = f'<p class="soft">{archived} archived</p>' if archived else ""
    return f"<section><h2>{escape(one['name'])}</h2>{here or '<p class=soft>No cards.</p>'}{note}</section>"


def _card(town: Town, card: Body, me: str) -> str:
    labels = "".join(f'<span class="label">{escape(town.labels[one]["name"])}</span>' for one in card["idLabels"])
    people = ", ".join(escape(town.members[one]["fullName"]) for one in card["idMembers"])
    with_whom = f'<p class="soft">With {people}</p>' if people else ""
    due = f'<p class="soft">Due {escape(card["due"][:16].replace("T", " "))} UTC</p>' if card["due"] else ""
    checks = "".join(
        _check(town, me, item) for one in card["idChecklists"] for item in town.checklists[one]["checkItems"]
    )
    life = "".join(_comment(town, one, me) for one in town.card_actions(card["id"]) if one["type"] == "commentCard")
    votes = len(card["idMembersVoted"])
    text = f'<div class="text">{html(card["desc"])}</div>' if card["desc"] else ""
    forms = (
        f'<form method="post"><label>Comment<textarea name="text" required></textarea></label>'
        f'{_hidden(me, "comment", card["id"])}<button class="main">Comment</button></form> '
        f'<form class="inline" method="post">{_hidden(me, "vote", card["id"])}<button>Vote ({votes})</button></form> '
        f'<form class="inline" method="post">{_hidden(me, "attach", card["id"])}<button>Add a photo</button></form> '
        f'<form class="inline" method="post">{_hidden(me, "archive", card["id"])}<button>Archive</button></form>'
    )
    comments = f'<ol class="life">{life}</ol>' if life else ""
    return (
        f"<article>{labels}<h3>{escape(card['name'])}</h3>{due}{with_whom}{text}{checks}{comments}{forms}</article>"
    )


def _check(town: Town, me: str, item: Body) -> str:
    done = item["state"] == "complete"
    sign = "☑" if done else "☐"
    button = f'<button aria-pressed="{str(done).lower()}">{sign} {escape(item["name"])}</button>'
    return f'<form class="inline" method="post">{_hidden(me, "tick", item["id"])}{button}</form> '


def _comment(town: Town, action: Body, me: str) -> str:
    name = escape(town.members[action["idMemberCreator"]]["fullName"])
    emoji = [one["emoji"] for one in town.reactions.get(action["id"], [])]
    signs = " · ".join(escape(f"{one.get('native', '')} {one['shortName']}") for one in emoji)
    seen = f'<p class="soft">Reactions: {signs}</p>' if signs else ""
    edited = " · edited" if action["data"].get("dateLastEdited") else ""
    said = f'<p class="soft">{name}{edited}</p><div class="text">{html(action["data"]["text"])}</div>{seen}'
    button = f'<button aria-label="React with a heart to what {name} wrote">❤️ React</button>'
    return f'<li>{said}<form class="inline" method="post">{_hidden(me, "react", action["id"])}{button}</form></li>'


def _hidden(me: str, what: str, target: str) -> str:
    fields = {"as": me, "what": what, "target": target}
    return "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())


async def _act(request: web.Request) -> web.Response:
    town, form = request.app[TOWN], await request.post()
    me, what, target = (str(form.get(name, "")) for name in ("as", "what", "target"))
    if me not in town.members:
        raise web.HTTPBadRequest
    try:
        match what:
            case "comment":
                town.comment(me, target, str(form.get("text", "")).replace("\r\n", "\n"))
            case "tick":
                town.tick(me, target)
            case "vote":
                town.vote(me, target)
            case "attach":
                town.attach(me, target, "invented.jpg")
            case "react":
                town.react(me, target)
            case "archive":
                town.change(me, target, closed=True)
            case _:
                raise web.HTTPBadRequest
    except Missing:
        raise web.HTTPNotFound from None
    raise web.HTTPSeeOther(f"{request.path}?as={me}")


def as_page(title: str, body: str) -> web.Response:
    """Wrap a page of the stand-in."""
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,"><style>{STYLE}</style>'
    )
    return web.Response(text=head + body, content_type="text/html")
