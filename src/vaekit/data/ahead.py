"""Examples fetched on background threads before they are asked for."""

import os
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import numpy as np

from vaekit.data.rows import Rows

__all__: list[str] = []

WAITING = 8  # batches that may be on their way; older ones that nobody took are let go
SLOW = 0.001  # seconds for one example: several threads only stand in each other's way with quicker ones
THREADS = min(8, os.cpu_count() or 1)

Batch = list[Future[np.ndarray]]


class Ahead:
    """Fetches batches of rows on threads of its own; the values are those of `Rows.take`, whoever fetched them."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.coming: OrderedDict[bytes, Batch] = OrderedDict()
        self.pools: dict[int, ThreadPoolExecutor] = {}
        self.seconds = 0.0
        self.process, self.lock = os.getpid(), Lock()

    def __reduce__(self) -> tuple[type["Ahead"], tuple[Rows]]:
        return Ahead, (self.rows,)

    def expect(self, rows: np.ndarray) -> None:
        """Start to fetch the batch of these rows, unless it is on its way."""
        with self.lock:
            self._reset_after_fork()
            if rows.tobytes() in self.coming:
                return
            while len(self.coming) >= WAITING:
                for piece in self.coming.popitem(last=False)[1]:
                    piece.cancel()
            self.coming[rows.tobytes()] = self._started(rows)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The batch of these rows, expected or not."""
        with self.lock:
            self._reset_after_fork()
            batch = self.coming.pop(rows.tobytes(), None) or self._started(rows)
        found = [piece.result() for piece in batch]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _started(self, rows: np.ndarray) -> Batch:
        """The batch in one piece on one thread, or in several where examples are slow to read."""
        threads = THREADS if self.seconds > SLOW else 1
        if threads not in self.pools:
            self.pools[threads] = ThreadPoolExecutor(threads, thread_name_prefix="vaekit-data")
        parts = np.array_split(rows, max(1, min(threads, len(rows))))
        return [self.pools[threads].submit(self._fetched, part) for part in parts]

    def _fetched(self, rows: np.ndarray) -> np.ndarray:
        """The examples at `rows`, and how long one took."""
        start = time.perf_counter()
        found = self.rows.take(rows)
        self.seconds = (time.perf_counter() - start) / max(1, len(rows))
        return found

    def _reset_after_fork(self) -> None:
        """Threads do not survive a fork: a child starts its own."""
        if self.process != os.getpid():
            self.process, self.pools = os.getpid(), {}
            self.coming.clear()
