"""The one grammar of commands, whatever platform they were typed on.

::

    help | check-in | icebreaker | kudos <mention…> [text] | snooze [n days | until date] | my data
         | candle | feedback | settings | stop [practice] | link <code>
         | join [practice] | leave [practice] | ask | guide [name] | breathe

Letter case, accents, punctuation, typographic quotes and invisible characters make no difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from tertulia.domain.people import Actor

LONGEST = 4000
"""Characters of a message that are read; a command is shorter."""

ALIASES: dict[str, tuple[str, ...]] = {
    "help": ("commands", "hello", "hi"),
    "check-in": ("standup", "daily"),
    "icebreaker": (),
    "kudos": ("thanks", "thank", "thank you", "kudo"),
    "snooze": ("pause", "mute", "remind me later"),
    "my data": ("what do you know about me", "privacy"),
    "candle": ("candle in the wind",),
    "feedback": ("anonymous feedback",),
    "settings": ("setting", "preferences"),
    "ask": ("ask the leadership",),
    "guide": ("guides",),
    "stop": ("opt out", "unsubscribe", "leave me alone"),
    "link": ("connect",),
    "join": ("sign up", "sign me up", "count me in"),
    "leave": ("sign off", "count me out"),
    "breathe": ("breath", "breathing", "breathing break", "take a breath"),
}
UNKNOWN = "unknown"
BOT_NAMES = ("tertulia",)

Piece: TypeAlias = str | Actor
_QUOTES = frozenset("\"'“”„‟«»‘’‚‛‹›`")
_SEPARATOR = re.compile(r"[\s,;&+]*(?:\b(?:and|y|e|et|und|en)\b)?[\s,;&+]*", re.IGNORECASE)
_DAYS = re.compile(r"(?:for )?(\d{1,4}) ?(d|days?|w|weeks?)?")
_DATE = re.compile(r"(?:until |till |to )?(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """Hold a command's canonical *name* and its arguments.

    `kudos`: the mentioned actors, then the text if there is one. `snooze`: a number of days, an ISO date, or what
    could not be read. `stop`, `join`, `leave`: a practice. `guide`: words of its name. `link`: the code.
    `unknown`: the nearest command, if any is near.
    """

    name: str
    args: tuple[str | Actor, ...] = ()


def parse_command(
    text: str, mentions: Mapping[str, Actor] | None = None, names: Collection[str] = BOT_NAMES
) -> Parsed:
    """Read *text* as a command; never raises.

    *mentions* maps how a mention is written in *text* (`@ana`, `<at>Ana</at>`) to the actor meant; *names* are the
    bot's own, of which a leading one is ignored, as is any mention before the command's word.
    """
    pieces = _cut(_clean(text), {_clean(written).strip(): actor for written, actor in (mentions or {}).items()})
    words = _without_address(pieces, names)
    if not any(isinstance(piece, Actor) or piece.strip() for piece, _ in words):
        return Parsed(name="help")
    head = words[0][0] if isinstance(words[0][0], str) else ""
    name, rest = _command(head)
    if name is None:
        return Parsed(name=UNKNOWN, args=_nearest(head))
    return Parsed(name=name, args=tuple(_arguments(name, [(rest, rest), *words[1:]])))


def _clean(text: str) -> str:
    """Drop invisible characters and lone surrogates, unify forms and white space."""
    kept = (
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFKC", text[:LONGEST])
        if unicodedata.category(character) not in {"Cf", "Cs", "Cn", "Co"}
    )
    return re.sub(r" +", " ", "".join(kept))


def _cut(text: str, mentions: Mapping[str, Actor]) -> list[tuple[Piece, str]]:
    """Cut *text* at its mentions: each piece with how it was written."""
    written = sorted((key for key in mentions if key), key=len, reverse=True)
    if not written:
        return [(text, text)]
    folded = {key.casefold(): actor for key, actor in mentions.items()}
    pattern = "|".join(_bounded(key) for key in written)
    pieces: list[tuple[Piece, str]] = []
    position = 0
    for match in re.finditer(pattern, text, re.IGNORECASE):
        actor = mentions.get(match[0]) or folded.get(match[0].casefold())
        if actor is None:
            continue
        pieces.append((text[position : match.start()], text[position : match.start()]))
        pieces.append((actor, match[0]))
        position = match.end()
    pieces.append((text[position:], text[position:]))
    return pieces


def _bounded(written: str) -> str:
    before = r"(?<!\w)" if re.match(r"\w", written) else ""
    after = r"(?!\w)" if re.search(r"\w$", written) else ""
    return before + re.escape(written) + after


def _without_address(pieces: Sequence[tuple[Piece, str]], names: Collection[str]) -> list[tuple[Piece, str]]:
    rest = list(pieces)
    named = "|".join(re.escape(_clean(name).strip()) for name in sorted(names, key=len, reverse=True) if name.strip())
    address = re.compile(
        rf"[\s,:;.!]*(?:[@/]?(?:{named})(?!\w))?[\s,:;.!]*" if named else r"[\s,:;.!]*", re.IGNORECASE
    )
    while rest:
        piece = rest[0][0]
        if isinstance(piece, str):
            left = piece[match.end() :] if (match := address.match(piece)) else piece
            rest[0] = (left, left)
            if left or len(rest) == 1:
                return rest
        rest = rest[1:]
    return [("", "")]


def _key(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum())


_WORDS = {_key(word): name for name, others in ALIASES.items() for word in (name, *others)}
_MOST_WORDS = max(len(word.split()) for others in ALIASES.values() for word in others)


def _command(text: str) -> tuple[str | None, str]:
    """Find the command that *text* begins with, and what follows it; the longest wording wins."""
    words = text.lstrip("/").split()
    if words and not _key("".join(words)):
        return ("help", "") if set("".join(words)) <= {"?", "!"} else (None, "")
    for count in range(min(_MOST_WORDS, len(words)), 0, -1):
        name = _WORDS.get(_key("".join(words[:count])))
        if name is not None:
            return name, " ".join(words[count:])
    return None, ""


def _nearest(text: str) -> tuple[str, ...]:
    words = text.split()
    for candidate in (_key("".join(words[:2])), _key("".join(words[:1]))):
        near = get_close_matches(candidate, list(_WORDS), n=1, cutoff=0.7)
        if near:
            return (_WORDS[near[0]],)
    return ()


def _arguments(name: str, pieces: Sequence[tuple[Piece, str]]) -> Iterator[str | Actor]:
    text = " ".join(written.strip() for _, written in pieces if written.strip())
    if name == "kudos":
        yield from _kudos(pieces)
    elif name == "snooze" and text:
        yield _until(text)
    elif name == "link" and (code := "".join(character for character in text if character.isalnum())):
        yield code
    elif name in ("stop", "join", "leave", "guide") and (practice := _unquoted(text)):
        yield practice


def _kudos(pieces: Sequence[tuple[Piece, str]]) -> Iterator[str | Actor]:
    yield from dict.fromkeys(piece for piece, _ in pieces if isinstance(piece, Actor))
    last = 0
    for position, (piece, _) in enumerate(pieces):
        if isinstance(piece, str) and not _SEPARATOR.fullmatch(piece):
            break
        last = position + 1 if isinstance(piece, Actor) else last
    said = _unquoted("".join(written for _, written in pieces[last:]))
    if said:
        yield said


def _until(text: str) -> str:
    plain = _unquoted(text).casefold().rstrip(".!")
    if days := _DAYS.fullmatch(plain):
        return str(int(days[1]) * (7 if (days[2] or "d").startswith("w") else 1))
    if date := _DATE.fullmatch(plain):
        return date[1]
    return plain


def _unquoted(text: str) -> str:
    stripped = text.strip(" ,:;-–—")
    if len(stripped) > 1 and stripped[0] in _QUOTES and stripped[-1] in _QUOTES:
        return stripped[1:-1].strip()
    return stripped
