"""Write prompts in Trello's dialect, and read answers from comments."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from tertulia import Bullets, Field, Json, Markup, Prompt, Reply, Span
from tertulia_trello.actions import BREAK

LONGEST = 5500
"""Bytes of a text once it stands in an address, where Trello wants it."""
NAME = 200
TOGETHER = (
    "**When you have met**, tick it below; for whoever ticks it, that answers whether you met. "
    "Talk here as you like, and attach a photo only if everybody on it agrees. Everybody on this board can read this "
    "card. Words and photos stay in Trello; what is kept is that you took part."
)
MOST_TO_VOTE = 3
"""Choices among which a vote for a card can well mean the first."""
JOINERS = "\u200c\u200d"
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-!<>|~])")
_NUMBERED = re.compile(r"^(\s*\d+)([.)])", re.MULTILINE)
_LINE = re.compile(r"^\s*(?:[-*]\s*)?(?P<head>[^:\n]{1,120}?)\s*[:=]\s*(?P<value>.*)$")
_NUMBER = re.compile(r"^\s*(?P<head>\d{1,2})\s*[.):=-]\s*(?P<value>.*)$")
MANY = re.compile(r"\s*[,;]\s*")


def escape(text: str) -> str:
    """Write people's words so that Trello shows them as they stand: no mark-up, no link, nobody mentioned."""
    kept = "".join(character for character in text if character == "\n" or _shown(character))
    kept = _SPECIAL.sub(r"\\\1", kept)
    kept = _NUMBERED.sub(r"\1\\\2", kept)
    return broken(kept)


def _shown(character: str) -> bool:
    """Tell whether a character is shown; of the invisible ones only the joiners of scripts and emoji stay."""
    return character in JOINERS or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co"}


def broken(text: str) -> str:
    """Break mentions and addresses, so that nobody is called and nothing becomes a link."""
    text = re.sub(r"@(?=[\w\\])", f"@{BREAK}", text)
    text = re.sub(r"\b(www)\.", rf"\1{BREAK}.", text, flags=re.IGNORECASE)
    return re.sub(r":(?=//)|(?<=mailto):", f":{BREAK}", text, flags=re.IGNORECASE)


def markdown(markup: Markup) -> str:
    """Write mark-up as Trello reads it."""
    blocks = []
    for block in markup.blocks:
        if isinstance(block, Bullets):
            blocks.append("\n".join("- " + _line(item).replace("\n", " ") for item in block.items))
        else:
            blocks.append(_line(block.spans))
    return "\n\n".join(blocks)


def _line(spans: Iterable[Span]) -> str:
    return "".join(_span(span) for span in spans)


def _span(span: Span) -> str:
    text = escape(span.text)
    if span.link:
        return f"[{text}]({quoted(span.link)})"
    mark = "**" if span.bold else "*" if span.italic else ""
    bare = text.strip()
    if not mark or not bare:
        return text
    start = len(text) - len(text.lstrip())
    return f"{text[:start]}{mark}{bare}{mark}{text[start + len(bare) :]}"


def quoted(link: str) -> str:
    """Write a link so that nothing in it can end it."""
    return "".join(f"%{ord(c):02X}" if c in "()<>\\ \"'`" else c for c in link)


def title(prompt: Prompt) -> str:
    """Return a card's name; it knows no mark-up, and mentions nobody."""
    one_line = " ".join(prompt.title.split())
    return broken("".join(c for c in one_line if _shown(c)))[:NAME] or "Tertulia"


def description(prompt: Prompt, username: str) -> str:
    """Write what a card says: the question, how to answer, and what is kept. Never a personal link."""
    parts = [markdown(prompt.body), *_media(prompt)]
    if prompt.actions:
        parts += [_instructions(prompt.fields), _vote(prompt.fields), _change(username)]
    parts.append(f"*{escape(prompt.recorded)}*")
    return shortened("\n\n".join(part for part in parts if part))


def _media(prompt: Prompt) -> Iterator[str]:
    for media in prompt.media:
        sign = "!" if media.kind == "image" else ""
        yield f"{sign}[{escape(media.alt)}]({quoted(media.url)})"


def _instructions(fields: Sequence[Field]) -> str:
    asked = [field for field in fields if field.kind != "confirm"]
    if not asked:
        return "Tick the checklist below." if fields else ""
    if len(asked) == 1 and asked[0].kind in ("short", "long"):
        return f"**Answer with a comment** on this card. {escape(asked[0].hint or '')}".strip()
    lines = [f"{number}: {_question(field)}" for number, field in enumerate(asked, start=1)]
    how = "**Answer with a comment** on this card, a line for each number that you like, such as `1: …`"
    return "\n\n".join([how, *lines])


def _question(field: Field) -> str:
    choices = " · ".join(escape(option.label) for option in field.options)
    label = field.label if not choices or field.label.rstrip().endswith(("?", ":", ".", "!")) else f"{field.label}:"
    ends = f" ({escape(field.ends[0])} … {escape(field.ends[1])})" if field.ends else ""
    several = ", several with commas between" if field.kind == "many" else ""
    hint = f" {escape(field.hint)}" if field.hint else ""
    return f"{escape(label)}{' ' + choices if choices else ''}{ends}{several}{hint}"


def voted(fields: Sequence[Field]) -> tuple[Field, str | bool] | None:
    """Return the field that a vote for the card answers, and what it says: yes, or the first of few choices.

    `None` where a vote could mean several things, or would leave out what has to be said.
    """
    choices = [field for field in fields if field.kind in ("one", "confirm") and len(field.options) <= MOST_TO_VOTE]
    if len(choices) != 1 or any(field.required for field in fields if field is not choices[0]):
        return None
    (field,) = choices
    if field.kind == "confirm":
        return field, True
    return (field, field.options[0].value) if field.options else None


def _vote(fields: Sequence[Field]) -> str:
    meant = voted(fields)
    if meant is None:
        return ""
    field, value = meant
    label = next((option.label for option in field.options if option.value == value), field.label)
    return f"Or vote for this card, which says: **{escape(label)}**"


def _change(username: str) -> str:
    # a name with an unbroken @ would call our own account whenever the card is written
    return (
        f"Your first comment is your answer; edit it, or begin another with @{BREAK}{username} `answer`, to change "
        f"it. To pass, comment `pass`. Everybody on this board can read comments."
    )


def written(reply: Reply) -> str:
    """Write a reply that everybody may read."""
    parts = [markdown(reply.text)] if reply.text else []
    if reply.prompt is not None:
        parts.append(summary(reply.prompt))
    return "\n\n".join(parts) or "👍"


def summary(prompt: Prompt) -> str:
    """Write what came of a round."""
    return "\n\n".join([f"**{escape(prompt.title)}**", markdown(prompt.body), f"*{escape(prompt.recorded)}*"])


def shortened(text: str) -> str:
    """Cut a text that is too long for one request."""
    first = next(pieces(text), "")
    if first == text.strip():
        return first
    while _size(first) > LONGEST - 12:
        first = first[:-1]
    return f"{first} …"


def pieces(text: str) -> Iterator[str]:
    """Cut a text into what fits a request each, between paragraphs where that is possible."""
    piece: list[str] = []
    size = 0
    for chunk in [*_chunks(text), None]:
        more = LONGEST if chunk is None else _size(chunk)
        if piece and size + more > LONGEST:
            if whole := "".join(piece).strip():
                yield whole
            piece, size = [], 0
        piece.append(chunk or "")
        size += more


def _chunks(text: str) -> Iterator[str]:
    for part in re.split(r"(?<=\n)", text):
        while _size(part) > LONGEST:
            end = LONGEST // 12
            while end * 2 < len(part) and _size(part[: end * 2]) <= LONGEST:
                end *= 2
            yield part[:end]
            part = part[end:]
        yield part


def _size(text: str) -> int:
    return len(quote_plus(text, errors="replace"))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Hold what a card asks, as far as answers are read by it."""

    fields: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, prompt: Prompt) -> Asked:
        """Take the fields of a prompt."""
        return cls(
            fields=tuple(
                {
                    "key": field.key,
                    "kind": field.kind,
                    "label": field.label,
                    "options": [[option.value, option.label] for option in field.options],
                }
                for field in prompt.fields
            )
        )

    def values(self, text: str) -> Json:
        """Read a comment: its lines by number or by label, or the whole of it for the first field of words."""
        asked = [field for field in self.fields if field["kind"] != "confirm"]
        single = len(asked) == 1 and asked[0]["kind"] in ("short", "long")
        given = {} if single else _by_line(asked, text)
        if given:
            return given
        words = next((field for field in asked if field["kind"] in ("short", "long")), None)
        bare = not re.search("[:=]", text)
        choice = next((found for field in asked if (found := _value(field, text, strict=True)) is not None), None)
        if choice is not None and bare and not single:
            owner = next(field for field in asked if _value(field, text, strict=True) is not None)
            return {owner["key"]: choice}
        return {words["key"]: text.strip()} if words is not None else {}


def _by_line(fields: Sequence[Mapping[str, Any]], text: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    last: str | None = None
    for line in text.splitlines():
        field, value = _headed(fields, line)
        if field is not None:
            last = field["key"]
            given[last] = _value(field, value) if value.strip() else None
        elif last is not None and isinstance(given.get(last), str) and _kind(fields, last) in ("short", "long"):
            given[last] = f"{given[last]}\n{line}".strip()
    return {key: value for key, value in given.items() if value not in (None, "")}


def _headed(fields: Sequence[Mapping[str, Any]], line: str) -> tuple[Mapping[str, Any] | None, str]:
    for pattern in (_NUMBER, _LINE):
        match = pattern.match(line)
        if match is None:
            continue
        head = match["head"].strip()
        if head.isdecimal() and 0 < int(head) <= len(fields):
            return fields[int(head) - 1], match["value"]
        named = next((field for field in fields if folded(head) in (folded(field["label"]), field["key"])), None)
        if named is not None:
            return named, match["value"]
    return None, ""


def _kind(fields: Sequence[Mapping[str, Any]], key: str) -> str:
    return next(str(field["kind"]) for field in fields if field["key"] == key)


def _value(field: Mapping[str, Any], text: str, *, strict: bool = False) -> str | list[str] | None:
    if field["kind"] in ("short", "long"):
        return None if strict else text.strip()
    chosen = [_choice(field, part) for part in (MANY.split(text.strip()) if field["kind"] == "many" else [text])]
    known = [value for value in chosen if value is not None]
    if strict and len(known) < len(chosen):
        return None
    if field["kind"] == "many":
        return known
    # what is no option is handed on as it stands: the core says what is wrong with it
    return known[0] if known else text.strip()


def _choice(field: Mapping[str, Any], text: str) -> str | None:
    wanted, bare = folded(text), text.strip()
    for value, label in field["options"]:
        if bare in (value, label) or (wanted and wanted in (folded(value), folded(label))):
            return str(value)
    return None


def folded(text: str) -> str:
    """Fold case, accents, marks and spaces, for comparing what people wrote."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if c.isalnum())
