"""Sets known by name: scikit-learn's digits, what is drawn here, and any set in MNIST's four IDX files."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vaekit.data import grids
from vaekit.data.asked import FromFiles
from vaekit.data.bouncing import moving_digits
from vaekit.data.characters import sprites
from vaekit.data.downloads import PUBLISHED, fetched
from vaekit.data.factors import Factors
from vaekit.data.idx import read_idx
from vaekit.data.nearest import nearest
from vaekit.data.sequences import Sequences
from vaekit.data.sources import Examples, Found

__all__: list[str] = []

ROOT = "VAEKIT_DATA"
STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
DRAWN: dict[str, Callable[..., Sequences]] = {"sprites": sprites, "moving-digits": moving_digits}
SIZES = re.compile(r"(?P<n>[1-9]\d{0,6})(x(?P<steps>[1-9]\d{0,3})(-(?P<most>[1-9]\d{0,3}))?)?")
ROOT_NAMES = ("digits", grids.NAME, *DRAWN, *PUBLISHED)
WHOLE = FromFiles()
FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
LABEL_NAMES = {"fashion-mnist": FASHION, "kmnist": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")}


def from_name(name: str, folder: Path | None, asked: FromFiles = WHOLE) -> Found:
    """The named set: drawn here, of scikit-learn, or from `folder`, else from $VAEKIT_DATA/name, else fetched."""
    kind = name.partition(":")[0]
    if kind == grids.NAME and folder is None:
        return grids.from_grid(name, asked)
    if kind in DRAWN and folder is None:
        return drawn(name)
    return digits() if name == "digits" and folder is None else from_idx(name, folder_of(name, folder))


def from_idx(name: str, folder: Path) -> Found:
    """A set in four IDX files."""
    train_x, train_y, test_x, test_y = map(read_idx, idx_files(name, folder))
    return Found(
        name,
        Examples(train_x, train_y),
        Examples(test_x, test_y),
        valid_share=1 / 12,
        label_names=LABEL_NAMES.get(name, ()),
        labels_from="the set's own files",
    )


def digits() -> Found:
    """1,797 handwritten digits of 8x8 pixels in 17 grey levels (Alpaydin & Kaynak 1998), part of scikit-learn."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    levels = images.reshape(-1, 1, 8, 8).astype(np.uint8)
    return Found("digits", Examples(levels, labels), levels=17, test_share=0.2, labels_from="scikit-learn")


def drawn(name: str) -> Found:
    """Sequences drawn here: NAME, NAME:COUNT, NAME:COUNTxSTEPS or NAME:COUNTxLEAST-MOST; labels are what stays."""
    kind, colon, sizes = name.partition(":")
    asked = SIZES.fullmatch(sizes) if colon else None
    if colon and asked is None:
        raise ValueError(f"source {name!r} must be {kind}, {kind}:COUNT, {kind}:COUNTxSTEPS or {kind}:COUNTxLEAST-MOST")
    found = {} if asked is None else {key: int(value) for key, value in asked.groupdict().items() if value is not None}
    least, longest = found.get("steps"), found.get("most", found.get("steps"))
    count = {} if "n" not in found else {"n": found["n"]}
    shortest = {"least": least} if "most" in found else {}
    made = DRAWN[kind](**count, **shortest, **({} if longest is None else {"steps": longest}))
    label, known = next(iter(made.content)), {**made.content, "motion": made.motion}
    return Found(
        kind,
        Examples(made.x, made.content[label], None, made.lengths, made.origin, np.stack(list(known.values()), 1)),
        levels=made.levels,
        test_share=0.1,
        label_names=made.names[label],
        labels_from=f"what was drawn: the {label}",
        notes=("no two clips alike" if made.origin is None else f"no picture of a {label} in two splits",),
        timed=True,
        factors=Factors(tuple(known), tuple(len(made.names[name]) for name in known)),
    )


def idx_files(name: str, folder: Path) -> list[Path]:
    """The four files, each plain or with .gz."""
    found = [next((path for path in both_ways(folder, stem) if path.is_file()), None) for stem in STEMS]
    missing = [stem for stem, path in zip(STEMS, found, strict=True) if path is None]
    if missing:
        raise ValueError(
            f"{name!r} needs {', '.join(STEMS)} (each plain or .gz) in one folder, "
            f"got {folder} without {', '.join(missing)}"
        )
    return [path for path in found if path is not None]


def holds_idx(folder: Path) -> bool:
    """Whether a folder holds any of the four files."""
    return any(path.is_file() for stem in STEMS for path in both_ways(folder, stem))


def both_ways(folder: Path, stem: str) -> tuple[Path, Path]:
    """A file's plain and gzipped names."""
    return folder / stem, folder / f"{stem}.gz"


def folder_of(name: str, folder: Path | None) -> Path:
    """Where a named set lies, after it was fetched if need be."""
    if folder is not None:
        return folder
    root = os.environ.get(ROOT)
    if name in PUBLISHED and (root is None or not holds_idx(Path(root) / name)):
        return fetched(name)
    if root is None:
        raise ValueError(
            f"source {name!r} is neither a known set (did you mean {nearest(name, ROOT_NAMES)}?) nor a path: to read "
            f"it as a set of IDX files ({', '.join(STEMS)}, each plain or .gz), give folder= or set ${ROOT}, which is "
            "not set"
        )
    return Path(root) / name
