"""Files of codes: one latent in a table or an array, several in one .npz."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from vaekit.cli.output import check_table, whole, write_array, write_table
from vaekit.latent import in_words

__all__ = ["for_codes", "write_codes"]


def for_codes(out: Path | None, latents: Sequence[str], latent: str | None, draws: int | None) -> Path:
    """Where codes go, refused before any work where they cannot: as said, else codes.npy, or codes.npz of several."""
    several = latent is None and len(latents) > 1
    where = out or Path("codes.npz" if several else "codes.npy")
    check_table(where, [".npz"])
    if several and where.suffix != ".npz":
        raise ValueError(
            f"the model has several latents ({in_words(latents)}): name one with --latent, or all go into an .npz file, "
            f"got -o {where}"
        )
    if draws is not None and where.suffix not in (".npy", ".npz"):
        raise ValueError(f"draws of codes have three axes and need an .npy or .npz file, got -o {where}")
    return where


def write_codes(codes: Mapping[str, Tensor], more: Mapping[str, Any], out: Path) -> None:
    """Codes by latent; `more` are columns (N,) beside them, in a table or an .npz."""
    if out.suffix == ".npz":
        arrays = {**{name: z.numpy() for name, z in codes.items()}, **more}
        whole(out, lambda beside: save_arrays(arrays, beside))
        return
    name, z = next(iter(codes.items()))
    if out.suffix == ".npy":
        write_array(z.numpy(), out)
        return
    prefix = name if name == "z" else f"{name}_"
    columns = z.flatten(1) if z.ndim > 1 else z[:, None]
    write_table({f"{prefix}{i}": column for i, column in enumerate(columns.T.numpy())} | dict(more), out)


def save_arrays(arrays: Mapping[str, Any], path: Path) -> None:
    """An .npz file under exactly this name."""
    with path.open("wb") as file:
        np.savez(file, **arrays)
