"""Links into known music services: which they are, and what of a link is kept.

What is kept names a piece of music and nothing else: no parameter that tells who shared it, no page that leads on to
somewhere else. Shapes as the services' own share buttons write them (2026).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from tertulia.errors import Mistake
from tertulia.wording import words

LONGEST = 500
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
NAME = r"[A-Za-z0-9_-]{1,120}"


@dataclass(frozen=True)
class Service:
    """Name a service, its hosts (one that starts with a dot stands for all below it), and its paths to music.

    *keys* are the parameters that say which piece is meant; without the *needed* one the link leads to none.
    """

    name: str
    hosts: frozenset[str]
    path: re.Pattern[str]
    keys: tuple[str, ...] = ()
    needed: bool = False


def _service(name: str, hosts: str, path: str, keys: str = "", *, needed: bool = False) -> Service:
    return Service(name, frozenset(hosts.split()), re.compile(path), tuple(keys.split()), needed)


_YOUTUBE = "youtube.com www.youtube.com m.youtube.com music.youtube.com"
_AMAZON = " ".join(f"music.amazon.{end}" for end in ("com", "co.uk", "de", "fr", "es", "it", "co.jp", "in", "ca"))
SERVICES = (
    _service("Spotify", "open.spotify.com", rf"/(intl-[a-z]{{2}}/)?(track|album|playlist|episode|artist)/{NAME}"),
    _service("YouTube", _YOUTUBE, r"/(watch|playlist)", "v list", needed=True),
    _service("YouTube", _YOUTUBE, rf"/(shorts|live)/{NAME}"),
    _service("YouTube", "youtu.be", rf"/{NAME}"),
    _service(
        "Apple Music",
        "music.apple.com",
        r"/[a-z]{2}/(album|song|playlist|artist|music-video)/[A-Za-z0-9_.%/-]{1,200}",
        "i",
    ),
    _service("SoundCloud", "soundcloud.com www.soundcloud.com m.soundcloud.com", rf"/{NAME}/{NAME}(/{NAME})?"),
    _service("Bandcamp", ".bandcamp.com", rf"/(track|album)/{NAME}"),
    _service("Deezer", "deezer.com www.deezer.com", r"(/[a-z]{2})?/(track|album|playlist|artist)/\d{1,20}"),
    _service("Tidal", "tidal.com www.tidal.com listen.tidal.com", rf"(/browse)?/(track|album|playlist|mix)/{NAME}"),
    _service("Qobuz", "open.qobuz.com play.qobuz.com", rf"/(track|album|playlist)/{NAME}"),
    _service("Mixcloud", "mixcloud.com www.mixcloud.com", rf"/{NAME}/{NAME}"),
    _service("Amazon Music", _AMAZON, rf"/(albums|tracks|playlists)/{NAME}", "trackAsin"),
)
KNOWN = tuple(dict.fromkeys(service.name for service in SERVICES))


@dataclass(frozen=True)
class Song:
    """Hold a link as it is kept, and the name of its service."""

    link: str
    service: str


def read(given: str) -> Song:
    """Return what is kept of a link; raises `Mistake` for one that leads elsewhere than to music on a known host."""
    written = given.strip()
    if "://" not in written:
        written = f"https://{written}"
    try:
        parts = urlsplit(written)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise Mistake(_unknown()) from None
    plain = len(written) <= LONGEST and parts.scheme in ("https", "http") and port is None and "@" not in parts.netloc
    path = parts.path.rstrip("/")
    for service in SERVICES if plain else ():
        if _at_home(service, host) and service.path.fullmatch(path):
            kept = [(key, value) for key, value in parse_qsl(parts.query) if key in service.keys]
            asked = [(key, value) for key, value in kept if ID.fullmatch(value)]
            if asked or not service.needed:
                return Song(f"https://{host}{path}" + (f"?{urlencode(asked)}" if asked else ""), service.name)
    raise Mistake(_unknown())


def _at_home(service: Service, host: str) -> bool:
    if not re.fullmatch(r"[a-z0-9.-]{1,100}", host):
        return False
    return any(host.endswith(known) if known.startswith(".") else host == known for known in service.hosts)


def _unknown() -> str:
    say = words()
    return say(
        "This is no link to music on a service that we know; copy one from {services}.", services=", ".join(KNOWN)
    )
