"""Arrays of zeros and ones that are held in memory, eight of them to a byte."""

import math
from typing import BinaryIO

import numpy as np

from vaekit.data.rows import PIECE, Rows

__all__: list[str] = []


class Bits(Rows):
    """Examples (N, *event) of 0 and 1 that take an eighth of their bytes, each from a byte of its own on."""

    kept = "in memory, eight values to a byte"

    def __init__(self, packed: np.ndarray, event: tuple[int, ...]) -> None:
        self.packed, self.event = packed, event
        self.shape, self.dtype = (len(packed), *event), np.dtype(np.uint8)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The examples at `rows`, a byte for each value."""
        each = np.unpackbits(self.packed[rows], axis=1, count=math.prod(self.event))
        return each.reshape(len(rows), *self.event)


def packed(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> Bits | None:
    """What follows in a file, (N, *event) in C order, a bounded number of bytes at a time; None where not all is 0 or 1."""
    n, event = shape[0], shape[1:]
    size = math.prod(event)
    step = max(1, PIECE // max(1, size * dtype.itemsize))
    bits = np.empty((n, -(-size // 8)), np.uint8)
    for start in range(0, n, step):
        count = min(step, n - start)
        wanted = count * size * dtype.itemsize
        read = file.read(wanted)
        if len(read) < wanted:
            raise ValueError(f"{wanted:,} bytes are missing from example {start} on, {len(read):,} are there")
        piece = np.frombuffer(read, dtype).reshape(count, size)
        if piece.min() < 0 or piece.max() > 1:
            return None
        bits[start : start + count] = np.packbits(piece.astype(bool, copy=False), axis=1)
    return Bits(bits, event)
