"""Write prompts and replies as messages of Zoom Team Chat.

Zoom has no form that is sent as a whole: every choice and every edited line arrives as an event of its own, with the
message as it was. So the message is the form's memory: what was filled in so far stands in it (`messages_form` reads
and changes it), and buttons carry the sealed token. People's words are never read as markdown.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from tertulia import Action, Field, Markup, Media, Option, Prompt, Reply
from tertulia_zoom.messages_phrases import phrase
from tertulia_zoom.messages_text import Element, clipped, elements, line, linked, shown, small

Content = Element
WITHOUT_FORM = frozenset({"pass", "snooze", "stop"})
"""Verbs that need nothing filled in."""
STYLES = {"primary": "Primary", "default": "Default", "destructive": "Danger"}
ON, OFF = "☑ ", "☐ "
BLANK = " "
"""How Zoom wants an empty line written."""
OPEN = "open"
"""How the value of a button begins that opens the form in the presser's own chat."""


def question(prompt: Prompt) -> Content:
    """Write *prompt* for one person: with its form, or, if confidential, with nothing but the personal link."""
    if prompt.privacy == "confidential" and (prompt.fields or prompt.actions):
        return invitation(prompt)
    shown = form(prompt)
    if prompt.link:
        shown["body"].append(linked(phrase("page", prompt.language), prompt.link))
    return shown


def form(prompt: Prompt) -> Content:
    """Write what *prompt* asks, to be filled in by one person, without the personal link."""
    asked = list(_form(prompt))
    remark = [small(prompt.recorded)] if prompt.recorded else []
    return _content(prompt.title, [*_shown(prompt), *asked, *remark, *_buttons(prompt)])


def posting(prompt: Prompt, key: str) -> Content:
    """Write *prompt* for a shared place: what is asked, and buttons; its form is kept under *key*."""
    body = list(_shown(prompt))
    if prompt.recorded:
        body.append(small(prompt.recorded))
    if prompt.privacy != "confidential" and prompt.actions:
        body.append({"type": "actions", "items": [_posted(action, prompt, key) for action in prompt.actions]})
    return _content(prompt.title, body)


def invitation(prompt: Prompt) -> Content:
    """Write that there is something confidential to answer, and what that means: no word of the question itself."""
    if not prompt.link:
        return text_message(Markup.literal(phrase("done", prompt.language)))
    link = linked(phrase("page", prompt.language), prompt.link)
    means = [small(prompt.recorded)] if prompt.recorded else []
    return {"body": [*elements(Markup.literal(phrase("confidential", prompt.language))), *means, link]}


def text_message(text: Markup) -> Content:
    """Write a text without a question."""
    return {"body": list(elements(text)) or [{"type": "message", "text": " "}]}


def pointer(text: str, url: str) -> Content:
    """Write one line that opens *url*."""
    return {"body": [linked(text, url)]}


def answer_message(reply: Reply) -> Content:
    """Write *reply* for one person."""
    if reply.prompt is not None:
        return question(reply.prompt)
    return text_message(reply.text or Markup.literal(phrase(reply.status, "en")))


def headed(content: Content, text: str) -> Content:
    """Return *content* with *text*, what became of an answer, below its title."""
    head = content.get("head")
    title = head.get("text") if isinstance(head, dict) else None
    shown = {"text": title if isinstance(title, str) else "Tertulia", "sub_head": {"text": line(text, 300)}}
    return {**content, "head": shown}


def _content(title: str, body: list[Element]) -> Content:
    return {"head": {"text": line(title, 200)}, "body": body}


def _shown(prompt: Prompt) -> Iterator[Element]:
    yield from elements(prompt.body)
    for media in prompt.media:
        yield _media(media)


def _media(media: Media) -> Element:
    alt = line(media.alt, 300)
    if not media.url.startswith("https://"):
        return small(alt)
    if media.kind != "image":
        return linked(f"▶ {alt}", media.url)
    said = {"title": {"text": alt}, "description": {"text": " "}}
    return {"type": "attachments", "resource_url": media.url, "img_url": media.url, "information": said}


def _form(prompt: Prompt) -> Iterator[Element]:
    for field in prompt.fields:
        yield from _field(field)
        if field.hint:
            yield small(field.hint)


def _buttons(prompt: Prompt) -> Iterator[Element]:
    written = [
        quote(field.key, safe="", errors="replace") for field in prompt.fields if field.kind in ("short", "long")
    ]
    if prompt.actions:
        yield {"type": "actions", "items": [_button(action, written) for action in prompt.actions]}


def _field(field: Field) -> Iterator[Element]:
    if field.kind in ("short", "long"):
        value = shown(field.value) if isinstance(field.value, str) else ""
        item = {"key": label(field), "value": clipped(value) or BLANK, "editable": True, "short": False}
        yield {"type": "fields", "items": [item]}
    elif field.kind == "confirm":
        yield {"type": "actions", "items": [tick(label(field), field.key, "", on=field.value is True)]}
    elif field.kind == "many":
        known = field.value if isinstance(field.value, tuple) else ()
        yield {"type": "message", "text": label(field)}
        ticks = [tick(line(one.label, 60), field.key, one.value, on=one.value in known) for one in field.options]
        yield {"type": "actions", "items": ticks}
    else:
        items = [_choice(field, option, number) for number, option in enumerate(field.options)]
        made: Element = {"type": "select", "text": label(field), "select_items": items}
        chosen = [one for one, option in zip(items, field.options, strict=True) if option.value == field.value]
        yield made | {"selected_item": chosen[0]} if chosen else made


def label(field: Field) -> str:
    """Return how a field is named in the message."""
    return line(field.label, 120)


def tick(text: str, key: str, option: str, *, on: bool) -> Element:
    """Write a button that is on or off; pressing it changes that, and sends nothing."""
    return {"text": (ON if on else OFF) + text, "value": value_of("tick", key, option), "style": "Default"}


def value_of(what: str, *parts: str) -> str:
    """Write the value of a button or choice; its parts are quoted, so that colons part them."""
    return ":".join((what, *(quote(part, safe="-_", errors="replace") for part in parts)))


def _choice(field: Field, option: Option, number: int) -> Element:
    title = option.label
    if field.ends and number in (0, len(field.options) - 1):
        title = f"{option.label} – {field.ends[0 if number == 0 else 1]}"
    return {"text": line(title, 80), "value": value_of("choose", field.key, option.value)}


def _button(action: Action, written: list[str]) -> Element:
    plain = action.verb in WITHOUT_FORM
    value = value_of("plain", action.token) if plain else f"{value_of('send', action.token)}:{','.join(written)}"
    return {"text": line(action.label, 60), "value": value, "style": STYLES[action.style]}


def _posted(action: Action, prompt: Prompt, key: str) -> Element:
    if prompt.fields and action.verb not in WITHOUT_FORM:
        title, value = phrase("open", prompt.language), value_of(OPEN, key)
    else:
        title, value = action.label, value_of("plain", action.token)
    return {"text": line(title, 60), "value": value, "style": STYLES[action.style]}
