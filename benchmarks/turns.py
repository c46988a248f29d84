"""Sides of a comparison as processes that take turns: one unit of work whenever told, timed in CPU and wall seconds."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Clock", "Side", "take_turns"]


class Clock:
    """Inside a side: `start` waits to be told and starts to count, `stop` reports. Reports go to the first stdout."""

    def __init__(self) -> None:
        self.out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
        self.started: tuple[float, float] | None = None

    def start(self) -> None:
        """Wait for a line from the parent; the end of its input ends the process."""
        if not sys.stdin.readline():
            os._exit(0)
        self.started = time.process_time(), time.perf_counter()

    def stop(self, **figures: Any) -> None:
        """CPU seconds of all threads and wall seconds since `start`, and whatever else is to be told."""
        assert self.started is not None
        cpu, wall = time.process_time() - self.started[0], time.perf_counter() - self.started[1]
        print(json.dumps({"cpu": cpu, "wall": wall, **figures}), file=self.out)

    def forever(self, work: Callable[[], Mapping[str, Any]]) -> None:
        """Do the work each time that the parent asks."""
        while True:
            self.start()
            self.stop(**work())


class Side:
    """A process to take turns with; its messages go to `log`."""

    def __init__(self, name: str, command: Sequence[str], threads: int, log: Path) -> None:
        self.name, self.log = name, log
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        with log.open("w") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True, env=environment
            )

    def turn(self) -> dict[str, Any]:
        """One unit of work, with the load of the machine just before it."""
        load = os.getloadavg()[0]
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} stopped with {self.process.wait()}:\n{self.log.read_text()[-2000:]}")
        return {**json.loads(line), "load": load}

    def end(self) -> None:
        """Close its input and wait until it is gone."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def take_turns(sides: Sequence[Side], repetitions: int) -> dict[str, list[dict[str, Any]]]:
    """A warm-up turn of each side, then `repetitions` rounds A B C A B C ...: the raw figures by side."""
    figures: dict[str, list[dict[str, Any]]] = {side.name: [] for side in sides}
    try:
        for side in sides:
            side.turn()
        for _ in range(repetitions):
            for side in sides:
                figures[side.name].append(side.turn())
    finally:
        for side in sides:
            side.end()
    return figures
