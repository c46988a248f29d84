"""Tensors in safetensors files: written whole, and compared by name, shape and kind before they are read."""

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vaekit.training.failures import Unwritable, writing

__all__ = ["header", "load_tensors", "load_weights", "misfit", "save_tensors"]

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors to a safetensors file under a temporary name, then rename it; `Unwritable` where it cannot."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with writing(path):
            save_file({name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}, beside)
            beside.chmod(0o644)
            beside.replace(path)
    except Unwritable:
        beside.unlink(missing_ok=True)
        raise


def header(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file without their numbers, on the meta device; ValueError where it is none."""
    try:
        with safe_open(path, framework="pt") as file:
            entries = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {name: without_numbers(path, name, e.get_shape(), e.get_dtype()) for name, e in entries.items()}
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    except (SafetensorError, OSError, RuntimeError, UnicodeError) as error:
        raise ValueError(f"{path} is not a readable safetensors file: {shortened(error)}") from None


def without_numbers(path: Path, name: str, shape: list[int], kind: str) -> Tensor:
    """A tensor of that shape and type that takes no memory."""
    if kind not in DTYPES:
        raise ValueError(f"{path}: {name[:80]!r} is of type {kind}, vaekit reads {', '.join(DTYPES)}")
    return torch.empty(shape, dtype=DTYPES[kind], device="meta")


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; nothing in it is executed. ValueError where it is none."""
    header(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise ValueError(f"{path} is not a readable safetensors file: {shortened(error)}") from None


def load_weights(module: nn.Module, path: Path) -> None:
    """Put saved weights into a module of the same composition; ValueError where names, shapes or kinds differ."""
    why = misfit(header(path), module.state_dict())
    if why is not None:
        raise ValueError(f"{path} was saved from another composition: {why}")
    module.load_state_dict(load_tensors(path))


def misfit(saved: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str | None:
    """How saved tensors differ from the wanted ones in name, shape or kind of number, in words; None where they fit."""
    odd = sorted(set(saved) ^ set(wanted))
    if odd:
        return f"{odd[0][:80]!r} is in only one of the two"
    for name, tensor in saved.items():
        other = wanted[name]
        if tensor.shape != other.shape:
            return f"{name!r} has the shape {tuple(tensor.shape)}, the model's has the shape {tuple(other.shape)}"
        if tensor.is_floating_point() != other.is_floating_point():
            return f"{name!r} holds {tensor.dtype}, the model's holds {other.dtype}"
    return None


def shortened(error: Exception) -> str:
    """An error's first line, cut to what fits a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
