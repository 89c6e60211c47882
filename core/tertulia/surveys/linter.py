"""Look over a customer's own question: leading, double-barrelled, identifying, or somebody else's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Fault: TypeAlias = Literal["leading", "double", "identifying", "blocked", "long"]


def _phrases(*phrases: str) -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(phrases)})\b", re.IGNORECASE)


LEADING = _phrases(
    "(don|isn|aren|wouldn|didn)['’]?t (you|it|they)",
    "surely|obviously|clearly|of course|always|never",
    "as (everybody|everyone|we all) knows?",
    "everyone (knows|agrees)",
    "most (people|colleagues) (think|agree|say)",
    "experts? (say|agree)",
    "how (great|wonderful|good|much better|bad|terrible)",
    "how much d(o|id) you (love|like|enjoy|appreciate|hate)",
    "(do|would) you agree( that)?|you must",
    "amazing|fantastic|excellent|wonderful|world-class|awful|terrible",
)
DOUBLE = re.compile(r"\b(and(/or)?|or|as well as|both|along with|plus|while also|but)\b|[/&;]", re.IGNORECASE)
JOINED = _phrases(
    "more or less|sooner or later|one or two|yes or no|yes/no|or not|if and when|24/7",
    "time and again|now and then|again and again|year and|back and forth|give and take|up and running",
    "friends? or (family|colleagues?)|family and friends",
    "good and bad|black and white|pros and cons|agree or disagree",
    "health and safety|diversity and inclusion|research and development|terms and conditions",
)
"""These join words without asking two things."""
PERSON = "(manager|boss|supervisor|lead|colleague)"
IDENTIFYING = _phrases(
    r"(your|full|first|last) ?names?|surname|who are you|e-?mail|phone|birthday|(date|year|place) of birth",
    "(employee|staff|personnel) (number|id)|job title|works council member|trade union",
    "how old|your (own )?age|since when do you work|when did you (join|start)",
    "your (exact )?(role|position|salary|pay grade|address|gender|sex|nationality|partner)",
    "which (team|department|office|site) (are|do|is)",
    rf"your {PERSON}['’]?s? name|names? of your {PERSON}s?|name your {PERSON}s?",
    r"religio\w*|ethnic\w*|skin colou?r|sexual\w*|political (party|views?)|criminal record",
    r"pregnan\w*|diagnos\w*|disab\w*|disease|illness|medication|therapy",
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
        "bursting energy work",
        "enthusiastic about job",
        "immersed work",
        "cheerful good spirits",
        "calm relaxed felt",
        "active vigorous felt",
        "woke fresh rested",
        "daily life filled interest",
        "lack companionship",
        "feel isolated others",
        "how often left out",
    )
)
"""By these words we know items whose owners go to court, or let nobody ask them for money; none is asked here."""
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
        found.append(Finding("blocked", "This is somebody else's protected wording; ask in your own words.", True))
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


def checked(question: str) -> str:
    """Return *question* where it may be asked; raises `ValueError` with the sentence that refuses it."""
    for finding in lint(question):
        if finding.refused:
            raise ValueError(finding.sentence)
    return question
