"""Draw Adaptive Cards as HTML forms: what our cards are made of, escaped; the rest by its fallback text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

Element = Mapping[str, Any]


def card(content: Element, *, target: str, hidden: Mapping[str, str]) -> str:
    """Return a card as a form that posts its inputs and the number of the pressed button to *target*."""
    body = "".join(map(_element, content.get("body") or ()))
    actions = "".join(_action(action, number) for number, action in enumerate(content.get("actions") or ()))
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items()
    )
    language = escape(str(content.get("lang") or "en"))
    direction = ' dir="rtl"' if content.get("rtl") else ""
    return (
        f'<form class="card" method="post" action="{escape(target)}" lang="{language}"{direction}>{fields}{body}'
        f'<div class="actions">{actions}</div></form>'
    )


def inputs_of(content: Element, form: Mapping[str, list[str]]) -> dict[str, str]:
    """Return what a client would send of a filled-in form: one text per input, an empty one for an empty field."""
    given: dict[str, str] = {}
    for element in content.get("body") or ():
        kind, name = str(element.get("type", "")), str(element.get("id", ""))
        values = form.get(name, [])
        if kind == "Input.Toggle":
            given[name] = str(element.get("valueOn", "true") if values else element.get("valueOff", "false"))
        elif kind.startswith("Input."):
            given[name] = ",".join(values)
    return given


def missing(content: Element, given: Mapping[str, str]) -> str | None:
    """Return what a client would complain of before it sends anything."""
    for element in content.get("body") or ():
        if element.get("isRequired") and given.get(str(element.get("id"))) in {"", "false"}:
            return str(element.get("errorMessage") or "Something is missing.")
    return None


def _element(element: Element) -> str:
    kind = element.get("type")
    if kind == "TextBlock":
        text = escape(str(element.get("text", "")))
        return f"<h3>{text}</h3>" if element.get("style") == "heading" else f"<p>{text}</p>"
    if kind == "RichTextBlock":
        tight = ' class="tight"' if element.get("spacing") in {"None", "Small"} else ""
        return f"<p{tight}>{''.join(map(_run, element.get('inlines') or ()))}</p>"
    if kind == "Image":
        return f'<img src="{escape(str(element.get("url")))}" alt="{escape(str(element.get("altText", "")))}">'
    if kind in DRAWN:
        return DRAWN[kind](element)
    return f"<p>{escape(str(element.get('fallbackText') or ''))}</p>"


def _run(run: Element) -> str:
    text = escape(str(run.get("text", "")))
    if run.get("weight") == "Bolder":
        text = f"<strong>{text}</strong>"
    if run.get("italic"):
        text = f"<em>{text}</em>"
    if run.get("isSubtle"):
        text = f"<small>{text}</small>"
    select = run.get("selectAction") or {}
    if select.get("type") == "Action.OpenUrl" and str(select.get("url", "")).startswith("https://"):
        return f'<a href="{escape(str(select["url"]))}" rel="noopener noreferrer" target="_blank">{text}</a>'
    return text


def _text(element: Element) -> str:
    name, label = escape(str(element["id"])), escape(str(element.get("label", "")))
    value, hint = escape(str(element.get("value", ""))), escape(str(element.get("placeholder", "")))
    if element.get("isMultiline"):
        control = f'<textarea name="{name}" rows="3" placeholder="{hint}">{value}</textarea>'
    else:
        control = f'<input type="text" name="{name}" value="{value}" placeholder="{hint}">'
    return f"<label><span>{label}{_star(element)}</span>{control}</label>"


def _choices(element: Element) -> str:
    chosen = str(element.get("value", "")).split(",")
    label = escape(str(element.get("label", ""))) + _star(element)
    name = escape(str(element["id"]))
    if element.get("style") == "compact" and not element.get("isMultiSelect"):
        options = '<option value=""></option>' + "".join(
            f'<option value="{value}"{" selected" if mark else ""}>{title}</option>'
            for value, title, mark in _offered(element, chosen)
        )
        return f'<label><span>{label}</span><select name="{name}">{options}</select></label>'
    kind = "checkbox" if element.get("isMultiSelect") else "radio"
    rows = "".join(
        f'<label class="choice"><input type="{kind}" name="{name}" value="{value}"{" checked" if mark else ""}>'
        f"<span>{title}</span></label>"
        for value, title, mark in _offered(element, chosen)
    )
    return f"<fieldset><legend>{label}</legend>{rows}</fieldset>"


def _offered(element: Element, chosen: Iterable[str]) -> Iterable[tuple[str, str, bool]]:
    known = set(chosen)
    for choice in element.get("choices") or ():
        value = str(choice.get("value", ""))
        yield escape(value), escape(str(choice.get("title", ""))), value in known


def _toggle(element: Element) -> str:
    mark = " checked" if element.get("value") == element.get("valueOn", "true") else ""
    name, title = escape(str(element["id"])), escape(str(element.get("title", "")))
    return (
        f'<label class="choice"><input type="checkbox" name="{name}" value="true"{mark}>'
        f"<span>{title}{_star(element)}</span></label>"
    )


def _star(element: Element) -> str:
    return ' <b class="star" aria-hidden="true">*</b>' if element.get("isRequired") else ""


def _action(action: Element, number: int) -> str:
    title, style = escape(str(action.get("title", ""))), escape(str(action.get("style", "default")))
    if action.get("type") == "Action.OpenUrl":
        url = escape(str(action.get("url", "")))
        return f'<a class="button" href="{url}" rel="noopener noreferrer" target="_blank">{title}</a>'
    return f'<button class="{style}" name="action" value="{number}">{title}</button>'


DRAWN = {"Input.Text": _text, "Input.ChoiceSet": _choices, "Input.Toggle": _toggle}
