"""Options that several commands share, and those of the data, which `train`, `data` and `sweep` take."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.group import Group

import vaekit.data
from vaekit.data import Data

__all__ = [
    "DATA",
    "OPEN",
    "Codes",
    "Context",
    "CodesOut",
    "Examples",
    "Json",
    "Label",
    "Labels",
    "Lengths",
    "Out",
    "Seed",
    "Split",
    "SOURCE",
    "opened",
    "option",
]

DATA = Group("Data", sort_key=1)

SOURCE = (
    "digits, mnist, fashion-mnist, kmnist; shapes (with known factors); sprites, moving-digits (sequences of pictures); a "
    "folder of pictures (sub-folders are labels); a .npy, .npz, .csv or .parquet file; a .txt of sentences; .tar shards"
)
Seed = Annotated[int, Parameter(help="seed of all random numbers")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="print JSON on standard output")]
Out = Annotated[
    Path | None,
    Parameter(
        name=["-o", "--out"],
        allow_leading_hyphen=True,
        help=".png for pictures, .gif for moving ones, .npy, .csv or .parquet for numbers, or - for CSV "
        "[default: a fitting name here]",
    ),
]
CodesOut = Annotated[
    Path | None,
    Parameter(
        name=["-o", "--out"],
        allow_leading_hyphen=True,
        help=".npy, .csv, .parquet, or - for CSV; .npz for all latents [default: codes.npy, codes.npz of several]",
    ),
]
Examples = Annotated[
    str,
    Parameter(help="examples: a file, a folder of pictures, or - for CSV on standard input", allow_leading_hyphen=True),
]
Codes = Annotated[
    str,
    Parameter(
        help="codes, one row each: .npy, .csv or .parquet, .npz with several latents by name, or - for CSV",
        allow_leading_hyphen=True,
    ),
]
Labels = Annotated[str | None, Parameter(help="for a model conditioned on labels: their column, or an .npy file")]
Context = Annotated[
    str | None,
    Parameter(help="for a model with a context: an .npy file with a row for each; where it completes, the examples"),
]
Lengths = Annotated[
    str | None,
    Parameter(help="of sequences: an .npy file of how many steps of each exist [default: all, or as FILE says]"),
]
Label = Annotated[str | None, Parameter(help="for a model conditioned on labels: one for all, by number or name")]
Split = Annotated[str | None, Parameter(help="train, valid or test; the first of test, valid, train if not said")]


def option(kind: Any, name: str, default: Any, group: Group, said: str) -> inspect.Parameter:
    """A keyword of a command, with its help."""
    shown = Annotated[kind, Parameter(help=said, group=group, consume_multiple=True, negative_iterable=())]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=shown)


OPEN = [
    option(Path | None, "data_dir", None, DATA, "folder that holds a named set's files; else $VAEKIT_DATA/NAME"),
    option(tuple[int, ...] | None, "size", None, DATA, "make pictures this size: one number, or height and width"),
    option(
        str | None, "fit", None, DATA, "how pictures are made that size: crop (the middle; default), stretch or pad"
    ),
    option(int | None, "image_channels", None, DATA, "1 for grey, 3 for colour [default: as the files are]"),
    option(str, "unreadable", "refuse", DATA, "refuse, or skip and list, files that are no readable pictures"),
    option(str | None, "labels", None, DATA, "of a table: the column of labels; else an .npy file of them"),
    option(str | None, "context", None, DATA, "what to condition on: an .npy file of tokens (-1 for none) or numbers"),
    option(bool | None, "timed", None, DATA, "the first axis of an example is time [default: where lengths are given]"),
    option(str | None, "lengths", None, DATA, "of sequences: an .npy file of how many steps of each exist"),
    option(tuple[str, ...] | None, "columns", None, DATA, "of a table: only these columns"),
    option(
        bool | None, "standardise", None, DATA, "columns to mean 0 and deviation 1 [default: tables of real numbers]"
    ),
    option(str | None, "domain", None, DATA, "what the values are, where the guess is wrong: real, unit, counts, ..."),
    option(int | None, "levels", None, DATA, "how many grey levels there are, where the guess is wrong"),
    option(str | None, "binarise", None, DATA, "visit (drawn afresh at every visit) or fixed: make grey levels binary"),
    option(bool, "dequantise", False, DATA, "add uniform noise to levels, for densities on [0, 1]"),
    option(
        float | None, "valid", None, DATA, "examples (or share of them) held out to choose the best weights; 0 for none"
    ),
    option(float | None, "test", None, DATA, "examples (or share of them) held out for the test"),
    option(
        int | None,
        "labels_per_class",
        None,
        DATA,
        "train with so many labels of each class; the others are hidden, and all of validation's",
    ),
    option(str | None, "unit", None, DATA, "of text: words or characters [default: words, of single words characters]"),
    option(
        int | None, "vocabulary", None, DATA, "of text: so many words at most, the others are <unk> [default: 10000]"
    ),
    option(int | None, "longest", None, DATA, "of text: leave out lines of more words"),
    option(int | None, "limit", None, DATA, "only the first so many examples"),
    option(float, "memory", 2.0, DATA, "GiB of decoded data to hold in memory; larger sets are streamed from the disk"),
]
OTHERWISE = {"data_dir": "folder", "image_channels": "channels"}  # recipes have channels of their own
NAMES = {p.name: OTHERWISE.get(p.name, p.name) for p in OPEN}


def opened(source: str, options: Mapping[str, Any]) -> Data:
    """The data that a command's options describe."""
    given = {NAMES[name]: value for name, value in options.items() if name in NAMES}
    if given.get("columns"):
        given["columns"] = [name for part in given["columns"] for name in part.split(",")]
    if len(given.get("size") or ()) == 1:
        given["size"] = given["size"][0]
    return vaekit.data.open(source, **given, seed=options.get("seed", 0))
