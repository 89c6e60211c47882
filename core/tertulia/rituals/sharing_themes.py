"""What a sharing can be about, and themes to begin with: nobody needs money, a garden or a good day for one."""

from __future__ import annotations

from typing import Literal

from tertulia.wording import Words

About = Literal["playlist", "photos", "pets", "desks", "recipes"]

PHOTOS = (
    "Something blue",
    "The view from where you sit",
    "A door you like",
    "The oldest thing on your table",
    "Something round",
    "Your sky today",
    "A corner of your street",
    "A shadow",
    "Something that makes a good sound",
    "Hand-written",
    "A mug or a glass with a story",
    "Something that grows",
    "The way to work, however short",
    "Two colours that get on well",
    "A sign that made you smile",
    "Something repaired",
    "Water",
    "A window",
    "Something tiny, very close",
    "The tool you would miss most",
    "Steps and stairs",
    "Something you found",
    "Light after dark",
    "A quiet place",
)
PLAYLISTS = (
    "A song to start a Monday with",
    "Music that nobody sings to",
    "A song in a language you do not speak",
    "Something to wash the dishes to",
    "A song from where you grew up, or from where you feel at home",
    "What you listen to when you need to think",
    "A song that is older than you are",
    "A cover that beats the original",
    "Music for a train window",
    "A song you heard first from a friend",
    "Something slow",
    "A song that should be louder",
)
ABOUTS: tuple[About, ...] = ("playlist", "photos", "pets", "desks", "recipes")
BANKS: dict[About, tuple[str, ...]] = {"playlist": PLAYLISTS, "photos": PHOTOS}
"""Themes to go through in turn; what is not in it has none."""


def asks(about: About, say: Words) -> str:
    """Return the question."""
    match about:
        case "playlist":
            return say("Add a song to this week's playlist.")
        case "photos":
            return say("Take a picture, or tell in words what you would take one of.")
        case "pets":
            return say("Who keeps you company? Share a picture of an animal that you like, or tell about it.")
        case "desks":
            return say("Where do you work today? Share a picture of your desk as it is, or tell what is on it.")
        case "recipes":
            return say("Share a recipe: something for when nobody has time, or for when everybody has.")


def title(about: About, say: Words) -> str:
    """Return what a wall of the gallery without a theme is called."""
    names: dict[About, str] = {
        "playlist": say("Songs"),
        "photos": say("Photos"),
        "pets": say("Animals"),
        "desks": say("Desks"),
        "recipes": say("Recipes"),
    }
    return names[about]
