"""Make of an uploaded file a picture of our own: decoded within limits, turned upright, made smaller, encoded anew.

Nothing of the file itself is kept: no metadata, no second format hidden in it, no colour profile. What cannot be
decoded whole is refused with a sentence. Pillow's own guard against decompression bombs only warns below twice its
limit, so the size that a header claims is checked before a pixel is decoded.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

from PIL import Image, ImageOps

from tertulia.errors import Mistake

Size: TypeAlias = Literal["full", "small"]
LARGEST = 12 * 1024 * 1024
"""Bytes of an uploaded file."""
MOST_PIXELS = 50_000_000
LONGEST_SIDE = 16_000
FORMATS = ("JPEG", "PNG", "WEBP")
EDGES: dict[Size, int] = {"full": 1600, "small": 480}
"""Pixels of the longer side."""
QUALITY = 82
GROUND = (255, 255, 255)
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    IndexError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises for files that are cut, altered or made to harm."""
NO_PICTURE = "This file is not a picture that can be shown; choose a whole JPEG, PNG or WebP file."
TOO_LARGE = f"This picture has more than {MOST_PIXELS // 1_000_000} million pixels; make it smaller first."
TOO_HEAVY = f"This file is larger than {LARGEST // 1024 // 1024} MB; make the picture smaller first."


@dataclass(frozen=True)
class Rendition:
    """Hold a picture as JPEG, in one size."""

    size: Size
    width: int
    height: int
    body: bytes


def render(uploaded: bytes) -> tuple[Rendition, ...]:
    """Return *uploaded* in all our sizes, the larger first; raises `Mistake` with a sentence for whoever sent it.

    Takes a second and a few hundred megabytes for the largest pictures: call it in a thread, few at a time.
    """
    if len(uploaded) > LARGEST:
        raise Mistake(TOO_HEAVY)
    try:
        whole = _decoded(uploaded)
        return tuple(_encoded(whole, size, edge) for size, edge in EDGES.items())
    except UNREADABLE as error:
        raise Mistake(NO_PICTURE) from error


def _decoded(uploaded: bytes) -> Image.Image:
    with Image.open(io.BytesIO(uploaded), formats=FORMATS) as opened:
        width, height = opened.size
        if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
            raise Mistake(TOO_LARGE)
        # a JPEG is decoded at a half, a quarter or an eighth where that is still large enough
        opened.draft("RGB", (EDGES["full"], EDGES["full"]))
        opened.load()
        upright = _upright(opened)
        upright.thumbnail((EDGES["full"], EDGES["full"]), Image.Resampling.LANCZOS)
        return _flat(upright)


def _upright(picture: Image.Image) -> Image.Image:
    """Turn the picture as its camera noted; where that note is damaged, leave it as it lies."""
    try:
        return ImageOps.exif_transpose(picture)
    except UNREADABLE:
        return picture.copy()


def _flat(picture: Image.Image) -> Image.Image:
    """Put what is transparent before a white ground, and drop all that is not pixels."""
    flat = Image.new("RGB", picture.size, GROUND)
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        flat.paste(seen, mask=seen.getchannel("A"))
    else:
        flat.paste(picture.convert("RGB"))
    return flat


def _encoded(whole: Image.Image, size: Size, edge: int) -> Rendition:
    scaled = whole.copy()
    scaled.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    scaled.save(written, "JPEG", quality=QUALITY, optimize=True, exif=b"", icc_profile=None, comment=b"")
    return Rendition(size, *scaled.size, written.getvalue())
