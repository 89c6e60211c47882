"""Which links are music on a known service, and what is left of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.errors import Mistake
from tertulia.rituals import music

KEPT = {
    "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=who-shared-it": (
        "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC",
        "Spotify",
    ),
    "open.spotify.com/intl-de/album/1DFixLWuPkv3KT3TnV35m3": (
        "https://open.spotify.com/intl-de/album/1DFixLWuPkv3KT3TnV35m3",
        "Spotify",
    ),
    "http://WWW.YouTube.com/watch?v=dQw4w9WgXcQ&t=43&feature=share": (
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "YouTube",
    ),
    "https://youtu.be/dQw4w9WgXcQ?si=me": ("https://youtu.be/dQw4w9WgXcQ", "YouTube"),
    "https://music.apple.com/de/album/some-name/1440857781?i=1440857795&ls": (
        "https://music.apple.com/de/album/some-name/1440857781?i=1440857795",
        "Apple Music",
    ),
    "https://artist-name.bandcamp.com/track/a-song/": ("https://artist-name.bandcamp.com/track/a-song", "Bandcamp"),
    "https://soundcloud.com/artist/song?utm_source=x#t=1:00": ("https://soundcloud.com/artist/song", "SoundCloud"),
    "https://www.deezer.com/fr/track/3135556": ("https://www.deezer.com/fr/track/3135556", "Deezer"),
}
REFUSED = (
    "",
    "a song",
    "javascript:alert(1)",
    "https://example.org/track/1",
    "https://open.spotify.com.example.org/track/4uLU6hMCjMI75M1A2tKUQC",
    "https://example.org/open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC",
    "https://open.spotify.com@example.org/track/4uLU6hMCjMI75M1A2tKUQC",
    "https://open.spotify.com:8443/track/4uLU6hMCjMI75M1A2tKUQC",
    "https://me:secret@open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC",
    "https://open.spotify.com/user/somebody",
    "https://www.youtube.com/redirect?q=https://example.org",
    "https://www.youtube.com/watch?feature=share",
    "https://www.youtube.com/watch?v=%22%3E%3Cscript%3E",
    "https://bandcamp.com/track/a",
    "https://evilbandcamp.com/track/a",
    "https://x.bandcamp.com/track/../../logout",
    "ftp://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC",
    "https://open.spotify.com/track/" + "a" * 600,
    "https://[::1/track/1",
    "https://open.spotify.com:x/track/1",
)


@pytest.mark.parametrize(("given_", "kept"), KEPT.items())
def test_a_link_to_music_is_kept_without_who_shared_it(given_: str, kept: tuple[str, str]) -> None:
    assert music.read(given_) == music.Song(*kept)
    assert music.read(kept[0]) == music.Song(*kept)


@pytest.mark.parametrize("given_", REFUSED)
def test_every_other_link_is_a_mistake(given_: str) -> None:
    with pytest.raises(Mistake, match="copy one from Spotify, YouTube"):
        music.read(given_)


@settings(deadline=None, max_examples=60)
@given(tail=st.text(max_size=40), host=st.sampled_from(["open.spotify.com", "www.youtube.com", "x.bandcamp.com"]))
def test_whatever_is_kept_stays_on_its_host_and_is_plain(tail: str, host: str) -> None:
    try:
        kept = music.read(f"https://{host}/{tail}").link
    except Mistake:
        return
    assert kept.startswith(f"https://{host}/")
    assert kept.isascii()
    assert not set(kept) & set(" \"'<>()[]\\`{}|")
