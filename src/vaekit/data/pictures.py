"""A set of pictures: looked through before any is decoded, then decoded into memory or on demand."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vaekit.data.asked import FromFiles
from vaekit.data.blobs import Blobs
from vaekit.data.decoding import Header, Look, Unreadable, by_name, decode, header
from vaekit.data.domain import Fit
from vaekit.data.rows import Rows, fits, on_threads

__all__: list[str] = []

PICTURE_FILES = (".png", ".jpg", ".jpeg", ".webp")
LISTED, SIZES = 10, 3


@dataclass(frozen=True)
class Pictures(Rows):
    """Pictures that are decoded when they are asked for."""

    blobs: Blobs
    look: Look

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """(N, C, H, W)."""
        return (len(self.blobs), self.look.channels, *self.look.size)

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """8 bits."""
        return np.dtype(np.uint8)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The pictures at `rows`. Raises ValueError naming one that can no longer be read."""
        found = np.empty((len(rows), *self.shape[1:]), np.uint8)
        for at, row in enumerate(rows.tolist()):
            try:
                with self.blobs.open(row) as file:
                    found[at] = decode(file, self.look)
            except (OSError, Unreadable) as error:
                raise ValueError(f"{self.blobs.names[row]} cannot be read: {error}") from error
        return found


@dataclass(frozen=True)
class Seen:
    """Which pictures of a set can be read, decoded or not, and what is to be said of the others."""

    x: np.ndarray | Rows
    kept: np.ndarray
    look: Look
    notes: tuple[str, ...]


def look_through(blobs: Blobs, name: str, asked: FromFiles, look: Look | None = None) -> Seen:
    """The pictures in one look, decoded where they fit in memory.

    `look` is decided from the headers unless it is given. Raises ValueError for files that cannot be read, unless they
    are skipped, and for sizes that differ where none was asked for.
    """
    headers = headers_of(blobs)
    problems = {i: str(found) for i, found in enumerate(headers) if isinstance(found, Unreadable)}
    if len(problems) == len(blobs) or (problems and not asked.skip):
        raise ValueError(refusal(name, blobs.names, problems))
    sound = [found for found in headers if isinstance(found, Header)]
    if look is None:
        look = look_for(sound, name, asked)
    elif look.fit is None:
        one_size(sound, name, look.size)
    kept = np.array([i for i in range(len(blobs)) if i not in problems])
    x: np.ndarray | Rows = Pictures(blobs.select(kept.tolist()), look)
    if fits(x.nbytes, asked.memory):
        decoded, broken = decoded_whole(x)  # type: ignore[arg-type]
        problems |= {int(kept[i]): why for i, why in broken.items()}
        good = np.array([i for i in range(len(kept)) if i not in broken], dtype=int)
        if len(good) == 0 or (broken and not asked.skip):
            raise ValueError(refusal(name, blobs.names, problems))
        x, kept = (decoded[good] if broken else decoded), kept[good]
    return Seen(x, kept, look, (skipped(blobs.names, problems),) if problems else ())


def headers_of(blobs: Blobs) -> list[Header | Unreadable]:
    """Every file's header, or why it has none."""
    found: list[Header | Unreadable] = [Unreadable("not looked at")] * len(blobs)

    def look(rows: range) -> None:
        for i in rows:
            found[i] = header_of(blobs, i)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        on_threads(len(blobs), look)
    return found


def header_of(blobs: Blobs, i: int) -> Header | Unreadable:
    """One file's header, or why it has none."""
    try:
        with blobs.open(i) as file:
            return header(file)
    except Unreadable as error:
        return error
    except OSError as error:
        return Unreadable(error.strerror or str(error))


def decoded_whole(pictures: Pictures) -> tuple[np.ndarray, dict[int, str]]:
    """All pictures as one array, and why some rows of it are empty."""
    whole, broken = np.zeros(pictures.shape, np.uint8), dict[int, str]()

    def fill(rows: range) -> None:
        for i in rows:
            try:
                with pictures.blobs.open(i) as file:
                    whole[i] = decode(file, pictures.look)
            except (Unreadable, OSError) as error:
                broken[i] = str(error)

    on_threads(len(pictures), fill)
    return whole, dict(sorted(broken.items()))


def look_for(headers: Sequence[Header], name: str, asked: FromFiles) -> Look:
    """The look that was asked for, or that all pictures have."""
    channels = asked.channels or (1 if all(found.grey for found in headers) else 3)
    if asked.size is not None:
        return Look(channels, asked.size, asked.fit or Fit.CROP)
    return Look(channels, one_size(headers, name), None)


def one_size(headers: Sequence[Header], name: str, wanted: tuple[int, int] | None = None) -> tuple[int, int]:
    """The size of all pictures. Raises ValueError where there are several, or others than the one wanted."""
    sizes = Counter(found.size for found in headers)
    size = next(iter(sizes)) if wanted is None else wanted
    if set(sizes) == {size}:
        return size
    most = ", ".join(f"{n:,} of {by_name(found)}" for found, n in sizes.most_common(SIZES))
    rest = f" and {len(sizes) - SIZES} sizes more" if len(sizes) > SIZES else ""
    if wanted is not None:
        raise ValueError(f"{name}: pictures must have the size {by_name(size)}, got {most}{rest}")
    raise ValueError(
        f"{name}: pictures must have one size, got {len(sizes)} sizes ({most}{rest}): give size=, such as size=64"
    )


def refusal(name: str, names: Sequence[str], problems: dict[int, str]) -> str:
    """The sentence that lists what cannot be read."""
    count = "no file" if len(problems) == len(names) else f"{len(problems):,} of {len(names):,} files"
    cannot = "can be read as a picture" if len(problems) == len(names) else "cannot be read as pictures"
    return f"{name}: {count} {cannot}: {listing(names, problems)}; unreadable='skip' leaves such files out"


def skipped(names: Sequence[str], problems: dict[int, str]) -> str:
    """The note about what was left out."""
    return f"{len(problems):,} unreadable files skipped: {listing(names, problems)}"


def listing(names: Sequence[str], problems: dict[int, str]) -> str:
    """The first few by name, each with the reason, and how many there are besides."""
    first = [f"{names[i]} ({problems[i]})" for i in sorted(problems)[:LISTED]]
    more = len(problems) - len(first)
    return ", ".join(first) + (f" and {more:,} more" if more else "")
