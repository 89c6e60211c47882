"""Write a day as people of a language do."""

from __future__ import annotations

from datetime import date

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton


def in_full(day: date, language: str) -> str:
    """Return the day with its year, like “23 December 2026”."""
    return format_date(day, "d MMMM y" if _locale(language).language == "en" else "long", locale=_locale(language))


def of_the_week(day: date, language: str) -> str:
    """Return the day with its name and without a year, like “Sunday, 29 November”."""
    locale = _locale(language)
    of_month = (
        format_date(day, "d MMMM", locale)
        if locale.language == "en"
        else format_skeleton("MMMMd", day, locale=locale)
    )
    return f"{format_date(day, 'EEEE', locale)}, {of_month}"


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language.partition("-")[0].lower())
    except (ValueError, UnknownLocaleError, TypeError):
        return Locale("en")
