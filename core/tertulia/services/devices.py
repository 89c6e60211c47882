"""Name the browser and the system that a request says it comes from, and tell no more of it."""

from __future__ import annotations

# the first that occurs counts: most browsers also name those that they once wished to be taken for
BROWSERS = {
    "Edg/": "Edge",
    "EdgA/": "Edge",
    "EdgiOS/": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "FxiOS/": "Firefox",
    "Firefox/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "CrOS": "Chromebook",
    "Macintosh": "Mac",
    "Linux": "Linux",
}
LONGEST = 1000


def named(user_agent: str) -> str:
    """Return a browser and a system, like "Firefox, Windows"; empty where neither is known."""
    text = user_agent[:LONGEST]
    found = (next((name for mark, name in known.items() if mark in text), "") for known in (BROWSERS, SYSTEMS))
    return ", ".join(filter(None, found))
