"""A model's parts as ONNX: tensors in, parameters of distributions out, run by anything that runs ONNX."""

import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaekit.conditionals import ParametersOf
from vaekit.data import DataSpec, Domain, blank_context
from vaekit.evaluation.passes import evaluating
from vaekit.integrations.sink import in_a_line
from vaekit.models.model import Model, Part
from vaekit.training.checkpoint import write_text
from vaekit.training.whole import put_whole

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
    with evaluating(model):
        return put_whole(lambda beside: all_written(parts, spec, beside), folder)


def all_written(parts: Mapping[str, Part], spec: DataSpec, folder: Path) -> list[Path]:
    """Every part in a file of an empty folder, and last parts.json; the files, large weights in files of their own."""
    about = {name: written(part, spec, folder / f"{name}.onnx") for name, part in parts.items()}
    files = [folder / f"{name}.onnx" for name in parts]
    weights = sorted(path for path in folder.iterdir() if path not in files)
    text = json.dumps({"data": spec.to_dict(), "parts": about}, indent=2) + "\n"
    write_text(folder / "parts.json", text)
    return [*files, *weights, folder / "parts.json"]


def written(part: Part, spec: DataSpec, path: Path) -> dict[str, Any]:
    """One part in its file, which gives the model's numbers; what it takes and gives."""
    module = ParametersOf(part.conditional, part.embed).cpu().eval()
    inputs = inputs_of(part, spec, 2)
    names = ["input", "context"][: len(inputs)]
    outputs = module(*inputs)
    with exporting(path.stem):
        shapes = {"inputs": tuple({0: torch.export.Dim("batch")} for _ in inputs)}
        exported = torch.export.export(module, inputs, dynamic_shapes=shapes)
        program = torch.onnx.export(exported, input_names=names, output_names=list(outputs), dynamo=True, verbose=False)
        assert program is not None
        program.save(path)
    check(path, module, inputs_of(part, spec, 5), names)
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
    context = blank_context(spec, n) if part.context is None else torch.rand(n, *part.context, generator=generator)
    return (first,) if context is None else (first, context)


def check(path: Path, module: ParametersOf, inputs: tuple[Tensor, ...], names: list[str]) -> None:
    """Raise ValueError where the file gives other numbers than the module."""
    import onnxruntime

    with exporting(path.stem):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        found = session.run(None, {name: t.numpy() for name, t in zip(names, inputs, strict=True)})
    for (name, expected), array in zip(module(*inputs).items(), found, strict=True):
        if not torch.allclose(torch.from_numpy(array), expected, RELATIVE, ABSOLUTE):
            raise ValueError(f"{path.name}: {name} differs in ONNX by more than rounding, so nothing was written")


def described(t: Tensor) -> dict[str, Any]:
    """A tensor's type and shape, with the batch first."""
    return {"dtype": str(t.dtype).removeprefix("torch."), "shape": ["batch", *t.shape[1:]]}


@contextmanager
def exporting(name: str) -> Iterator[None]:
    """The exporter, quiet; what it cannot do becomes one sentence that names the part."""
    try:
        with silent():
            yield
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"{name} cannot be exported to ONNX: {root_of(error)}") from error


def root_of(error: BaseException) -> str:
    """The first line of what an error began with."""
    while error.__cause__ is not None:
        error = error.__cause__
    return in_a_line(error)


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
