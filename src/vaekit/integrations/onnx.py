"""A model's parts as ONNX: tensors in, parameters of distributions out, run by anything that runs ONNX."""

import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaekit.conditionals import ParametersOf
from vaekit.data import DataSpec, Domain
from vaekit.evaluation.passes import evaluating
from vaekit.models.model import Model, Part

__all__ = ["export_onnx"]

NEEDED = ("onnx", "onnxscript", "onnxruntime")
RELATIVE, ABSOLUTE = 1e-3, 1e-4


def export_onnx(model: Model, spec: DataSpec, folder: Path) -> list[Path]:
    """Write NAME.onnx for every part of the model, for any batch size, and parts.json on their inputs and outputs.

    Each file is run with onnxruntime on a batch of another size and compared with the model before it gets its name.
    Raises ValueError where the model names no parts, the extra vaekit[onnx] is missing, or the numbers differ.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ValueError(f"export needs {', '.join(missing)}: pip install 'vaekit[onnx]'")
    parts = model.parts()
    if not parts:
        raise ValueError(f"{type(model).__name__} names no parts that could be exported: see Model.parts")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot write to {folder}: {error.strerror}") from None
    with evaluating(model):
        described = {name: written(part, spec, folder / f"{name}.onnx") for name, part in parts.items()}
    about = folder / "parts.json"
    about.write_text(json.dumps({"data": spec.to_dict(), "parts": described}, indent=2) + "\n")
    return [*(folder / f"{name}.onnx" for name in parts), about]


def written(part: Part, spec: DataSpec, path: Path) -> dict[str, Any]:
    """One part in its file; what it takes and gives."""
    module = ParametersOf(part.conditional, part.embed).cpu().eval()
    inputs = inputs_of(part, spec, 2)
    names = ["input", "context"][: len(inputs)]
    outputs = module(*inputs)
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        with silent():
            shapes = {"inputs": tuple({0: torch.export.Dim("batch")} for _ in inputs)}
            exported = torch.export.export(module, inputs, dynamic_shapes=shapes)
            program = torch.onnx.export(
                exported, input_names=names, output_names=list(outputs), dynamo=True, verbose=False
            )
        assert program is not None
        program.save(beside)
        check(beside, module, inputs_of(part, spec, 5), names)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return {
        "head": type(part.conditional).__name__,
        "inputs": {name: described(t) for name, t in zip(names, inputs, strict=True)},
        "outputs": {name: described(t) for name, t in outputs.items()},
    }


def inputs_of(part: Part, spec: DataSpec, n: int) -> tuple[Tensor, ...]:
    """An input, and a context where the model has one, of n rows."""
    generator = torch.Generator().manual_seed(0)
    whole = spec.domain is Domain.CATEGORIES and part.shape == spec.shape
    first = torch.zeros(n, *part.shape, dtype=torch.long) if whole else torch.rand(n, *part.shape, generator=generator)
    if spec.context is None:
        return (first,)
    context = torch.zeros(n, *spec.context)
    return first, context.long() if spec.context == () else context


def check(path: Path, module: ParametersOf, inputs: tuple[Tensor, ...], names: list[str]) -> None:
    """Raise ValueError where the file gives other numbers than the module."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, {name: t.numpy() for name, t in zip(names, inputs, strict=True)})
    for (name, expected), array in zip(module(*inputs).items(), found, strict=True):
        if not torch.allclose(torch.from_numpy(array), expected, RELATIVE, ABSOLUTE):
            raise ValueError(f"{path.name}: {name} differs in ONNX by more than rounding, so nothing was written")


def described(t: Tensor) -> dict[str, Any]:
    """A tensor's type and shape, with the batch first."""
    return {"dtype": str(t.dtype).removeprefix("torch."), "shape": ["batch", *t.shape[1:]]}


@contextmanager
def silent() -> Iterator[None]:
    """The exporter's remarks, which say nothing to a user, left out."""
    log = logging.getLogger("torch.onnx")
    before, nothing = log.level, io.StringIO()
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(nothing), redirect_stderr(nothing):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)
