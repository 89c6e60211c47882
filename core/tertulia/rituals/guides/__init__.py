"""Guides for difficult conversations, one Markdown file each: a title, a line that says what for, and sections."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tertulia.domain.markup import Markup

USUAL = "open-discussion"
"""The guide for a host of any discussion."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """Hold one section."""

    title: str
    body: Markup


@dataclass(frozen=True, kw_only=True)
class Guide:
    """Hold a guide; *name* is its file's."""

    name: str
    title: str
    about: str
    sections: tuple[Section, ...]

    def whole(self) -> Markup:
        """Return the guide as one text, for a message."""
        body = Markup.literal(self.about)
        for section in self.sections:
            body += Markup.parse(f"**{section.title}**") + section.body
        return body


@cache
def every() -> tuple[Guide, ...]:
    """Return all guides, by title."""
    folder = files("tertulia.rituals.guides")
    written = [file for file in folder.iterdir() if file.name.endswith(".md")]
    read = [_read(file.name.removesuffix(".md"), file.read_text(encoding="utf-8")) for file in written]
    return tuple(sorted(read, key=lambda guide: guide.title))


def find(wanted: str) -> Guide | None:
    """Return the guide with that name, or the only one whose name or title holds all the words."""
    asked = wanted.casefold().replace("-", " ").split()
    named = [guide for guide in every() if guide.name.replace("-", " ").split() == asked]
    near = named or [guide for guide in every() if asked and _holds(f"{guide.name} {guide.title}", asked)]
    return near[0] if len(near) == 1 else None


def _holds(text: str, words: list[str]) -> bool:
    held = text.casefold()
    return all(word in held for word in words)


def _read(name: str, text: str) -> Guide:
    head, *parts = text.split("\n## ")
    title, _, about = head.removeprefix("# ").partition("\n")
    sections = [part.partition("\n") for part in parts]
    return Guide(
        name=name,
        title=title.strip(),
        about=about.strip(),
        sections=tuple(Section(title=one.strip(), body=Markup.parse(body)) for one, _, body in sections),
    )
