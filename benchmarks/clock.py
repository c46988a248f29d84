"""The CPU time of a run, over all the processes that made it, and its end once a budget of it is spent."""

import json
import math
import time
from pathlib import Path
from typing import Any

from torch import Tensor

import vaekit as vk

__all__ = ["Clock", "finished", "spent"]

EVERY = 5.0  # seconds between two notes


class Clock(vk.Callback):
    """Notes the CPU seconds of a run in its folder every few seconds; stops it once it has used `limit` of them."""

    def __init__(self, place: Path, limit: float = math.inf) -> None:
        self.file, self.limit = place / "cpu_seconds.json", limit
        self.before = spent(place) if self.file.exists() else 0.0
        self.started = self.noted = time.process_time()
        self.steps = 0

    @property
    def seconds(self) -> float:
        """So far, those of earlier processes included."""
        return self.before + time.process_time() - self.started

    def on_start(self, trainer: vk.Trainer) -> None:
        """From here on the time counts."""
        self.started = self.noted = time.process_time()

    def on_step(self, trainer: vk.Trainer, step: int, loss: Tensor) -> None:
        """Look at the clock."""
        self.steps = step
        if time.process_time() - self.noted > EVERY:
            self._note()
        if self.seconds >= self.limit:
            trainer.stop("the CPU time is spent")

    def on_end(self, trainer: vk.Trainer) -> None:
        """The last note."""
        self._note()

    def _note(self) -> None:
        self.noted = time.process_time()
        self.file.write_text(json.dumps(self.seconds))


def spent(place: Path) -> float:
    """CPU seconds that the run in a folder has taken."""
    return float(json.loads((place / "cpu_seconds.json").read_text()))


def finished(runs: Path, pattern: str = "*") -> list[Path]:
    """Folders of runs whose training has come to its end, in order; the others are named."""
    found = sorted(p.parent for p in runs.glob(f"{pattern}/run.json"))
    status = {place: json.loads((place / "run.json").read_text()).get("status") for place in found}
    for place in found:
        if status[place] != "finished":
            print(f"{place.name} is left out: its training is {status[place]}")
    return [place for place in found if status[place] == "finished"]


def told(run: vk.Run) -> dict[str, Any]:
    """What every record says of a run."""
    return {key: run.record[key] for key in ("recipe", "arguments", "plan", "parameters")}
