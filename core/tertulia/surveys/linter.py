"""Look over a customer's own question: leading, double-barrelled, identifying, or somebody else's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Fault: TypeAlias = Literal["leading", "double", "identifying", "blocked", "long"]

LEADING = re.compile(
    r"\b(don'?t you|isn'?t it|wouldn'?t you|surely|obviously|of course|as everybody knows|how (great|wonderful|much "
    r"better)|do you agree that|everyone (knows|agrees)|amazing|fantastic|world-class)\b",
    re.IGNORECASE,
)
DOUBLE = re.compile(r"\b(and(/or)?|or|as well as|both|along with)\b|/", re.IGNORECASE)
JOINED = re.compile(
    r"\b(more or less|sooner or later|time and again|now and then|year and|friend or (family|colleague)|good and bad|"
    r"agree or disagree|pros and cons)\b",
    re.IGNORECASE,
)
IDENTIFYING = re.compile(
    r"\b(your (full )?name|who are you|e-?mail|phone|employee (number|id)|date of birth|how old|your age|job title|"
    r"which team|your manager'?s name|religion|pregnan\w*|diagnos\w*|trade union|ethnic\w*|sexual)\b",
    re.IGNORECASE,
)
BLOCKED: tuple[frozenset[str], ...] = tuple(
    frozenset(words.split())
    for words in (
        "best friend work",
        "know expected work",
        "materials equipment work right",
        "opportunity best every day",
        "seven days recognition praise",
        "supervisor cares person",
        "encourages development someone",
        "opinions seem count",
        "mission purpose job important",
        "committed quality work associates",
        "committed quality work coworkers",
        "six months talked progress",
        "opportunities learn grow year",
    )
)
"""By these words we know the items of an instrument whose owner goes to court; its wording is never asked here."""
LONGEST = 160


@dataclass(frozen=True)
class Finding:
    """Hold what is wrong with a question, and how to mend it; *refused* ones cannot be asked."""

    fault: Fault
    sentence: str
    refused: bool = False


def lint(question: str) -> tuple[Finding, ...]:
    """Return what is wrong with *question*, nothing where it may be asked as it is."""
    found = []
    words = frozenset(re.findall(r"[a-z]+", question.lower().replace("-", "")))
    if any(known <= words for known in BLOCKED):
        found.append(Finding("blocked", "This is another company's protected wording; ask in your own words.", True))
    if hit := IDENTIFYING.search(question):
        found.append(
            Finding("identifying", f"“{hit[0]}” asks who answers, or what no survey may know; leave it out.", True)
        )
    if hit := LEADING.search(question):
        found.append(Finding("leading", f"“{hit[0]}” suggests the answer; ask so that both ends are welcome."))
    if hit := DOUBLE.search(JOINED.sub("", question)):
        found.append(Finding("double", f"“{hit[0]}” asks two things at once; ask one, or make two questions."))
    if len(question) > LONGEST:
        found.append(Finding("long", f"The question has {len(question)} letters; {LONGEST} are read on a phone."))
    return tuple(found)
