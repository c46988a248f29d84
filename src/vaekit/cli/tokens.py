"""Files of tokens: whole numbers by latent, and which weights they are of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from cyclopts import Parameter
from torch import Tensor

from vaekit.cli.coding import save_arrays
from vaekit.cli.given import NOTHING, Beside, array_in, arrays_in, files
from vaekit.cli.options import Json, Label, Out, Split
from vaekit.cli.output import announce, check_events, default_for, whole, write_events
from vaekit.runs import Run, load
from vaekit.runs.keeping import checksum

__all__ = ["detokenize", "tokenize"]

RunFolder = Annotated[Path, Parameter(help="the run's folder")]
OF = "of"  # in a file of tokens: the checksum of the weights that they are codes of
KINDS = (np.uint8, np.uint16, np.uint32, np.int64)


def tokenize(
    run: RunFolder,
    /,
    *examples: Annotated[str, Parameter(help="pictures, or one file or folder; held-out examples if not said")],
    out: Annotated[Path, Parameter(name=["-o", "--out"], help="an .npz file")] = Path("tokens.npz"),
    split: Split = None,
    beside: Beside = NOTHING,
    as_json: Json = False,
) -> None:
    """Examples as whole numbers, the codes of a model that quantises: an array for each latent in an .npz file."""
    opened = load(run)
    if out.suffix != ".npz":
        raise ValueError(f"tokens go into an .npz file, got -o {out}")
    if examples:
        with files(examples) as given:
            found = opened.tokenize(beside.read(opened, given))
    else:
        found = opened.tokenize(opened.split(split)[1])
    arrays = {name: smallest(code) for name, code in found.items()} | {OF: np.array(weights_of(opened))}
    whole(out, lambda path: save_arrays(arrays, path))
    announce({"file": str(out), "tokens": {name: list(code.shape) for name, code in found.items()}}, as_json, out)


def detokenize(
    run: RunFolder,
    tokens: Annotated[Path, Parameter(help="an .npz file as tokenize writes them, or an .npy of one latent's")],
    /,
    *,
    out: Out = None,
    label: Label = None,
    as_json: Json = False,
) -> None:
    """Tokens back to what they stand for: a .png picture, or numbers in an .npy, .csv or .parquet file."""
    opened = load(run)
    where = default_for(opened.spec, "detokenized") if out is None else out
    check_events(where, opened.spec)
    x = opened.detokenize(read_tokens(tokens, opened), label=label)
    write_events(x, opened.spec, where)
    announce({"file": str(where), "examples": len(x)}, as_json, where)


def read_tokens(path: Path, run: Run) -> Tensor | Mapping[str, Tensor]:
    """The tokens of a file. Raises ValueError for one that holds none, or those of other weights."""
    arrays, _ = arrays_in(path) if path.suffix.lower() == ".npz" else array_in(path)
    of = arrays.pop(OF, None)
    if of is not None and str(of) != weights_of(run):
        raise ValueError(
            f"{path} holds tokens of other weights than those of {run.path}: their codes mean other things"
        )
    found = {name: as_tensor(array) for name, array in arrays.items()}
    return found.get("", found)


def as_tensor(array: np.ndarray) -> Tensor:
    """An array as a tensor; whole numbers in 64 bits."""
    if array.dtype.kind not in "iuf":
        raise ValueError(f"tokens must be whole numbers, got {array.dtype}")
    return torch.from_numpy(array.astype(np.int64 if array.dtype.kind in "iu" else np.float32))


def smallest(code: Tensor) -> np.ndarray:
    """Tokens in the smallest type that holds them."""
    most = int(code.max())
    kind = next(kind for kind in KINDS if most <= np.iinfo(kind).max)
    return code.numpy().astype(kind)


def weights_of(run: Run) -> str:
    """What tells these weights from others."""
    return checksum(run.path / "best.safetensors")
