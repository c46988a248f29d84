"""Saved states: a directory written whole, then one pointer renamed, so that a kill leaves the old or the new."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

__all__ = ["Checkpoints", "load_tensors", "load_weights", "save_tensors", "write_text"]


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors to a safetensors file under a temporary name, then rename it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    save_file({name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}, beside)
    beside.chmod(0o644)
    beside.replace(path)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; nothing in it is executed. ValueError where it is none."""
    try:
        return load_file(path)
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a readable safetensors file: {error}") from None


def load_weights(module: nn.Module, path: Path) -> None:
    """Put saved weights into a module of the same composition; ValueError where names or shapes differ."""
    saved, wanted = load_tensors(path), module.state_dict()
    odd = sorted(set(saved) ^ set(wanted))
    if odd:
        raise ValueError(f"{path} was saved from another composition: {odd[0]!r} is in only one of the two")
    for name, tensor in saved.items():
        if tensor.shape != wanted[name].shape:
            raise ValueError(
                f"{path}: {name!r} has the shape {tuple(tensor.shape)}, the model's has {tuple(wanted[name].shape)}"
            )
    module.load_state_dict(saved)


def write_text(path: Path, text: str) -> None:
    """Write a file under a temporary name, then rename it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text)
    beside.replace(path)


class Checkpoints:
    """The folder `checkpoint/` of a run: `NAME/tensors.safetensors`, `NAME/state.json`, and the pointer `latest`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, name: str, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Write a state, point to it, and remove the others."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".writing-{os.getpid()}"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        save_tensors(beside / "tensors.safetensors", tensors)
        (beside / "state.json").write_text(json.dumps(state))
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        beside.rename(place)
        write_text(self.folder / "latest", name)
        for other in self.folder.iterdir():
            if other.is_dir() and other != place:
                shutil.rmtree(other, ignore_errors=True)

    def latest(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The last whole state, or None where none was ever written."""
        pointer = self.folder / "latest"
        if not pointer.is_file():
            return None
        name = pointer.read_text().strip()
        place = self.folder / name
        if Path(name).name != name or not place.is_dir():
            raise ValueError(f"{pointer} points to {name!r}, which is no folder beside it")
        return load_tensors(place / "tensors.safetensors"), json.loads((place / "state.json").read_text())


def optimiser_tensors(optimiser: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """The optimiser's state as named tensors."""
    state = optimiser.state_dict()["state"]
    return {f"{prefix}.{i}.{key}": t for i, entry in state.items() for key, t in entry.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, prefix: str, tensors: Mapping[str, Tensor]) -> None:
    """Take up what `optimiser_tensors` gave."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(f"{prefix}."):
            index, key = name[len(prefix) + 1 :].split(".")
            state.setdefault(int(index), {})[key] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
