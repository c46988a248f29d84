"""Labels that are not known: which of them a model may see, chosen for each class, and how many there are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from vaekit.data.order import seeded
from vaekit.data.spec import DataSpec
from vaekit.data.split import Split

__all__: list[str] = []

UNKNOWN = -1
CHOOSING = 2  # a stream of random numbers, beside those of splits and of noise


def partly_labelled(
    splits: Mapping[str, Split], spec: DataSpec, per_class: int | None, seed: int
) -> tuple[Mapping[str, Split], DataSpec]:
    """The splits with all but `per_class` labels of each class hidden, if any; and a spec that says how many are known."""
    if per_class is not None:
        splits = hidden(splits, spec, per_class, seed)
    share = labelled_share(splits)
    if share == 0:
        raise ValueError(f"{spec.name}: labels are missing for every row of the training split: some must be known")
    return splits, replace(spec, labelled=share)


def hidden(splits: Mapping[str, Split], spec: DataSpec, per_class: int, seed: int) -> dict[str, Split]:
    """Training with `per_class` labels of each class that it holds, validation with none; the test keeps its own.

    The labels that are kept are drawn under `seed`. Raises ValueError for data without labels, and for a class that has
    fewer labels.
    """
    train = splits["train"]
    if train.labels is None:
        raise ValueError(f"labels_per_class needs data with labels, got {spec.describe()}: bring them by labels=")
    kept = chosen(train.labels, per_class, seed, spec.label_names)
    changed = {"train": replace(train, labels=without(train.labels, ~kept))}
    valid = splits.get("valid")
    if valid is not None and valid.labels is not None:
        changed["valid"] = replace(valid, labels=torch.full_like(signed(valid.labels), UNKNOWN))
    return {**splits, **changed}


def chosen(labels: Int[Tensor, " N"], per_class: int, seed: int, names: Sequence[str]) -> Bool[Tensor, " N"]:
    """Which examples keep their label: `per_class` of every class."""
    kept, order = (
        torch.zeros(len(labels), dtype=torch.bool),
        torch.randperm(len(labels), generator=seeded(seed, CHOOSING)),
    )
    for label in labels[labels >= 0].unique().tolist():
        rows = order[labels[order] == label]
        if len(rows) < per_class:
            called = repr(names[label]) if names else label
            raise ValueError(
                f"labels_per_class must be at most the labels of every class, got {per_class}: "
                f"class {called} has {len(rows)} in the training split"
            )
        kept[rows[:per_class]] = True
    return kept


def without(labels: Int[Tensor, " N"], hide: Bool[Tensor, " N"]) -> Int[Tensor, " N"]:
    """The labels, some of them unknown."""
    return signed(labels).masked_fill(hide, UNKNOWN)


def signed(labels: Int[Tensor, " N"]) -> Int[Tensor, " N"]:
    """Labels in a type that has a sign."""
    return labels.short() if labels.dtype is torch.uint8 else labels


def labelled_share(splits: Mapping[str, Split]) -> float | None:
    """The share of training examples whose label is known; None where every label of training and validation is."""
    seen = [split.labels for role, split in splits.items() if role != "test" and split.labels is not None]
    if not seen or all(bool((labels >= 0).all()) for labels in seen):
        return None
    train = splits["train"].labels
    assert train is not None
    return float((train >= 0).double().mean())
