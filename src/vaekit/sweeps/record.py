"""What a sweep is and how far it has come: the file `sweep.json`, written whole after every run."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vaekit.sweeps.grid import Cell
from vaekit.training.checkpoint import write_text
from vaekit.training.folder import versions

__all__ = ["ENDED", "SweepFolder", "place_of"]

FORMAT = 1
ENDED = ("finished", "broken")
STATUSES = (*ENDED, "failed", "interrupted", "running", "waiting")
FIXED = ("data", "recipe", "arguments", "plan", "samples", "limit")
TYPES: dict[str, type | tuple[type, ...]] = {
    "data": dict,
    "recipe": str,
    "grid": dict,
    "arguments": dict,
    "plan": dict,
    "seeds": list,
    "samples": int,
    "limit": (int, type(None)),
    "metric": (str, type(None)),
    "runs": list,
}
RUN_TYPES: dict[str, type] = {"settings": dict, "seed": int, "folder": str, "status": str}
INSIDE = re.compile(r"([A-Za-z0-9][^/\\]*/)?seed-[0-9]+")


class SweepFolder:
    """`sweep.json`, and a run folder for every cell and seed, such as `latent=8/seed-0`."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @property
    def file(self) -> Path:
        """Where the record is."""
        return self.path / "sweep.json"

    def begin(self, settings: Mapping[str, Any], cells: Sequence[Cell], seeds: Sequence[int]) -> dict[str, Any]:
        """The record of a new sweep, or of the one that is here with these cells and seeds added to it.

        Raises ValueError where the folder holds something else, or a sweep with other settings.
        """
        before = self.earlier(settings)
        known = {run["folder"]: run for run in before["runs"]} if before else {}
        asked = [fresh(cell, seed) for cell in cells for seed in seeds]
        kept = {folder: run for folder, run in known.items() if run["status"] != "waiting"}
        runs = list({run["folder"]: run for run in [*asked, *kept.values()]}.values())
        record = {"format": FORMAT, **settings, "versions": versions(), "runs": runs}
        if before:
            record["grid"] = {name: joined(before["grid"][name], settings["grid"][name]) for name in settings["grid"]}
            record["seeds"] = joined(before["seeds"], settings["seeds"])
        return as_json(record)

    def earlier(self, settings: Mapping[str, Any]) -> dict[str, Any] | None:
        """The record that is here already; ValueError where these settings do not go on with it."""
        if not self.file.exists():
            if self.path.exists() and (not self.path.is_dir() or self.holds_something()):
                raise ValueError(f"{self.path} already holds something that is no sweep: name another folder")
            return None
        before, now = self.read(), as_json(settings)
        if list(before["grid"]) != list(now["grid"]):
            had, has = (", ".join(record["grid"]) or "nothing" for record in (before, now))
            raise ValueError(f"{self.path} holds a sweep over {had}, this one is over {has}: name another folder")
        for name in FIXED:
            if before[name] != now[name]:
                raise ValueError(
                    f"{self.path} holds a sweep with {name} {before[name]}, this one has {now[name]}: "
                    "name another folder"
                )
        return before

    def holds_something(self) -> bool:
        """Whether there is more here than what a kill leaves half-written."""
        return any(not file.name.startswith(".") for file in self.path.iterdir())

    def write(self, record: Mapping[str, Any]) -> None:
        """Write the record under another name, then rename it; ValueError where that cannot be."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_text(self.file, json.dumps(record, indent=2) + "\n")
        except OSError as error:
            raise ValueError(f"cannot write to {self.path}: {error.strerror}") from None

    def read(self) -> dict[str, Any]:
        """The record; ValueError where it is missing, broken, of a newer format, or names folders outside."""
        if not self.file.is_file():
            raise ValueError(f"{self.path} is no sweep: it has no sweep.json")
        try:
            record = json.loads(self.file.read_text())
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{self.file} is not valid JSON: {error}") from None
        if not isinstance(record, dict) or not isinstance(record.get("format"), int):
            raise ValueError(f"{self.file} was not written by vaekit: it names no format")
        if record["format"] > FORMAT:
            raise ValueError(
                f"{self.file} has format {record['format']}, this vaekit reads up to {FORMAT}: update vaekit"
            )
        check_types(record, TYPES, str(self.file))
        for i, run in enumerate(record["runs"]):
            check_run(run, f"{self.file}: run {i}")
        return record


def place_of(cell: Cell, seed: int) -> str:
    """The run's folder inside the sweep's."""
    return f"{cell.name}/seed-{seed}" if cell.name else f"seed-{seed}"


def fresh(cell: Cell, seed: int) -> dict[str, Any]:
    """The entry of a run that has not begun."""
    return {"settings": cell.settings, "seed": seed, "folder": place_of(cell, seed), "status": "waiting"}


def joined(before: Sequence[Any], now: Sequence[Any]) -> list[Any]:
    """Those of before, then the new ones."""
    old, new = as_json(list(before)), as_json(list(now))
    return [*old, *(value for value in new if value not in old)]


def as_json(value: Any) -> Any:
    """What reading the written JSON gives: lists for tuples, keys as strings."""
    return json.loads(json.dumps(value))


def check_types(record: Any, types: Mapping[str, Any], what: str) -> None:
    """Raise ValueError unless it is a mapping that has these entries of these types."""
    for name, kind in types.items():
        if not isinstance(record, dict) or name not in record:
            raise ValueError(f"{what} is incomplete: it lacks {name!r}")
        if not isinstance(record[name], kind) or isinstance(record[name], bool):
            raise ValueError(f"{what} must have {name!r} as a sweep writes it, got {str(record[name])[:60]!r}")


def check_run(run: Any, what: str) -> None:
    """Raise ValueError unless it is the entry of a run inside the sweep's folder, with figures that are numbers."""
    check_types(run, RUN_TYPES, what)
    if run["status"] not in STATUSES:
        raise ValueError(f"{what} must have a status of {', '.join(STATUSES)}, got {run['status']!r}")
    if not INSIDE.fullmatch(run["folder"]):
        raise ValueError(f"{what} must name a folder such as latent=8/seed-0, got {run['folder']!r}")
    for split in ("valid", "test"):
        values = run.get(split, {})
        if not isinstance(values, dict) or not all(type(value) in (int, float) for value in values.values()):
            raise ValueError(f"{what} must have numbers as its {split} figures, got {str(values)[:60]!r}")
    if run["status"] == "finished" and not run.get("valid"):
        raise ValueError(f"{what} is incomplete: it lacks 'valid'")
