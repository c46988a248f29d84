"""RUN/evaluation.json: figures of a run, and of which weights they are."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaekit.evaluation import Evaluation
from vaekit.training.checkpoint import write_text

__all__ = ["is_kept", "keep"]


def keep(folder: Path, figures: Evaluation, about: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Write figures into the folder; `about` says of which split, under which seed and of which weights they are."""
    said = {"run": str(folder), **about}
    weights = folder / f"{about['weights']}.safetensors"
    record = {**said, "weights_sha256": checksum(weights), **figures.to_dict(), **more}
    write_text(folder / "evaluation.json", json.dumps(record, indent=2) + "\n")
    return record


def is_kept(folder: Path) -> bool:
    """Whether the folder holds figures of its best weights."""
    return kept_evaluation(folder).get("weights_sha256") == checksum(folder / "best.safetensors")


def checksum(weights: Path) -> str:
    """What tells weights apart from those of another epoch."""
    return hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else ""


def kept_evaluation(folder: Path) -> dict[str, Any]:
    """What RUN/evaluation.json says; nothing where there is none that can be read."""
    try:
        found = json.loads((folder / "evaluation.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
