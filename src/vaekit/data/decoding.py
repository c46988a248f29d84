"""One picture: from a file's bytes to channels, height and width in 8 bits, or a reason why not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from vaekit.data.domain import Fit

__all__: list[str] = []

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_PIXELS = 64_000_000
TAIL = 1024  # bytes at the end of a file in which its end is looked for
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N", "F")
SIXTEEN_BITS = ("I", "I;16", "I;16L", "I;16B", "I;16N")
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)
TURNING = ("exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp")
FILTER = Image.Resampling.BICUBIC


class Unreadable(ValueError):
    """A file that is no picture that can be read; says why in a few words."""


@dataclass(frozen=True)
class Look:
    """What every picture of a set is made into: channels, and a (height, width) reached by `fit`, where it is given."""

    channels: int
    size: tuple[int, int]
    fit: Fit | None


@dataclass(frozen=True)
class Header:
    """What a picture's header says: (height, width) as it is looked at, and whether it is grey."""

    size: tuple[int, int]
    grey: bool


def decode(file: BinaryIO, look: Look) -> np.ndarray:
    """The picture as `look` wants it: (C, H, W) uint8. Raises Unreadable."""
    with opened(file) as image:
        image = fitted(upright(image, look), look)
        mode = "L" if look.channels == 1 else "RGB"
        pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    if pixels.shape[:2] != look.size:
        raise Unreadable(f"it has {by_name(pixels.shape[:2])} pixels and not {by_name(look.size)}")
    return pixels[None] if look.channels == 1 else pixels.transpose(2, 0, 1)


def header(file: BinaryIO) -> Header:
    """Size and colour from the header, once the check sums of a PNG's parts have been seen to be right.

    A file whose end is missing is decoded to be sure; the body of any other is not looked at. Raises Unreadable.
    """
    with opened(file) as image:
        width, height = image.size
        turned = may_be_turned(image) and image.getexif().get(ORIENTATION) in TURNED
        found = Header((width, height) if turned else (height, width), image.mode in GREY_MODES)
        if not ends_as_it_should(file, str(image.format)):
            image.load()
        elif image.format == "PNG":
            image.verify()
        return found


@contextmanager
def opened(file: BinaryIO) -> Iterator[Image.Image]:
    """The picture in a file, its header read. Whatever a broken file makes Pillow raise is Unreadable."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Unreadable(f"{image.width:,} x {image.height:,} pixels are more than {MOST_PIXELS:,}")
            yield image
    except Unreadable:
        raise
    except Image.DecompressionBombError as error:
        raise Unreadable(f"more than {MOST_PIXELS:,} pixels") from error
    except Image.UnidentifiedImageError as error:
        raise Unreadable("not a PNG, JPEG or WebP picture") from error
    except Exception as error:
        raise Unreadable(" ".join(str(error).split()) or type(error).__name__) from error


def ends_as_it_should(file: BinaryIO, kind: str) -> bool:
    """Whether the last bytes are those of a whole file; leaves the position where it was."""
    at = file.tell()
    length = file.seek(0, 2)
    file.seek(max(0, length - TAIL))
    tail = file.read(TAIL)
    file.seek(0)
    start = file.read(12)
    file.seek(at)
    if kind == "WEBP":
        return int.from_bytes(start[4:8], "little") + 8 <= length
    return (b"IEND" if kind == "PNG" else b"\xff\xd9") in tail


def may_be_turned(image: Image.Image) -> bool:
    """Whether the file holds anything that can say how the picture is to be turned."""
    return any(name in image.info for name in TURNING)


def upright(image: Image.Image, look: Look) -> Image.Image:
    """The picture turned as its EXIF says, in 8 bits of grey or colour, what is transparent on white."""
    if look.fit is not None and image.format == "JPEG":
        side = 2 * max(look.size)
        image.draft(None, (side, side))
    image.load()
    if may_be_turned(image):
        image = ImageOps.exif_transpose(image)
    if image.mode in SIXTEEN_BITS:
        return eight_bits(image)
    if image.has_transparency_data:
        over = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode in GREY_MODES else "RGB")


def eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey as 8 bits: value / 257 rounded."""
    values = np.asarray(image).astype(np.int64).clip(0, 65535)
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def fitted(image: Image.Image, look: Look) -> Image.Image:
    """The picture in the wanted size."""
    height, width = look.size
    if look.fit is None or image.size == (width, height):
        return image
    if look.fit is Fit.CROP:
        return ImageOps.fit(image, (width, height), FILTER)
    if look.fit is Fit.PAD:
        return ImageOps.pad(image, (width, height), FILTER)
    return image.resize((width, height), FILTER)


def by_name(size: tuple[int, ...]) -> str:
    """(480, 640) as people say it: 640x480."""
    return f"{size[1]}x{size[0]}"
