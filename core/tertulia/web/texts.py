"""Which pages speak the language of whoever reads them, and what they say.

`python -m tertulia.web.texts` (`make texts`) brings each catalogue up to date: what pages say that is not in it is
added without a translation, what no page says any more goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tertulia.wording import LOCALE, LOCALES

TEMPLATES = Path(__file__).parent / "templates"
CATALOGUE = "pages.po"
RUN_IN_ENGLISH = frozenset(
    f"{name}.html"
    for name in (
        "care", "care_key", "charts", "comments", "component", "entra", "feedback_inbox", "figures", "overview",
        "overviews", "questions_moderate", "recommendations", "results", "sandbox", "sandbox_mail", "sections",
        "survey", "surveys", "trends",
    )
)  # fmt: skip
"""Pages for those who run a program, like the console, and figures, whose words come from measures and surveys."""


def spoken(template: str) -> bool:
    """Tell whether a page speaks the reader's language; all others are in English."""
    return "/" not in template and template not in RUN_IN_ENGLISH


def said() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each template that speaks with each of its sentences; both forms of one that depends on a number."""
    from jinja2.ext import babel_extract

    options = {"trimmed": "true", "silent": "false"}
    for path in sorted(TEMPLATES.glob("*.html")):
        if spoken(path.name):
            with path.open("rb") as file:
                for _, _, sentence, _ in babel_extract(file, ("gettext", "ngettext"), [], options):
                    forms = (sentence,) if isinstance(sentence, str) else sentence or ()
                    yield path.name, tuple(str(one) for one in forms if one is not None)


def update(language: str) -> int:
    """Bring a catalogue up to date and return how many sentences wait for a translation."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po, write_po

    source = LOCALE / language / CATALOGUE
    head = source.read_text(encoding="utf-8").partition("\n\n")[0]
    with source.open("rb") as file:
        known = read_po(file, locale=language)
    fresh = Catalog(locale=language)
    for template, forms in said():
        old = known.get(forms[0])
        string = old.string if old is not None else ""
        fresh.add(forms if len(forms) > 1 else forms[0], string, user_comments=[] if old else [f"new in {template}"])
    with source.open("wb") as file:
        file.write(f"{head}\n\n".encode())
        write_po(file, fresh, width=0, omit_header=True)
    return sum(not (all(one.string) if isinstance(one.string, tuple) else one.string) for one in fresh if one.id)


if __name__ == "__main__":
    for one in LOCALES:
        waiting = update(one)
        if waiting:
            raise SystemExit(f"{waiting} sentences of pages wait for a translation in {LOCALE / one / CATALOGUE}.")
