"""A run is a folder: what it was, its table, its weights, its state and its pictures."""

import json
import platform
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vaekit.training.checkpoint import Checkpoints, write_text
from vaekit.training.failures import writing
from vaekit.training.lock import held
from vaekit.training.reading import field_of, read_json

__all__ = ["FORMAT", "RunFolder"]

FORMAT = 1


class RunFolder:
    """`run.json`, `metrics.csv`, `best.safetensors`, `last.safetensors`, `checkpoint/`, and pictures as PNG."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def create(self, record: Mapping[str, Any]) -> None:
        """Make the folder and write run.json; ValueError where that cannot be."""
        self.must_be_free()
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self.write({"format": FORMAT, **record, "versions": versions(), "status": "started"})

    def discard(self) -> None:
        """Remove what `create` and a first state wrote."""
        shutil.rmtree(self.path / "checkpoint", ignore_errors=True)
        for file in (self.metrics, self.path / "run.json"):
            file.unlink(missing_ok=True)

    def held(self) -> AbstractContextManager[None]:
        """The folder, made where there is none, for this process alone."""
        return held(self.path)

    def must_be_free(self) -> None:
        """Raise ValueError where the path already holds something."""
        if self.path.exists() and not self.is_free():
            raise ValueError(
                f"{self.path} already holds something: name another folder, or go on with vaekit resume {self.path}"
            )

    def is_free(self) -> bool:
        """Whether the path is a folder that holds nothing but what a kill left half-written."""
        return self.path.is_dir() and all(file.name.startswith(".") for file in self.path.iterdir())

    @property
    def metrics(self) -> Path:
        """The table of the run."""
        return self.path / "metrics.csv"

    @property
    def best(self) -> Path:
        """Weights of the epoch with the best validation bound (of the last one, without validation data)."""
        return self.path / "best.safetensors"

    @property
    def last(self) -> Path:
        """Weights at the end."""
        return self.path / "last.safetensors"

    @property
    def checkpoints(self) -> Checkpoints:
        """The state to go on from."""
        return Checkpoints(self.path / "checkpoint")

    def write(self, record: Mapping[str, Any]) -> None:
        """Write run.json."""
        write_text(self.path / "run.json", json.dumps(record, indent=2) + "\n")

    def update(self, **fields: Any) -> None:
        """Change fields of run.json; None takes one away."""
        changed = {**self.read(), **fields}
        self.write({name: value for name, value in changed.items() if value is not None or name == "recipe"})

    def read(self) -> dict[str, Any]:
        """What run.json says; ValueError where it is missing, broken, of other types or of a newer format."""
        path = self.path / "run.json"
        if not path.is_file():
            raise ValueError(f"{self.path} is no run: it has no run.json")
        record = read_json(path)
        if not is_count(record.get("format")):
            raise ValueError(f"{path} was not written by vaekit: it names no format")
        if record["format"] > FORMAT:
            raise ValueError(f"{path} has format {record['format']}, this vaekit reads up to {FORMAT}: update vaekit")
        try:
            check(record)
        except ValueError as error:
            raise ValueError(f"{path} is not as vaekit wrote it: {error}") from None
        return record


def check(record: Mapping[str, Any]) -> None:
    """Raise ValueError unless a record has all it needs, each of its type."""
    field_of(record, "recipe", lambda v: v is None or isinstance(v, str), "a recipe's name or null")
    field_of(record, "arguments", is_flat, "numbers, strings and lists of them, by name")
    for name in ("data", "spec", "plan", *({"examples"} & set(record))):
        field_of(record, name, lambda v: isinstance(v, dict), "a JSON object")
    field_of(record, "status", lambda v: isinstance(v, str), "a string")
    for name in {"best_epoch", "parameters"} & set(record):
        field_of(record, name, lambda v: v == 0 or is_count(v), "a whole number of at least 0")
    if "seconds" in record:
        field_of(record, "seconds", is_duration, "a number of seconds of at least 0")
    for name in {"objective", "reason"} & set(record):
        field_of(record, name, lambda v: isinstance(v, str), "a string")


def is_flat(value: Any) -> bool:
    """Whether it is a JSON object of scalars and lists of scalars."""
    return isinstance(value, dict) and all(map(is_scalar_or_list, value.values()))


def is_scalar_or_list(value: Any) -> bool:
    """Whether a JSON value holds no object, and no list inside a list."""
    return all(not isinstance(item, list | dict) for item in (value if isinstance(value, list) else [value]))


def is_duration(value: Any) -> bool:
    """A finite number of at least 0 that a float holds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 63


def is_count(value: Any) -> bool:
    """A whole number of at least 1 that 64 bits hold."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 1 << 63


def next_folder(parent: Path, name: str) -> Path:
    """`parent/name`, or with the first number behind it that is free."""
    if not (parent / name).exists():
        return parent / name
    return next(path for i in range(2, 1_000_000) if not (path := parent / f"{name}-{i}").exists())


def versions() -> dict[str, str]:
    """Versions that a run depends on."""
    return {"python": platform.python_version(), **{name: version_of(name) for name in ("vaekit", "torch", "numpy")}}


def version_of(package: str) -> str:
    """An installed package's version."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
