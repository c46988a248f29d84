"""A run is a folder: what it was, its table, its weights, its state and its pictures."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vaekit.training.checkpoint import Checkpoints, write_text

__all__ = ["FORMAT", "RunFolder"]

FORMAT = 1
KEYS = ("recipe", "arguments", "data", "spec", "plan", "status")


class RunFolder:
    """`run.json`, `metrics.csv`, `best.safetensors`, `last.safetensors`, `checkpoint/`, and pictures as PNG."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def create(self, record: Mapping[str, Any]) -> None:
        """Make the folder and write run.json; ValueError where that cannot be."""
        self.must_be_free()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.write({"format": FORMAT, **record, "versions": versions(), "status": "started"})
        except OSError as error:
            raise ValueError(f"cannot write to {self.path}: {error.strerror}") from None

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
        """Change fields of run.json."""
        self.write({**self.read(), **fields})

    def read(self) -> dict[str, Any]:
        """What run.json says; ValueError where it is missing, broken or of a newer format."""
        path = self.path / "run.json"
        if not path.is_file():
            raise ValueError(f"{self.path} is no run: it has no run.json")
        try:
            record = json.loads(path.read_text())
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not valid JSON: {error}") from None
        if not isinstance(record, dict) or not isinstance(record.get("format"), int):
            raise ValueError(f"{path} was not written by vaekit: it names no format")
        missing = [key for key in KEYS if key not in record]
        if missing:
            raise ValueError(f"{path} is incomplete: it lacks {missing[0]!r}")
        if record["format"] > FORMAT:
            raise ValueError(f"{path} has format {record['format']}, this vaekit reads up to {FORMAT}: update vaekit")
        return record


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
