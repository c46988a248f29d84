"""Where a command's result goes: a picture, numbers in a file, or lines on standard output; written whole or not at all."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from torch import Tensor

from vaekit.data import DataSpec, Domain, sentences

__all__ = ["STDOUT", "announce", "check_events", "check_table", "write_events", "write_table"]

STDOUT = Path("-")
TABLES = (".csv", ".parquet")
NUMBERS = (*TABLES, ".npy")


def default_for(spec: DataSpec, name: str) -> Path:
    """NAME.png for pictures, .gif for sequences of them, .txt for text, .csv for rows of numbers, .npy for the rest."""
    if is_picture(spec.shape):
        return Path(f"{name}.png")
    if spec.words:
        return Path(f"{name}.txt")
    if spec.clips:
        return Path(f"{name}.gif")
    return Path(f"{name}.csv" if len(spec.shape) == 1 else f"{name}.npy")


def is_picture(shape: Sequence[int]) -> bool:
    """Whether events are pictures (channels, height, width) that a PNG can hold."""
    return len(shape) == 3 and shape[0] in (1, 3)


def check_events(out: Path, spec: DataSpec) -> None:
    """Raise ValueError, before any work, where events of this kind cannot be written to `out`."""
    if spec.words:
        if out != STDOUT:
            check(out, [".txt", ".npy"], "text")
        return
    fitting = [".npy"]
    fitting += [".png"] if is_picture(spec.shape) else [".gif", ".png"] if spec.clips else []
    fitting += list(TABLES) if len(spec.shape) == 1 else []
    if out == STDOUT and len(spec.shape) == 1:
        return
    check(out, fitting, f"events of shape {tuple(spec.shape)}")


def check_table(out: Path, more: Sequence[str] = ()) -> None:
    """Raise ValueError, before any work, where a table of numbers cannot be written to `out`."""
    if out != STDOUT:
        check(out, [*NUMBERS, *more], "a table of numbers")


def check(out: Path, fitting: Sequence[str], what: str) -> None:
    """The suffix must be one of those fitting, and the folder there."""
    if out.suffix.lower() not in fitting:
        raise ValueError(f"-o must name a {' or '.join(fitting)} file for {what}, got {out}")
    if not out.parent.is_dir():
        raise ValueError(f"-o names a file in {out.parent}, which is no folder")
    if not os.access(out.parent, os.W_OK):
        raise ValueError(f"-o names a file in {out.parent}, which cannot be written to")


def write_events(
    x: Tensor, spec: DataSpec, out: Path, columns: int | None = None, more: Mapping[str, Any] | None = None
) -> None:
    """Events (N, *event): a grid of pictures, an array, or a table in the data's columns and `more`.

    Sequences of pictures move in a .gif, and are strips of film in a .png.
    """
    if out.suffix.lower() == ".npy":
        write_array(x.numpy(), out)
    elif spec.words:
        write_lines(sentences(x.flatten(0, -2), spec), out)
    elif spec.clips:
        write_clips(x.flatten(0, -5), out, columns, range_for(x, spec))
    elif out.suffix.lower() == ".png":
        from vaekit.report import save_grid

        whole(out, lambda beside: save_grid(x.flatten(0, -4), beside, columns, between=range_for(x, spec)))
    else:
        write_table({**by_column(x, spec), **(more or {})}, out)


def write_lines(lines: Sequence[str], out: Path) -> None:
    """A sentence in each line of a text file, or on standard output."""
    text = "".join(f"{line}\n" for line in lines)
    if out == STDOUT:
        sys.stdout.write(text)
    else:
        whole(out, lambda beside: beside.write_text(text, encoding="utf-8"))


def range_for(x: Tensor, spec: DataSpec) -> tuple[float, float]:
    """What is black and what is white: 0 and 1 of values that lie between, else the lowest and the highest of x."""
    from vaekit.report.grids import range_of

    return (0.0, 1.0) if spec.domain in (Domain.BINARY, Domain.LEVELS, Domain.UNIT) else range_of(x)


def write_clips(clips: Tensor, out: Path, columns: int | None, between: tuple[float, float]) -> None:
    """Clips (N, T, C, H, W), moving in rows of `columns`, or each a row of its frames."""
    from vaekit.report import save_film, save_gif

    if out.suffix.lower() == ".gif":
        whole(out, lambda beside: save_gif(clips, beside, columns, between=between))
    else:
        whole(out, lambda beside: save_film(clips, beside, between=between))


def by_column(x: Tensor, spec: DataSpec) -> dict[str, np.ndarray]:
    """Rows (..., D) as named columns."""
    names = spec.columns or tuple(f"x{i}" for i in range(x.shape[-1]))
    return dict(zip(names, x.flatten(0, -2).T.numpy(), strict=True))


def write_table(columns: Mapping[str, Any], out: Path) -> None:
    """Named columns (N,) as CSV, Parquet, or an .npy of shape (N, columns)."""
    if out.suffix.lower() == ".npy":
        write_array(np.stack([np.asarray(column) for column in columns.values()], 1), out)
        return
    table = pa.table({name: np.asarray(column) for name, column in columns.items()})
    if out == STDOUT:
        sink = pa.BufferOutputStream()
        pa.csv.write_csv(table, sink)
        sys.stdout.write(sink.getvalue().to_pybytes().decode())
        return
    writer = pa.parquet.write_table if out.suffix.lower() == ".parquet" else pa.csv.write_csv
    whole(out, lambda beside: writer(table, beside))


def write_array(x: np.ndarray, out: Path) -> None:
    """An .npy file."""

    def save(beside: Path) -> None:
        with beside.open("wb") as file:
            np.save(file, x)

    whole(out, save)


def whole(out: Path, write: Callable[[Path], Any]) -> None:
    """Write under a temporary name beside `out`, then rename; nothing is left where that fails."""
    beside = out.with_name(f".{os.getpid()}-{out.name}")
    try:
        write(beside)
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)


def announce(record: Mapping[str, Any], as_json: bool, out: Path | None) -> None:
    """What was done: a JSON object, or the file's name; nothing where the result itself went to standard output."""
    if as_json and out != STDOUT:
        print(json.dumps(record))
    elif out is not None and out != STDOUT:
        print(out)
