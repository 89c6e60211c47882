"""A synthetic organization: invented people in real time zones, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

CITIES = (
    ("Lisbon", "Europe/Lisbon", "pt"),
    ("Berlin", "Europe/Berlin", "de"),
    ("Valencia", "Europe/Madrid", "es"),
    ("Tallinn", "Europe/Tallinn", "et"),
    ("Nairobi", "Africa/Nairobi", "sw"),
    ("Accra", "Africa/Accra", "en"),
    ("Pune", "Asia/Kolkata", "hi"),
    ("Kathmandu", "Asia/Kathmandu", "ne"),
    ("Cebu", "Asia/Manila", "en"),
    ("Osaka", "Asia/Tokyo", "ja"),
    ("Hobart", "Australia/Hobart", "en"),
    ("Montevideo", "America/Montevideo", "es"),
    ("Bogotá", "America/Bogota", "es"),
    ("Halifax", "America/Halifax", "en"),
    ("Tucson", "America/Phoenix", "en"),
    ("Oaxaca", "America/Mexico_City", "es"),
)
# fmt: off
GIVEN = (
    "Ada", "Amir", "Ana", "Aroha", "Ben", "Bilal", "Carla", "Chidi",
    "Dana", "Diego", "Ela", "Emeka", "Fatou", "Felix", "Gita", "Hana",
    "Hugo", "Ines", "Iris", "Jonas", "Kaito", "Kemi", "Lena", "Luca",
    "Maya", "Mira", "Nadia", "Nils", "Noor", "Olga", "Omar", "Pia",
    "Quinn", "Rosa", "Ravi", "Sana", "Tariq", "Tove", "Uma", "Yara",
)
FAMILY = (
    "Abara", "Bauer", "Castro", "Duarte", "Eklund", "Farah", "Gomes", "Haddad",
    "Ibarra", "Jansen", "Kimura", "Lindt", "Moreau", "Nkosi", "Okafor", "Pereira",
    "Quiroga", "Rahman", "Silva", "Tanaka", "Usman", "Vidal", "Weber", "Xu",
    "Yilmaz", "Zamora",
)
# fmt: on
TEAMS = ("Platform", "Research", "Stories", "Care", "Studio", "Bridges")
EMPLOYEES = 0.28
"""The pilot has 798 employees among 2,820 people."""

NOTE = "synthetic: invented people, for the sandbox only"


@dataclass(frozen=True, kw_only=True)
class Resident:
    """Hold one invented person: the fields of the people's table, and how they take to invitations."""

    fields: dict[str, str | None]
    answers: float
    passes: float


def residents(count: int, seed: int) -> Iterator[Resident]:
    """Invent *count* people, the same for the same *seed*; e-mail addresses are under `.example`."""
    draw = random.Random(seed)
    for number in range(1, count + 1):
        city, zone, language = draw.choice(CITIES)
        name = f"{draw.choice(GIVEN)} {draw.choice(FAMILY)}"
        languages = "en" if language == "en" else f"{language};en" if draw.random() < 0.3 else f"en;{language}"
        yield Resident(
            fields={
                "name": name,
                "email": f"{name.split()[0].lower()}.{number}@hub.example",
                "zone": zone,
                "languages": languages,
                "worker_type": "employee" if draw.random() < EMPLOYEES else "freelancer",
                "team": draw.choice(TEAMS),
                "location": city,
            },
            answers=draw.betavariate(4, 2),
            passes=draw.betavariate(1, 8),
        )
