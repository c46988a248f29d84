"""Open a run again, from a folder or from a hub."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from vaekit.data import DataSpec
from vaekit.integrations.hub import pull
from vaekit.models import Model
from vaekit.objectives import Distortion
from vaekit.recipes import System, recipe
from vaekit.runs.building import built
from vaekit.runs.fitting import attach
from vaekit.runs.run import Run
from vaekit.training import Choices, load_weights
from vaekit.training.folder import RunFolder
from vaekit.training.weights import header

__all__ = ["from_pretrained", "load"]


def load(path: Path | str, *, model: Model | None = None, weights: str = "best", at: Choices | None = None) -> Run:
    """Open a run. One of a recipe is built again by name; one composed by hand needs `model`, the same composition, and
    `at`, where another thing is to happen at its latents than what the model does itself: what was observed in training
    is not observed when the model is asked.

    Nothing in the folder is executed: weights are safetensors and everything else is JSON or CSV. No memory is taken
    for a model before the saved weights have its names and shapes.
    """
    folder = RunFolder(path)
    record = folder.read()
    if weights not in ("best", "last"):
        raise ValueError(f"weights must be 'best' or 'last', got {weights!r}")
    if model is None and record["recipe"] is None:
        raise ValueError(f"{path} was composed by hand: load it with model=, the same composition")
    file = folder.best if weights == "best" else folder.last
    if not file.is_file():
        raise ValueError(f"{path} has no {weights} weights yet (status {record['status'][:40]}): vaekit resume {path}")
    system = rebuilt(record, header(file)) if model is None else System(model, Distortion())
    load_weights(system.model, file)
    system.model.eval()
    run = Run(folder, system.model, on_labels=system.on_labels, at=at)
    if weights == "best":
        attach(run)
    return run


def from_pretrained(source: Path | str, *, revision: str | None = None, token: str | None = None) -> Run:
    """Open a run that `push_to_hub` has published: "user/name" on the Hugging Face Hub, or a folder that holds one.

    `revision` is a branch, a tag or a commit. The files are checked as those of any folder are: nothing is executed.
    """
    return load(pull(source, revision=revision, token=token))


def rebuilt(record: Mapping[str, Any], saved: Mapping[str, Tensor]) -> System:
    """The system of a record, by its recipe's name, once its weights are known to be those that were saved."""
    spec, chosen = DataSpec.from_dict(record["spec"]), recipe(record["recipe"])
    arguments = chosen.arguments(record["arguments"])
    return built(lambda: chosen(spec, **arguments), 0, saved=saved)
