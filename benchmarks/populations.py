"""Invented organisations and matrices for the matching benchmark, after the instances that the facts describe."""

from __future__ import annotations

from datetime import date, time, timedelta

import numpy as np

from tertulia.matching import Guest, Past

WEEK = date(2026, 11, 23)
ZONES = (
    *("America/Los_Angeles", "America/Denver", "America/Chicago", "America/New_York", "America/Sao_Paulo"),
    *("Europe/London", "Europe/Berlin", "Europe/Athens", "Europe/Istanbul", "Asia/Dubai"),
    *("Asia/Karachi", "Asia/Kolkata", "Asia/Dhaka", "Asia/Manila", "Australia/Sydney"),
)
LANGUAGES = ("es", "pt", "fr", "de", "uk", "hi")


def organisation(count: int, seed: int) -> tuple[list[Guest], Past]:
    """Make an organisation: a fifth employees, 15 zones, teams of 15, 8 % by notes, lists, ties, 52 past mates."""
    chance = np.random.default_rng(seed)
    ids = [f"{number:032x}" for number in range(count)]
    lists: list[set[str]] = [set() for _ in ids]
    for one, other in chance.integers(0, count, (count // 2, 2)):
        if one != other:
            lists[one].add(ids[other])
    guests = [_guest(ids[number], frozenset(lists[number]), count, chance) for number in range(count)]
    return guests, Past(met=_met(ids, chance), ties=_ties(guests, chance))


def _guest(name: str, avoid: frozenset[str], count: int, chance: np.random.Generator) -> Guest:
    employee = chance.random() < 0.21
    spoken = ["en"] if chance.random() < 0.93 else []
    if not spoken or chance.random() < 0.3:
        spoken.append(LANGUAGES[chance.integers(len(LANGUAGES))])
    start = int(chance.integers(7, 12))
    zone = int(chance.integers(len(ZONES)))
    return Guest(
        id=name,
        team=f"team {chance.integers(max(1, count // 15))}",
        city=f"{ZONES[zone]} {chance.integers(4)}",
        worker="employee" if employee else "freelancer",
        zone=ZONES[zone],
        start=time(start),
        end=time(start + 8),
        languages=tuple(spoken),
        joined=WEEK - timedelta(days=int(chance.gamma(1.5, 500))),
        asynchronous=bool(chance.random() < 0.08),
        avoid=avoid,
    )


def _met(ids: list[str], chance: np.random.Generator) -> dict[frozenset[str], int]:
    met = {}
    for age in range(1, 53):
        order = chance.permutation(len(ids))
        for one, other in zip(order[::2], order[1::2], strict=False):
            met.setdefault(frozenset((ids[one], ids[other])), age)
    return met


def _ties(guests: list[Guest], chance: np.random.Generator) -> dict[frozenset[str], float]:
    """Tie everybody to about six in the own team and two elsewhere."""
    teams: dict[str | None, list[str]] = {}
    for guest in guests:
        teams.setdefault(guest.team, []).append(guest.id)
    ties = {}
    for guest in guests:
        mates = teams[guest.team]
        near = [mates[place] for place in chance.integers(0, len(mates), 3)]
        far = [guests[place].id for place in chance.integers(0, len(guests), 1)]
        for other in {*near, *far} - {guest.id}:
            ties[frozenset((guest.id, other))] = float(chance.integers(1, 8))
    return ties


def uniform(count: int, seed: int) -> np.ndarray:
    """Make a symmetric matrix of independent random values."""
    values = np.triu(np.random.default_rng(seed).random((count, count)), 1)
    return values + values.T


def embedding(count: int, seed: int) -> np.ndarray:
    """Make one minus the cosine of random points in 16 dimensions: who is far apart suits each other."""
    points = np.random.default_rng(seed).normal(size=(count, 16))
    points /= np.linalg.norm(points, axis=1)[:, None]
    values = (1 - points @ points.T) / 2
    np.fill_diagonal(values, 0)
    return values
