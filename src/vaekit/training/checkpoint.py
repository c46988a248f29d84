"""Saved states: a directory written whole, then one pointer renamed, so that a kill leaves the old or the new."""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaekit.training.failures import Unwritable, writing
from vaekit.training.reading import read_json, read_text
from vaekit.training.weights import header, load_tensors, save_tensors

__all__ = ["Checkpoints", "write_text"]

NAME = re.compile(r"step-[0-9]{1,18}(-again)?")


def write_text(path: Path, text: str) -> None:
    """Write a file under a temporary name, then rename it; `Unwritable`, with nothing left behind, where it cannot."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with writing(path):
            beside.write_text(text)
            beside.replace(path)
    except Unwritable:
        beside.unlink(missing_ok=True)
        raise


class Checkpoints:
    """The folder `checkpoint/` of a run: `NAME/tensors.safetensors`, `NAME/state.json`, and the pointer `latest`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, name: str, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Write a state, point to it, and remove the others. `Unwritable` where it cannot: the last one then stays."""
        self._remove_all_but(self._pointed_to())
        with self._written_beside() as beside:
            save_tensors(beside / "tensors.safetensors", tensors)
            write_text(beside / "state.json", json.dumps(state))
            place = next(path for path in (self.folder / name, self.folder / f"{name}-again") if not path.exists())
            beside.rename(place)
        write_text(self.folder / "latest", place.name)
        self._remove_all_but(place)

    def latest(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The last whole state, or None where none was ever written; ValueError where it cannot be read."""
        place = self._pointed_to()
        if place is None:
            return None
        return load_tensors(place / "tensors.safetensors"), read_json(place / "state.json")

    def model_header(self) -> dict[str, Tensor] | None:
        """Names and shapes of the model's weights in the last whole state, on the meta device; None without a state."""
        place, prefix = self._pointed_to(), "modules.model."
        if place is None:
            return None
        saved = header(place / "tensors.safetensors")
        return {name.removeprefix(prefix): t for name, t in saved.items() if name.startswith(prefix)}

    def _pointed_to(self) -> Path | None:
        """The folder of the last whole state."""
        pointer = self.folder / "latest"
        if not pointer.is_file():
            return None
        name = read_text(pointer).strip()
        place = self.folder / name if NAME.fullmatch(name) else None
        if place is None or not place.is_dir():
            raise ValueError(f"{pointer} points to {name[:40]!r}, which is no state beside it")
        return place

    def _remove_all_but(self, place: Path | None) -> None:
        """Remove the other states, and what a kill left half-written."""
        for other in self.folder.iterdir() if self.folder.is_dir() else ():
            if other.is_dir() and other != place:
                shutil.rmtree(other, ignore_errors=True)

    @contextmanager
    def _written_beside(self) -> Iterator[Path]:
        """An empty folder to write a state into, away with it where that fails."""
        beside = self.folder / f".writing-{os.getpid()}"
        shutil.rmtree(beside, ignore_errors=True)
        try:
            with writing(self.folder):
                beside.mkdir(parents=True)
                yield beside
        except Unwritable:
            shutil.rmtree(beside, ignore_errors=True)
            raise


def optimiser_tensors(optimiser: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """The optimiser's state as named tensors."""
    state = optimiser.state_dict()["state"]
    return {f"{prefix}.{i}.{key}": t for i, entry in state.items() for key, t in entry.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, prefix: str, tensors: Mapping[str, Tensor]) -> None:
    """Take up what `optimiser_tensors` gave, laid out in memory as the parameters are: fused kernels run along both."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(f"{prefix}."):
            index, key = name[len(prefix) + 1 :].split(".")
            state.setdefault(int(index), {})[key] = laid_out_like(parameters[int(index)], tensor)
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def laid_out_like(parameter: Tensor, tensor: Tensor) -> Tensor:
    """The tensor with the parameter's strides, where it has its shape."""
    if tensor.shape != parameter.shape:
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype, device=tensor.device, requires_grad=False).copy_(tensor)
