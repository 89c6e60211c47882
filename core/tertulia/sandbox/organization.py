"""A synthetic organization: invented people in real time zones, the same for the same seed, each with a temper.

By default a scale model of the pilot's hub company: employees in teams, and two and a half times as many freelancers.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from tertulia.domain.people import WorkerType
from tertulia.stage import Resident

CITIES = (
    ("Lisbon", "Europe/Lisbon", "pt"),
    ("Berlin", "Europe/Berlin", "de"),
    ("Valencia", "Europe/Madrid", "es"),
    ("Nairobi", "Africa/Nairobi", "sw"),
    ("Accra", "Africa/Accra", "en"),
    ("Pune", "Asia/Kolkata", "hi"),
    ("Cebu", "Asia/Manila", "en"),
    ("Osaka", "Asia/Tokyo", "ja"),
    ("Hobart", "Australia/Hobart", "en"),
    ("Montevideo", "America/Montevideo", "es"),
    ("Bogotá", "America/Bogota", "es"),
    ("Oaxaca", "America/Mexico_City", "es"),
)
NEAR, FAR = CITIES[:3], frozenset({"Cebu", "Osaka", "Hobart", "Oaxaca"})
"""Where most employees live; and where the hub's day is night."""
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
DRIFTING = "Bridges"
"""The team that drifts apart: from week to week it answers less, and is less happy."""
DOMAIN = "hub.example"
NOTE = "synthetic: invented people, for the sandbox only"
OUT_OF_REACH = 0.12
"""So many of the freelancers left no address: nobody can write to them unless they have an account somewhere."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """Hold how many people an organization has."""

    employees: int
    freelancers: int

    @classmethod
    def of(cls, people: int) -> Size:
        """Divide *people* as the pilot does."""
        employees = max(1, round(people * MODEL.employees / MODEL.people))
        return cls(employees=employees, freelancers=people - employees)

    @property
    def people(self) -> int:
        """Return the sum."""
        return self.employees + self.freelancers


MODEL, PILOT = Size(employees=68, freelancers=172), Size(employees=798, freelancers=2022)


@dataclass(frozen=True, kw_only=True)
class Temper:
    """Say how a person takes to questions.

    *answers* and *passes* are chances; of the answers each week takes *drift*. *mood* between 0 and 1 moves what is
    chosen on a scale. Who *stops* opts out of what comes after so many questions. On *board* it is answered where
    others read along, if there is a board; *late* is the chance that the first message is left lying.
    """

    answers: float
    passes: float
    late: float
    mood: float
    drift: float = 0.0
    stops: int | None = None
    board: bool = False
    joins: bool = True


@dataclass(frozen=True, kw_only=True)
class Inhabitant:
    """Hold one invented person: as platforms and the people's table know them, since when, and their temper.

    *reached* is false for who left no address.
    """

    resident: Resident
    languages: tuple[str, ...]
    tenure: timedelta
    temper: Temper
    reached: bool = True

    @property
    def fields(self) -> dict[str, str | None]:
        """Return the fields of the people's table."""
        one = self.resident
        return {
            "name": one.name,
            "email": one.email if self.reached else None,
            "zone": one.zone,
            "languages": ";".join(self.languages),
            "worker_type": one.worker_type,
            "team": one.team,
            "location": one.location,
        }


def inhabitants(size: Size, seed: int) -> list[Inhabitant]:
    """Invent the people of an organization, employees first, the same for the same *seed*."""
    draw = random.Random(seed)
    employees = [_inhabitant(draw, number, "employee") for number in range(1, size.employees + 1)]
    numbers = range(size.employees + 1, size.people + 1)
    return [*employees, *(_inhabitant(draw, number, "freelancer") for number in numbers)]


def _inhabitant(draw: random.Random, number: int, kind: WorkerType) -> Inhabitant:
    employed = kind == "employee"
    city, zone, language = draw.choice(NEAR if employed and draw.random() < 0.6 else CITIES)
    name = f"{draw.choice(GIVEN)} {draw.choice(FAMILY)}"
    # the first is you, who read the pages
    first = language if draw.random() < 0.3 and number > 1 else "en"
    resident = Resident(
        name=name,
        email=f"{name.split()[0].lower()}.{number}@{DOMAIN}",
        zone=zone,
        language=first,
        team=draw.choice(TEAMS),
        location=city,
        worker_type=kind,
    )
    tenure = timedelta(days=min(4000, int(draw.expovariate(1 / (900 if employed else 400))) + 3))
    return Inhabitant(
        resident=resident,
        languages=tuple(dict.fromkeys((first, "en", language))),
        tenure=tenure,
        temper=_temper(draw, resident),
        reached=employed or draw.random() >= OUT_OF_REACH,
    )


def _temper(draw: random.Random, resident: Resident) -> Temper:
    drifting = resident.team == DRIFTING
    sort = draw.random()
    answers = 0.97 if sort < 0.12 else 0.02 if sort < 0.22 else draw.betavariate(5, 2.5)
    if resident.worker_type != "employee":
        answers *= 0.75
    if resident.location in FAR:
        answers *= 0.7
    return Temper(
        answers=answers,
        passes=draw.betavariate(1, 8),
        late=draw.betavariate(2, 5),
        mood=min(1.0, max(0.0, draw.gauss(0.35 if drifting else 0.62, 0.15))),
        drift=0.16 if drifting else 0.0,
        stops=draw.randint(3, 9) if draw.random() < 0.04 else None,
        board=draw.random() < 0.6,
        joins=draw.random() < (0.7 if resident.worker_type == "employee" else 0.4),
    )
