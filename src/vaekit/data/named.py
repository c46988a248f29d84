"""Sets known by name: scikit-learn's digits, and any set in MNIST's four IDX files."""

import os
from pathlib import Path

import numpy as np

from vaekit.data.idx import read_idx
from vaekit.data.sources import Examples, Found

__all__: list[str] = []

ROOT = "VAEKIT_DATA"
STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def from_name(name: str, folder: str | Path | None) -> Found:
    """The named set, from `folder`, else from $VAEKIT_DATA/name; digits come with scikit-learn."""
    if name == "digits" and folder is None:
        return digits()
    train_x, train_y, test_x, test_y = map(read_idx, idx_files(name, folder))
    return Found(name, Examples(train_x, train_y), Examples(test_x, test_y), valid_share=1 / 12)


def digits() -> Found:
    """1,797 handwritten digits of 8x8 pixels in 17 grey levels (Alpaydin & Kaynak 1998), part of scikit-learn."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    levels = images.reshape(-1, 1, 8, 8).astype(np.uint8)
    return Found("digits", Examples(levels, labels), levels=17, test_share=0.2)


def idx_files(name: str, folder: str | Path | None) -> list[Path]:
    """The four files, each plain or with .gz."""
    where = folder_of(name, folder)
    found = [next((path for path in both_ways(where, stem) if path.is_file()), None) for stem in STEMS]
    missing = [stem for stem, path in zip(STEMS, found, strict=True) if path is None]
    if missing:
        raise ValueError(
            f"{name!r} needs {', '.join(STEMS)} (each plain or .gz) in one folder, "
            f"got {where} without {', '.join(missing)}"
        )
    return [path for path in found if path is not None]


def both_ways(folder: Path, stem: str) -> tuple[Path, Path]:
    """A file's plain and gzipped names."""
    return folder / stem, folder / f"{stem}.gz"


def folder_of(name: str, folder: str | Path | None) -> Path:
    """Where a named set lies."""
    if folder is not None:
        return Path(folder)
    root = os.environ.get(ROOT)
    if root is None:
        raise ValueError(
            f"source {name!r} is neither 'digits' nor a .npy or .npz file: to read it as a set of IDX files "
            f"({', '.join(STEMS)}, each plain or .gz), give folder= or set ${ROOT}, which is not set"
        )
    return Path(root) / name
