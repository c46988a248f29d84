"""Arrays in .npy and .npz files: read whole where they fit, else mapped and read by row. Nothing pickled is read."""

import itertools
import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from vaekit.data.bits import Bits, packed
from vaekit.data.factors import NAMES, TABLES, factors_in
from vaekit.data.rows import GIB, Rows, fits
from vaekit.data.sources import Examples, Found, as_array
from vaekit.data.values import Values

__all__: list[str] = []

ARRAY_FILES = (".npy", ".npz")
KEYS = {"x": ("x", "images", "imgs"), "labels": ("y", "labels"), "context": ("context",), "lengths": ("lengths",)}
KNOWN = {*itertools.chain(*KEYS.values()), *TABLES, NAMES}
BROKEN = (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError)
LOCAL_HEADER = 30  # bytes of a zip member's own header before its name


@dataclass(frozen=True)
class Mapped(Rows):
    """An array in a file, mapped anew for every read, so that what was read does not stay in memory."""

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype
    order: Any

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The examples at `rows`, copied."""
        try:
            mapped = np.memmap(self.path, self.dtype, "r", self.offset, self.shape, self.order)
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.path} can no longer be read as it was when it was opened: {error}") from error
        return np.array(mapped[rows])


def from_file(path: Path, memory: float) -> Found:
    """The array of an .npy, or those called x, y, context, lengths and factors of an .npz (imgs and latents_classes of
    dSprites); x is mapped beyond `memory` GiB.
    """
    loaded = contents(path, memory)
    if not isinstance(loaded, dict):
        return Found(path.stem, Examples(loaded))
    if len(loaded) == 1:
        return Found(path.stem, Examples(next(iter(loaded.values()))))
    by_role = {role: named(loaded, names) for role, names in KEYS.items()}
    x = by_role["x"]
    if x is None:
        raise ValueError(f"{path} must hold one array or one called x, got {sorted(loaded)}")
    labels, context, lengths = (whole(by_role[role], role, path) for role in ("labels", "context", "lengths"))
    known = factors_in(loaded, str(path))
    examples = Examples(x, labels, context, lengths, factors=None if known is None else known[0])
    return Found(
        path.stem,
        examples,
        values=Values(0, 1, True, True) if isinstance(x, Bits) else None,
        labels_from=None if labels is None else "y",
        timed=lengths is not None,
        factors=None if known is None else known[1],
    )


def contents(path: Path, memory: float) -> np.ndarray | Rows | dict[str, np.ndarray | Rows]:
    """What the file holds: an array, or arrays by name."""
    if not path.is_file():
        raise ValueError(f"source must name a file that is there, got {path}")
    try:
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                return members(path, memory)
            return one_array(path, file, 0, path.stat().st_size, memory)
    except BROKEN as error:
        raise ValueError(f"{path} must be a whole .npy or .npz of plain numbers, got: {one_line(error)}") from error


def one_array(path: Path, file: BinaryIO, start: int, length: int, memory: float) -> np.ndarray | Rows:
    """The array that begins at `start` of the file and has `length` bytes with its header."""
    file.seek(start)
    shape, fortran, dtype = header(file)
    expected = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and expected > length - (file.tell() - start):
        raise ValueError(f"{expected:,} bytes announced for shape {shape}, {length:,} there")
    if dtype.hasobject or fits(expected, memory) or len(shape) < 2:
        file.seek(start)
        return npy.read_array(file, allow_pickle=False)
    return Mapped(path, file.tell(), shape, dtype, "F" if fortran else "C")


def members(path: Path, memory: float) -> dict[str, np.ndarray | Rows]:
    """The arrays of an .npz by name; where one is x, those that are of use: the metadata of dSprites are a pickle."""
    found: dict[str, np.ndarray | Rows] = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for entry in of_use(archive.infolist()):
            with archive.open(entry) as member:
                shape, fortran, dtype = header(member)  # type: ignore[arg-type]
                size = math.prod(shape) * dtype.itemsize
                if not dtype.hasobject and size > entry.file_size:
                    raise ValueError(
                        f"{entry.filename}: {size:,} bytes announced for {shape}, {entry.file_size:,} there"
                    )
                if fits(size, memory):
                    found[key_of(entry)] = read_whole(archive, entry)
                elif entry.compress_type == zipfile.ZIP_STORED:
                    found[key_of(entry)] = one_array(path, file, data_start(file, entry), entry.file_size, memory)
                else:
                    may_be = not fortran and dtype.kind in "biu" and fits(math.prod(shape) // 8, memory)
                    bits = packed(member, shape, dtype) if may_be else None  # type: ignore[arg-type]
                    found[key_of(entry)] = squeezed(bits, entry, size, memory)
    return found


def of_use(entries: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The members that have a part to play; all of them, where none is x."""
    known = [entry for entry in entries if key_of(entry).lower() in KNOWN]
    return known if any(key_of(entry).lower() in KEYS["x"] for entry in known) else entries


def read_whole(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """A member that fits."""
    with archive.open(entry) as member:
        return npy.read_array(member, allow_pickle=False)


def squeezed(bits: Bits | None, entry: zipfile.ZipInfo, size: int, memory: float) -> Bits:
    """A compressed member beyond the budget, if it is zeros and ones that fit as bits; else a ValueError."""
    if bits is None:
        raise ValueError(
            f"{entry.filename} of {size / GIB:.1f} GiB is compressed and cannot be streamed: save it as .npy "
            f"or with np.savez, or give memory= more than {memory:g}"
        )
    return bits


def header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the order is Fortran's, and type, from the start of an .npy."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return read(file)


def data_start(file: BinaryIO, entry: zipfile.ZipInfo) -> int:
    """Where the bytes of an uncompressed member begin."""
    file.seek(entry.header_offset)
    name, extra = struct.unpack("<26xHH", file.read(LOCAL_HEADER))
    return entry.header_offset + LOCAL_HEADER + name + extra


def key_of(entry: zipfile.ZipInfo) -> str:
    """A member's name without .npy."""
    return entry.filename.removesuffix(".npy")


def named(arrays: dict[str, np.ndarray | Rows], names: tuple[str, ...]) -> np.ndarray | Rows | None:
    """The array under one of `names`, whatever their case."""
    return next((array for key, array in arrays.items() if key.lower() in names), None)


def whole(array: np.ndarray | Rows | None, role: str, path: Path) -> np.ndarray | None:
    """Labels or context, which are always in memory."""
    if isinstance(array, Rows):
        raise ValueError(f"{role} of {path} must fit in memory, got {array.nbytes / GIB:.1f} GiB")
    return array


def given_array(value: Any) -> np.ndarray | None:
    """labels=, context= or lengths= as an array; a path is read."""
    if value is None:
        return None
    if not isinstance(value, str | Path):
        return as_array(value)
    if Path(value).suffix.lower() not in ARRAY_FILES:
        raise ValueError(f"labels, context and lengths must be arrays or .npy files, got {str(value)!r}")
    array = contents(Path(value), math.inf)
    if not isinstance(array, np.ndarray):
        raise ValueError(f"labels, context and lengths must be arrays or .npy files, got {value}")
    return array


def one_line(error: BaseException) -> str:
    """What an error says, without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__
