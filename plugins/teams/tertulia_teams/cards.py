"""Write prompts and replies as Adaptive Cards 1.5, and read what a card sends back.

People's words stand in `TextRun`s, which no client reads as markdown; where a card knows markdown only (titles of
choices, the heading), characters that would start any are defused. Only the sealed token goes into `data`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import unquote

from tertulia import Action, Bullets, Field, Markup, Media, Option, Prompt, Reply, Span
from tertulia_teams.texts import clipped, neutral, phrase, shown

CardJson: TypeAlias = dict[str, Any]
CARD = "application/vnd.microsoft.card.adaptive"
TEXT = "application/vnd.microsoft.activity.message"
ERROR = "application/vnd.microsoft.error"
TOKEN = "tertulia"  # noqa: S105 - the name of the key in `data`, not a secret
VERSION = "1.5"
ROOM = 20_000
"""Characters of a body that are shown, runs counted with their overhead: Teams takes about 80 KB of UTF-16."""
OVERHEAD = 90
FEW = 7
"""Choices that are shown one below the other; more go into a list that opens."""
PRIMARY = 6
"""Buttons that Teams shows; the others go into its menu."""
WITHOUT_FORM = frozenset({"pass", "snooze", "stop"})
"""Verbs that neither need the form nor check it."""
KINDS = frozenset({"one", "many", "scale", "short", "long", "confirm"})
STYLES = {"primary": "positive", "default": "default", "destructive": "destructive"}
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


def card(prompt: Prompt, *, shared: bool = False, form: bool = True) -> CardJson:
    """Write *prompt* as a card; a *shared* one has no personal link, one without *form* only says what is asked."""
    asks = form and not (shared and prompt.privacy == "confidential")
    body = [_heading(prompt.title), *_body(prompt.body), *(_media(media) for media in prompt.media)]
    if asks:
        for field in prompt.fields:
            body.extend(_field(field, prompt.language))
    body.append(_small(prompt.recorded))
    actions = [_action(action, number) for number, action in enumerate(prompt.actions)] if asks else []
    if prompt.link and not shared:
        actions.append({"type": "Action.OpenUrl", "title": phrase("page", prompt.language), "url": prompt.link})
    written: CardJson = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": VERSION,
        "lang": _tongue(prompt.language),
        "fallbackText": _fallback(prompt),
        "body": body,
    }
    if _tongue(prompt.language) in RIGHT_TO_LEFT:
        written["rtl"] = True
    if actions:
        written["actions"] = actions
    return written


def text_card(text: Markup, language: str = "en") -> CardJson:
    """Write a text without a question as a card, so that no client reads markdown in it."""
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": VERSION,
        "lang": _tongue(language),
        "fallbackText": neutral(clipped(text.plain(), 2_000)),
        "body": list(_body(text)) or [_small("")],
    }


def attachment(content: CardJson) -> CardJson:
    """Wrap a card for an activity."""
    return {"contentType": CARD, "content": content}


def message(prompt: Prompt, *, shared: bool = False, form: bool = True) -> CardJson:
    """Write *prompt* as a message activity; `summary` is what a notification shows."""
    return _activity(card(prompt, shared=shared, form=form), prompt.title)


def reply_message(reply: Reply, *, shared: bool = False, language: str = "en") -> CardJson:
    """Write *reply* as a message activity; in a *shared* place a private one only says to go on in private.

    *language* is for our own phrases, where the reply has no prompt that says which.
    """
    if reply.prompt is not None and not (shared and reply.private):
        return message(reply.prompt, shared=shared)
    if shared and reply.private:
        text = Markup.literal(phrase("private", reply.prompt.language if reply.prompt else language))
    else:
        text = reply.text or Markup.literal(phrase(reply.status, language))
    return _activity(text_card(text, language), clipped(text.plain(), 200))


def invoke_reply(reply: Reply, *, shared: bool = False, language: str = "en") -> CardJson:
    """Write *reply* as the answer to an `adaptiveCard/action`: a card in place of the old one, or a message.

    Only who pressed sees either; yet a private card is not put into a *shared* place.
    """
    if reply.prompt is not None and reply.status in ("taken", "changed") and not (shared and reply.private):
        return {"statusCode": 200, "type": CARD, "value": card(reply.prompt, shared=shared)}
    text = reply.text.plain() if reply.text else phrase(reply.status, language)
    return {"statusCode": 200, "type": TEXT, "value": clipped(shown(text), 2_000)}


def invoke_error(status: int, code: str, text: str) -> CardJson:
    """Write an error as the answer to an invoke."""
    return {"statusCode": status, "type": ERROR, "value": {"code": code, "message": text}}


def read_token(data: object) -> str | None:
    """Return the sealed token of what a card sent back, `None` where it is not one of ours."""
    token = data.get(TOKEN) if isinstance(data, Mapping) else None
    return token if isinstance(token, str) and token and token.isascii() else None


def read_values(data: object) -> dict[str, Any]:
    """Return what was filled in; what was left empty, and what no input of ours can send, is left out."""
    values: dict[str, Any] = {}
    for name, given in data.items() if isinstance(data, Mapping) else ():
        kind, _, key = name.partition(".") if isinstance(name, str) else ("", "", "")
        if kind not in KINDS or not key or not isinstance(given, str | int | float | bool):
            continue
        written = str(given).strip() if not isinstance(given, bool) else str(given).lower()
        if kind == "confirm":
            values[key] = written == "true"
        elif kind == "many" and written:
            values[key] = [unquote(item) for item in written.split(",") if item]
        elif written:
            values[key] = unquote(written) if kind in ("one", "scale") else written
    return values


def _activity(content: CardJson, summary: str) -> CardJson:
    return {"type": "message", "summary": clipped(shown(summary), 200), "attachments": [attachment(content)]}


def _tongue(language: str) -> str:
    """Return the language alone: Microsoft's renderer refuses a region behind it."""
    tongue = language.partition("-")[0].lower()
    return tongue if tongue.isascii() and tongue.isalpha() and 2 <= len(tongue) <= 3 else "en"


def _heading(title: str) -> CardJson:
    text = neutral(clipped(title, 500)) or " "
    return {"type": "TextBlock", "text": text, "style": "heading", "size": "Large", "weight": "Bolder", "wrap": True}


def _body(markup: Markup) -> Iterator[CardJson]:
    room = ROOM
    for block in markup.blocks:
        bullets = isinstance(block, Bullets)
        for number, spans in enumerate(block.items if isinstance(block, Bullets) else (block.spans,)):
            for line, runs in enumerate(_lines(spans, first="•  " if bullets else "")):
                room -= sum(len(run["text"]) + OVERHEAD for run in runs)
                if room < 0:
                    yield {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "…"}]}
                    return
                tight = {"spacing": "Small" if bullets and not line else "None"} if number or line else {}
                yield {"type": "RichTextBlock", "inlines": runs, **tight}


def _lines(spans: Iterable[Span], first: str) -> Iterator[list[CardJson]]:
    """Cut spans at their line breaks, which a text run does not show."""
    runs: list[CardJson] = [{"type": "TextRun", "text": first}] if first else []
    for span in spans:
        for number, part in enumerate(clipped(shown(span.text), 4_000).split("\n")):
            if number and runs:
                yield runs
                runs = []
            if part:
                runs.append(_run(span, part))
    if runs:
        yield runs


def _run(span: Span, text: str) -> CardJson:
    run: CardJson = {"type": "TextRun", "text": text}
    if span.bold:
        run["weight"] = "Bolder"
    if span.italic:
        run["italic"] = True
    if span.link and span.link.startswith("https://"):
        run["selectAction"] = {"type": "Action.OpenUrl", "url": span.link, "tooltip": clipped(span.link, 200)}
        run["underline"] = True
        run["color"] = "Accent"
    return run


def _small(text: str) -> CardJson:
    run = {"type": "TextRun", "text": clipped(shown(text), 1_000) or " ", "size": "Small", "isSubtle": True}
    return {"type": "RichTextBlock", "inlines": [run], "spacing": "Medium"}


def _media(media: Media) -> CardJson:
    alt = clipped(shown(media.alt), 500)
    if not media.url.startswith("https://"):
        return _small(alt)
    if media.kind == "image":
        return {"type": "Image", "url": media.url, "altText": alt, "size": "Stretch"}
    link = Span(text=f"▶ {alt}", link=media.url)
    return {"type": "RichTextBlock", "inlines": [_run(link, link.text)]}


def _field(field: Field, language: str) -> Iterator[CardJson]:
    asked, *rest = _asked(field if field.value is None else replace(field, value=None), language)
    yield {**asked, **_given(field)}
    yield from rest


@lru_cache(maxsize=512)
def _asked(field: Field, language: str) -> tuple[CardJson, ...]:
    """Write what is the same for everybody, once: a round asks thousands of people the same."""
    written: CardJson = {"id": f"{field.kind}.{field.key}"}
    if field.required:
        written |= {"isRequired": True, "errorMessage": phrase("required", language)}
    hint = clipped(shown(field.hint or ""), 300)
    aside = (_small(hint) | {"spacing": "None"},) if hint else ()
    if field.kind == "confirm":
        return {"type": "Input.Toggle", "title": neutral(clipped(field.label, 500)), "wrap": True, **written}, *aside
    if field.options:
        return {"type": "Input.ChoiceSet", "label": _label(field), **_choices(field), **written}, *aside
    written |= {"placeholder": hint} if hint else {}
    return ({"type": "Input.Text", "label": _label(field), "isMultiline": field.kind == "long", **written},)


def _given(field: Field) -> CardJson:
    """Write what was answered before."""
    if field.kind == "confirm":
        # a toggle always says something, so that its value is sent as a string either way
        return {"value": str(field.value is True).lower()}
    if not field.options:
        return {"value": shown(field.value)} if isinstance(field.value, str) and field.value else {}
    known = [field.value] if isinstance(field.value, str) else field.value if isinstance(field.value, tuple) else ()
    chosen = [option_value(option) for option in field.options if option.value in known]
    return {"value": ",".join(chosen)} if chosen else {}


def _label(field: Field) -> str:
    return clipped(shown(field.label), 500)


def _choices(field: Field) -> CardJson:
    written: CardJson = {
        "choices": [{"title": title, "value": option_value(option)} for title, option in _titles(field)],
        "style": "expanded" if len(field.options) <= FEW else "compact",
        "wrap": True,
    }
    if field.kind == "many":
        written["isMultiSelect"] = True
    return written


def option_value(option: Option) -> str:
    """Return what a choice sends; a comma in it would part the values of a set."""
    return option.value.replace("%", "%25").replace(",", "%2C")


def _titles(field: Field) -> Iterator[tuple[str, Option]]:
    ends: Sequence[str] = field.ends or ()
    last = len(field.options) - 1
    for number, option in enumerate(field.options):
        title = option.label
        if ends and number in (0, last):
            title = f"{option.label} – {ends[0 if number == 0 else -1]}"
        yield neutral(clipped(title, 300)), option


def _action(action: Action, number: int) -> CardJson:
    """Write a button that works in every client: the newer kind, and the older one where that is not known."""
    common: CardJson = {
        "id": f"{number}.{action.verb}",
        "title": clipped(shown(action.label), 100),
        "style": STYLES[action.style],
        "data": {TOKEN: action.token},
    }
    if action.verb in WITHOUT_FORM:
        common["associatedInputs"] = "none"
    if number >= PRIMARY:
        common["mode"] = "secondary"
    fallback = {"type": "Action.Submit", **common}
    return {"type": "Action.Execute", "verb": action.verb, **common, "fallback": fallback}


def _fallback(prompt: Prompt) -> str:
    """Say the whole of it in words for a client that shows no cards."""
    asked = "\n".join(f"- {field.label}" for field in prompt.fields)
    parts = (prompt.title, prompt.body.plain(), asked, prompt.recorded)
    return neutral(clipped("\n\n".join(part for part in parts if part), 2_000))
