"""Folders of pictures: which files, what their sub-folders mean."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vaekit.data.asked import FromFiles
from vaekit.data.blobs import OnDisk
from vaekit.data.pictures import PICTURE_FILES, Look, look_through
from vaekit.data.sources import Examples, Found
from vaekit.data.values import BYTES

__all__: list[str] = []

ROLES = {"train": "train", "training": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}


@dataclass(frozen=True)
class Group:
    """Files of one split, relative to the set's folder, and each one's class where classes are folders."""

    names: tuple[str, ...]
    classes: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


def from_folder(path: Path, asked: FromFiles) -> Found:
    """The pictures below a folder, with the classes and splits that its sub-folders name."""
    groups = {role: limited(group, asked.limit) for role, group in grouped(path).items()}
    classes = sorted({name for group in groups.values() for name in group.classes or ()})
    labelled = all(group.classes is not None for group in groups.values())
    look: Look | None = None
    examples, notes = dict[str, Examples](), list[str]()
    for role, group in sorted(groups.items(), key=lambda item: item[0] != "train"):
        seen = look_through(OnDisk(path, group.names), str(path), asked, look)
        look = seen.look
        labels = None if not labelled else numbered(group.classes or (), classes)[seen.kept]
        examples[role] = Examples(seen.x, labels)
        notes += [*group.notes, *seen.notes]
    assert look is not None
    bare = sorted(role for role, group in groups.items() if group.classes is None)
    if classes and bare:
        notes.append(f"no labels, since the pictures of {' and '.join(bare)} lie in no sub-folders")
    return Found(
        path.resolve().name,
        examples["train"],
        test=examples.get("test"),
        valid=examples.get("valid"),
        levels=256,
        values=BYTES,
        label_names=tuple(classes) if labelled else (),
        labels_from="the names of sub-folders" if labelled else None,
        fit=look.fit,
        notes=tuple(notes),
    )


def grouped(path: Path) -> dict[str, Group]:
    """The pictures by split: of the folders train, valid and test where train is one, else all together.

    Raises ValueError where another folder, or a second one for a split, lies beside those of two splits or more.
    """
    names = picture_names(path)
    tops = {name.split("/")[0]: ROLES.get(name.split("/")[0].lower()) for name in names if "/" in name}
    roles = {role for role in tops.values() if role is not None}
    apart = "train" in roles and len(tops) == len(roles)
    if "train" in roles and len(roles) > 1 and not apart:
        strays = sorted(top for top, role in tops.items() if role is None) or sorted(tops)
        raise ValueError(
            f"{path} must hold one folder for each of train, valid and test and no others beside them, "
            f"got {', '.join(strays)}"
        )
    if not apart or any("/" not in name for name in names):
        return {"train": classed(names, 0)}
    return {str(role): classed([n for n in names if n.startswith(f"{top}/")], 1) for top, role in tops.items()}


def classed(names: Sequence[str], depth: int) -> Group:
    """Files whose folder at `depth` is their class, where all of them are in one."""
    parts = [name.split("/") for name in names]
    inside = [len(part) > depth + 1 for part in parts]
    if all(inside):
        return Group(tuple(names), tuple(part[depth] for part in parts))
    beside = len(names) - sum(inside)
    notes = (f"{beside:,} pictures lie beside sub-folders, so these are no labels",) if any(inside) else ()
    return Group(tuple(names), None, notes)


def picture_names(path: Path) -> list[str]:
    """The pictures below a folder in the order of their names, hidden ones left out. Raises ValueError without any."""
    found = []
    for folder, inner, files in os.walk(path):
        inner[:] = [name for name in inner if not name.startswith((".", "__MACOSX"))]
        below = Path(folder).relative_to(path)
        found += [
            (below / name).as_posix()
            for name in files
            if name.lower().endswith(PICTURE_FILES) and not name.startswith(".")
        ]
    if not found:
        raise ValueError(
            f"{path} must hold pictures ({', '.join(PICTURE_FILES)}), shards (.tar, .tar.gz) or four IDX files, "
            "got a folder without any"
        )
    return sorted(found)


def limited(group: Group, limit: int | None) -> Group:
    """At most `limit` of the files, spread evenly so that every class has its share."""
    n = len(group.names)
    if limit is None or n <= limit:
        return group
    rows = [i * n // limit for i in range(limit)]
    classes = None if group.classes is None else tuple(group.classes[i] for i in rows)
    return replace(group, names=tuple(group.names[i] for i in rows), classes=classes)


def numbered(classes: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Classes as their positions among the names, (N,)."""
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[name] for name in classes], dtype=np.int64)
