"""A place that takes a run's numbers, and what every such place is told of the run."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vaekit.training.checkpoint import write_text
from vaekit.training.reading import read_json

__all__ = ["WRITTEN", "Sink", "hyperparameters", "in_a_line", "recall", "remember"]

MEMORY = "loggers.json"
WRITTEN = (MEMORY, "tensorboard", "wandb")  # in a run's folder
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Sink(ABC):
    """Takes rows of numbers and pictures of one run."""

    @abstractmethod
    def start(self, step: int) -> None:
        """The run begins, or goes on, at this step: what was said of later ones no longer holds."""

    @abstractmethod
    def numbers(self, row: Mapping[str, float], step: int) -> None:
        """A row of metrics.csv."""

    @abstractmethod
    def picture(self, path: Path) -> None:
        """A PNG of the finished run."""

    @abstractmethod
    def close(self, failed: bool) -> None:
        """The run ended."""


def hyperparameters(record: Mapping[str, Any]) -> dict[str, int | float | str | bool]:
    """What a run was made with, flat: the recipe, its arguments, the plan, the objective and the data."""
    chosen = {name: record.get(name) for name in ("recipe", "objective", "parameters", "arguments", "plan")}
    return dict(flat({**chosen, "data": record["spec"]["name"]}))


def flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, int | float | str | bool]]:
    """Scalars by dotted names; lists and None as they are written."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{before}{name}.")
        else:
            yield before + name, value if isinstance(value, int | float | str | bool) else str(value)


def in_a_line(error: BaseException) -> str:
    """The first line of what went wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def remember(folder: Path, name: str, identifier: str) -> None:
    """Keep the name that another system gave the run, so that a resumed run goes on under it."""
    path = folder / MEMORY
    known = read_json(path) if path.is_file() else {}
    write_text(path, json.dumps({**known, name: identifier}) + "\n")


def recall(folder: Path, name: str) -> str | None:
    """The name that `remember` kept, if there is one."""
    path = folder / MEMORY
    found = read_json(path).get(name) if path.is_file() else None
    return found if isinstance(found, str) and IDENTIFIER.fullmatch(found) else None
