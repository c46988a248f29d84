"""The IDX format of MNIST: two zero bytes, a type, the number of axes, their sizes, then the values, big-endian."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

__all__ = ["read_idx"]

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"
CHUNK = 1 << 20
MOST_AXES = 8


def read_idx(path: str | Path) -> np.ndarray:
    """The array of an IDX file, gzipped or not, in the machine's byte order. ValueError, naming the file, if broken."""
    path = Path(path)
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == GZIP
            raw.seek(0)
            if not zipped:
                return parse(raw, path)
            with gzip.open(raw) as unzipped:
                return parse(unzipped, path)  # type: ignore[arg-type]
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} must be a readable IDX file, got: {error}") from error


def parse(file: BinaryIO, path: Path) -> np.ndarray:
    """The array that follows, checked against its own header."""
    kind, shape = header(file, path)
    expected = math.prod(shape) * kind.itemsize
    values = read_at_most(file, expected + 1)
    if len(values) != expected:
        found = f"only {len(values):,}" if len(values) < expected else "more"
        raise ValueError(f"{path} must hold {expected:,} bytes after its header for shape {shape}, got {found}")
    return np.frombuffer(values, kind).reshape(shape).astype(kind.newbyteorder("="), copy=False)


def header(file: BinaryIO, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    """The type and shape that an IDX file announces."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= MOST_AXES:
        raise ValueError(f"{path} must start like an IDX file (00 00, type 08-0e, axes), got {magic.hex(' ')!r}")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise ValueError(f"{path} must name the sizes of {magic[3]} axes, got {len(sizes)} bytes of them")
    shape = struct.unpack(f">{magic[3]}I", sizes)
    if 0 in shape:
        raise ValueError(f"{path} must hold at least one value, got the shape {shape}")
    return np.dtype(TYPES[magic[2]]), shape


def read_at_most(file: BinaryIO, n: int) -> bytearray:
    """Up to n bytes, so that neither a lying header nor a bottomless archive fills the memory."""
    values = bytearray()
    while len(values) < n and (more := file.read(min(CHUNK, n - len(values)))):
        values += more
    return values
