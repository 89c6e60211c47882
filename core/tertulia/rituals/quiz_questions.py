"""The bank of quiz questions: ten topics, drawn evenly, with the right answers spread over all positions."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tertulia.domain.identifiers import Json

OPTIONS = 4


@dataclass(frozen=True, kw_only=True)
class Question:
    """Hold a question of the bank; the first of its *options* is the right one."""

    id: str
    topic: str
    text: str
    options: tuple[str, ...]
    why: str


@cache
def topics() -> tuple[str, ...]:
    """Return the names of the topics, in order."""
    folder = files("tertulia.rituals").joinpath("quiz_bank")
    return tuple(sorted(one.name.removesuffix(".toml") for one in folder.iterdir() if one.name.endswith(".toml")))


@cache
def bank() -> tuple[Question, ...]:
    """Return all questions."""
    found: list[Question] = []
    for topic in topics():
        source = files("tertulia.rituals").joinpath("quiz_bank", f"{topic}.toml").read_text(encoding="utf-8")
        for entry in tomllib.loads(source)["questions"]:
            found.append(Question(**{**entry, "options": tuple(entry["options"])}, topic=topic))
    return tuple(found)


def drawn(chosen: Collection[str], count: int, used: Sequence[str], seed: int) -> tuple[Question, ...]:
    """Return *count* questions of the topics *chosen*, each as often as can be; none twice before all were asked."""
    last = {item: place for place, item in enumerate(used, start=1)}
    fitting = [one for one in bank() if one.topic in chosen]
    # those never asked come first, then those asked longest ago
    fitting.sort(key=lambda one: (last.get(one.id, 0), _hash(seed, one.id)))
    fresh = [one for one in fitting if one.id not in last]
    pool = fresh if len(fresh) >= count else fitting[:count]
    rank: dict[str, int] = {}
    turns: list[tuple[int, bytes, Question]] = []
    for one in pool:
        rank[one.topic] = rank.get(one.topic, 0) + 1
        turns.append((rank[one.topic], _hash(seed, one.topic), one))
    turns.sort(key=lambda turn: (turn[0], turn[1]))
    return tuple(question for _, _, question in turns[:count])


def laid_out(questions: Sequence[Question], seed: int) -> list[Json]:
    """Return the questions as a round keeps them: options shuffled, each position right as often, or once more."""
    laid: list[Json] = []
    for number, one in enumerate(questions):
        block, place = divmod(number, OPTIONS)
        order = sorted(range(OPTIONS), key=lambda position: _hash(seed, f"{block}:{position}"))
        right = order[place]
        wrong = sorted(one.options[1:], key=lambda option: _hash(seed, f"{one.id}:{option}"))
        options = [*wrong[:right], one.options[0], *wrong[right:]]
        asked = {"id": one.id, "topic": one.topic, "text": one.text, "why": one.why}
        laid.append({**asked, "options": options, "right": right})
    return laid


def _hash(seed: int, text: str) -> bytes:
    return hashlib.sha256(f"{seed}:{text}".encode()).digest()
