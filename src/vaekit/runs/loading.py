"""Open a run again, and build a recipe's system again."""

from collections.abc import Callable
from pathlib import Path

import torch

from vaekit.data import Data, DataSpec
from vaekit.models import Model
from vaekit.objectives import Distortion
from vaekit.recipes import System, recipe
from vaekit.runs.run import Run
from vaekit.training import Choices, load_weights
from vaekit.training.folder import RunFolder
from vaekit.training.noise import seed_at

__all__ = ["load"]


def load(path: Path | str, *, model: Model | None = None, weights: str = "best", at: Choices | None = None) -> Run:
    """Open a run. One of a recipe is built again by name; one composed by hand needs `model`, the same composition, and
    `at`, where it was trained with one.

    Nothing in the folder is executed: weights are safetensors and everything else is JSON or CSV.
    """
    folder = RunFolder(path)
    record = folder.read()
    system = None
    if model is None:
        if record["recipe"] is None:
            raise ValueError(f"{path} was composed by hand: load it with model=, the same composition")
        spec = DataSpec.from_dict(record["spec"])
        system = built(lambda: recipe(record["recipe"])(spec, **record["arguments"]), 0)
        model = system.model
    file = {"best": folder.best, "last": folder.last}.get(weights)
    if file is None:
        raise ValueError(f"weights must be 'best' or 'last', got {weights!r}")
    if not file.is_file():
        raise ValueError(f"{path} has no {weights} weights yet (status {record['status']}): vaekit resume {path}")
    load_weights(model, file)
    model.eval()
    found = System(model, Distortion()) if system is None else system
    return Run(folder, model, on_labels=found.on_labels, at=at or found.at)


def built(make: Callable[[], System], seed: int, data: Data | None = None) -> System:
    """The system with initial weights that depend on the seed alone, and biases that start at the data's mean."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed_at(seed, 1 << 40))
        system = make()
    if data is not None:
        system.model.start_at(data.train.mean())
    return system
