"""What becomes of an uploaded file: our own JPEG without anything else in it, or a sentence."""

from __future__ import annotations

import io
import random
import struct
import zlib
from contextlib import suppress
from functools import cache

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from tertulia.errors import Mistake
from tertulia.services import pictures

SECRET = b"CANARY-IN-THE-FILE"


def written(picture: Image.Image, kind: str = "JPEG", **how: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def garden(width: int = 900, height: int = 600) -> Image.Image:
    """Draw something that is neither flat nor symmetric."""
    picture = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    picture.paste((200, 30, 30), (0, 0, width // 3, height // 3))
    return picture


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def bomb(side: int) -> bytes:
    """Return a PNG of some kilobytes that claims to be *side* pixels wide and high."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(100_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def with_position() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = SECRET.decode()
    exif[0x0112] = 6  # turned by a quarter
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return written(garden(), exif=exif, comment=SECRET)


def text_bomb() -> bytes:
    packed = zlib.compress(bytes(2_000_000), 9)
    plain = written(garden(20, 20), "PNG")
    return plain[:33] + chunk(b"zTXt", b"Comment\x00\x00" + packed) + plain[33:]


@cache
def hostile() -> dict[str, bytes]:
    """Return files that claim to be pictures and are none that can be shown."""
    whole = written(garden())
    return {
        "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "html as png": b"\x89PNG\r\n\x1a\n<!doctype html><script>alert(1)</script>",
        "html": b"<!doctype html><title>x</title>",
        "gif": written(garden(10, 10), "GIF"),
        "tiff": written(garden(10, 10), "TIFF"),
        "pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage",
        "truncated jpeg": whole[: len(whole) // 2],
        "truncated png": written(garden(), "PNG")[:-400],
        "header only": whole[:20],
        "bomb": bomb(30_000),
        "narrow bomb": bomb(1)[:16] + struct.pack(">II", 1_000_000, 2) + bomb(1)[24:],
        "warned bomb": bomb(10_000),
        "text bomb": text_bomb(),
        "empty claim": bomb(0),
        "one byte": b"\xff",
    }


@pytest.mark.parametrize("name", list(hostile()))
def test_what_is_no_picture_is_a_sentence(name: str) -> None:
    with pytest.raises(Mistake) as caught:
        pictures.render(hostile()[name])
    assert str(caught.value) in (pictures.NO_PICTURE, pictures.TOO_LARGE)


def test_what_is_too_heavy_is_not_even_looked_at() -> None:
    with pytest.raises(Mistake, match="larger than 12 MB"):
        pictures.render(bytes(pictures.LARGEST + 1))


def check_clean(body: bytes) -> Image.Image:
    assert SECRET not in body
    for mark in (b"Exif", b"http://ns.adobe.com", b"ICC_PROFILE", b"<script", b"PK\x03\x04", b"\x89PNG"):
        assert mark not in body
    shown = Image.open(io.BytesIO(body), formats=("JPEG",))
    shown.load()
    assert not shown.getexif()
    assert set(shown.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    return shown


@cache
def polyglots() -> dict[str, bytes]:
    """Return pictures that are something else besides."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta>{SECRET.decode()}</x:xmpmeta>")
    info.add_text("Comment", SECRET.decode())
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "position": with_position(),
        "jpeg and html": written(garden()) + b"<script>alert(1)</script>" + SECRET,
        "jpeg and zip": written(garden()) + b"PK\x03\x04" + SECRET,
        "png with words": written(garden(), "PNG", pnginfo=info),
        "webp with words": written(garden(), "WEBP", exif=b"Exif\x00\x00" + SECRET, xmp=SECRET),
        "with a profile": written(garden(), icc_profile=profile),
    }


@pytest.mark.parametrize("name", list(polyglots()))
def test_nothing_but_the_pixels_is_left(name: str) -> None:
    for rendition in pictures.render(polyglots()[name]):
        shown = check_clean(rendition.body)
        assert shown.size == (rendition.width, rendition.height)


def test_sizes_orientation_and_transparency() -> None:
    full, small = pictures.render(with_position())
    assert (full.width, full.height) == (600, 900)
    assert (small.width, small.height) == (320, 480)
    upright = Image.open(io.BytesIO(full.body)).convert("RGB")
    red = upright.getpixel((590, 10))
    assert isinstance(red, tuple)
    assert red[0] > 150 > red[1]
    clear = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    seen = Image.open(io.BytesIO(pictures.render(written(clear, "PNG"))[0].body)).convert("RGB")
    assert seen.getpixel((30, 20)) == (255, 255, 255)
    assert pictures.render(written(garden(4000, 1000)))[0].width == 1600
    palette = garden(50, 50).convert("P")
    assert pictures.render(written(palette, "PNG"))[0].width == 50
    assert pictures.render(written(garden(50, 50).convert("CMYK")))[0].width == 50
    assert pictures.render(written(Image.new("I;16", (50, 50), 60_000), "PNG"))[0].width == 50


def test_altered_files_are_a_picture_or_a_sentence_and_nothing_else() -> None:
    seeds = random.Random(20261122)
    originals = [written(garden(60, 40), kind) for kind in ("JPEG", "PNG", "WEBP")]
    for _ in range(150):
        body = bytearray(seeds.choice(originals))
        for _ in range(seeds.randint(1, 8)):
            body[seeds.randrange(len(body))] = seeds.randrange(256)
        with suppress(Mistake):
            check_clean(pictures.render(bytes(body))[0].body)
