"""Draw the tab: an empty page that its script fills in, and the questions that go into it; every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from tertulia import Action, Field, Markup, Media, Option, Prompt
from tertulia_teams.cards import RIGHT_TO_LEFT, WITHOUT_FORM, option_value
from tertulia_teams.texts import LANGUAGES, phrase, shown

BUTTONS = {"primary": "primary", "default": "", "destructive": "destructive"}


def page(language: str, *, base: str, library: str, digest: str) -> str:
    """Return the page; *base* is where its script, its style and what it asks for are."""
    tongue = language.partition("-")[0].lower()
    said = {name: escape(phrase(name, language)) for name in ("mine", "moment", "own", "own_why", "own_open")}
    later = "".join(f' data-{name}="{escape(phrase(name, language))}"' for name in ("outside", "unsent", "own_again"))
    checked = f' integrity="{escape(digest)}" crossorigin="anonymous"' if digest else ""
    return (
        f'<!doctype html>\n<html lang="{tongue if tongue in LANGUAGES else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{said['mine']} · Tertulia</title>"
        '<link rel="stylesheet" href="/static/style.css">'
        f'<link rel="stylesheet" href="{escape(base)}/tab.css">'
        f'<script src="{escape(library)}"{checked} defer></script>'
        f'<script src="{escape(base)}/tab.js" defer></script></head>'
        f'<body data-base="{escape(base)}"{later}><main id="main" class="narrow">'
        f'<div id="questions" aria-live="polite" aria-busy="true"><p class="quiet">{said["moment"]}</p></div>'
        f'<section id="own" hidden><h2>{said["own"]}</h2><p>{said["own_why"]}</p>'
        f'<div class="buttons"><button type="button" id="open" class="primary">{said["own_open"]}</button></div>'
        '<p class="quiet" id="said" role="status"></p></section></main></body></html>'
    )


def questions(prompts: Sequence[Prompt], language: str) -> str:
    """Return what is open, or that nothing is."""
    if not prompts:
        return f'<p class="notice">{escape(phrase("nothing", language))}</p>'
    return f"<h1>{escape(phrase('open', language))}</h1>" + "".join(map(question, prompts))


def note(text: str) -> str:
    """Return a short text."""
    return f'<p class="notice" role="status">{escape(shown(text))}</p>'


def question(prompt: Prompt) -> str:
    """Return a prompt as a form; without actions it only says something."""
    language = prompt.language
    direction = ' dir="rtl"' if language.partition("-")[0].lower() in RIGHT_TO_LEFT else ""
    body = "".join(map(_media, prompt.media))
    if prompt.actions:
        body += "".join(
            _field(field, f"{prompt.id}-{number}", language) for number, field in enumerate(prompt.fields)
        )
    kept = f'<p class="recorded">{escape(shown(prompt.recorded))}</p>' if prompt.recorded else ""
    buttons = "".join(map(_button, prompt.actions))
    return (
        f'<form class="question" lang="{escape(language)}"{direction} aria-labelledby="{escape(prompt.id)}">'
        f'<h2 id="{escape(prompt.id)}">{escape(shown(prompt.title))}</h2>{_until(prompt)}{_markup(prompt.body)}{body}'
        f'{kept}<div class="buttons">{buttons}</div><div class="answer" role="status"></div></form>'
    )


def _until(prompt: Prompt) -> str:
    if prompt.closes is None or not prompt.actions:
        return ""
    at = prompt.closes.isoformat(timespec="minutes")
    when = f'<time datetime="{escape(at)}">{prompt.closes:%Y-%m-%d %H:%M %Z}</time>'
    return f'<p class="quiet">{escape(phrase("until", prompt.language))} {when}</p>'


def _markup(markup: Markup) -> str:
    # people's words may hold characters that reorder what is read
    return shown(markup.html()).replace("<a ", '<a target="_blank" ')


def _media(media: Media) -> str:
    url, alt = escape(media.url), escape(shown(media.alt))
    if not media.url.startswith("https://"):
        return f"<p>{alt}</p>"
    # a picture of another host is not loaded into the page, so that nobody there learns who looks
    return f'<p><a href="{url}" target="_blank" rel="noopener noreferrer">{alt}</a></p>'


def _field(field: Field, name: str, language: str) -> str:
    id_, key, hint = escape(name), escape(f"{field.kind}.{field.key}"), escape(shown(field.hint or ""))
    label = escape(shown(field.label))
    if field.required:
        label += f' <span class="needed">{escape(phrase("needed", language))}</span>'
    aside = f'<p class="hint" id="{id_}-hint">{hint}</p>' if hint else ""
    described = f' aria-describedby="{id_}-hint"' if hint else ""
    needed = " required" if field.required else ""
    if field.kind == "confirm":
        chosen = " checked" if field.value is True else ""
        box = f'<input type="checkbox" name="{key}" value="true"{chosen}{needed}{described}>'
        return f'<div class="field"><label class="choice">{box}<span>{label}</span></label>{aside}</div>'
    if field.options:
        rows = "".join(_choice(field, option, key) for option in field.options)
        kind = "scale" if field.kind == "scale" else "choices"
        ends = [f'<span class="end">{escape(shown(end))}</span>' for end in field.ends or ("", "")]
        rows = f"{ends[0]}{rows}{ends[1]}" if field.ends else rows
        return (
            f'<div class="field"><fieldset{described}><legend>{label}</legend>{aside}'
            f'<div class="{kind}">{rows}</div></fieldset></div>'
        )
    value = escape(shown(field.value)) if isinstance(field.value, str) else ""
    control = f'<input id="{id_}" type="text" maxlength="300" autocomplete="off" value="{value}"'
    if field.kind == "long":
        control = f'<textarea id="{id_}" rows="4" maxlength="4000"'
    ending = f">{value}</textarea>" if field.kind == "long" else ">"
    control += f' name="{key}"{needed}{described}{ending}'
    return f'<div class="field"><label for="{id_}">{label}</label>{aside}{control}</div>'


def _choice(field: Field, option: Option, key: str) -> str:
    many = field.kind == "many"
    known: Iterable[str] = field.value if isinstance(field.value, tuple) else (str(field.value),)
    chosen = " checked" if field.value is not None and option.value in known else ""
    needed = " required" if field.required and not many else ""
    kind, value = "checkbox" if many else "radio", escape(option_value(option))
    box = f'<input type="{kind}" name="{key}" value="{value}"{chosen}{needed}>'
    return f'<label class="choice">{box}<span>{escape(shown(option.label))}</span></label>'


def _button(action: Action) -> str:
    skips = ' formnovalidate data-alone="1"' if action.verb in WITHOUT_FORM else ""
    return (
        f'<button class="{BUTTONS[action.style]}" value="{escape(action.token)}"{skips}>'
        f"{escape(shown(action.label))}</button>"
    )
