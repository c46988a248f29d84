"""Whether data that are opened again are those that a run began with."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from vaekit.data import Data, DataSpec, Scaling, Split

__all__ = ["check_same", "examples_of"]

LOOKED_AT = 32  # examples of each split
WORDS = ("name", "notes")


def examples_of(data: Data) -> dict[str, dict[str, Any]]:
    """What run.json says of each split: how many examples it has, and their fingerprint."""
    return {role: {"count": len(split), "sha256": fingerprint(split)} for role, split in data.splits().items()}


def fingerprint(split: Split) -> str:
    """SHA-256 of up to 32 examples, spread evenly, as they are stored, of every label and every length.

    No device has a part in it, and no noise that is drawn at a visit. Of a stream only those examples are read.
    """
    n = min(LOOKED_AT, len(split))
    digest = hashlib.sha256(bytes_of(split.stored.take(torch.arange(n) * len(split) // n)))
    if split.labels is not None:
        digest.update(bytes_of(split.labels.long()))
    if split.lengths is not None:
        digest.update(bytes_of(split.lengths))
    return digest.hexdigest()


def bytes_of(t: Tensor) -> bytes:
    """The numbers of a tensor, in order, as they lie in memory."""
    return t.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def check_same(record: Mapping[str, Any], data: Data) -> None:
    """Raise ValueError, saying what differs, unless `data` are those of which run.json holds this record.

    Records from before examples were written down pass. Labels that were given as the context may be missing there.
    """
    before = record.get("examples")
    if before is None:
        return
    different = next(differences(record, before, data), None)
    if different is not None:
        raise ValueError(f"the data are not those that the run was trained on: {different}; train a new run on them")


def differences(record: Mapping[str, Any], before: Mapping[str, Any], data: Data) -> Iterator[str]:
    """What differs, in words: sizes of splits, then what was decided of the data, then the examples themselves."""
    splits = data.splits()
    for role in sorted({*before, *splits}):
        was, now = recorded(before, role, "count") or 0, len(splits.get(role, ()))
        if was != now:
            yield f"split {role!r} had {was} examples and has {now}"
    yield from differing_fields(DataSpec.from_dict(record["spec"]), data.spec)
    for role, split in splits.items():
        if recorded(before, role, "sha256") != fingerprint(split):
            yield f"split {role!r} holds other examples, or the same ones in another order"


def differing_fields(was: DataSpec, now: DataSpec) -> Iterator[str]:
    """The decisions that differ; names and notes are none."""
    if was.context == () and now.context is None and now.classes is not None:
        now = replace(now, context=())
    if was.factors is None:  # no decision, and not in records of earlier versions
        now = replace(now, factors=None)
    for field in fields(DataSpec):
        old, new = getattr(was, field.name), getattr(now, field.name)
        if field.name not in WORDS and not alike(old, new):
            yield f"{field.name} was {str(old)[:60]} and is {str(new)[:60]}"


def alike(old: Any, new: Any) -> bool:
    """Whether two decisions are the same; scalings up to what another order of summation changes."""
    if isinstance(old, Scaling) and isinstance(new, Scaling) and len(old.means) == len(new.means):
        pairs = zip((*old.means, *old.scales), (*new.means, *new.scales), strict=True)
        return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in pairs)
    return bool(old == new)


def recorded(before: Mapping[str, Any], role: str, name: str) -> Any:
    """What run.json says of a split; None where it says nothing that could be meant."""
    said = before.get(role)
    return said.get(name) if isinstance(said, Mapping) else None
