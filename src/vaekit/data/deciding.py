"""What a source's values are, how they are kept, and how a batch reads them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from vaekit.data.domain import (
    WHOLE,
    Binarise,
    Domain,
    check_values,
    chosen,
    domain_of,
    is_integer,
    levels_of,
    smallest,
)
from vaekit.data.layout import checked, shaped, with_channel
from vaekit.data.noise import Reading, Visit, as_codes, as_floats, as_unit, binarise, dequantise
from vaekit.data.sources import Examples, Found
from vaekit.data.spec import DataSpec
from vaekit.data.split import Split

__all__: list[str] = []


@dataclass(frozen=True)
class Wanted:
    """What the user said about the values."""

    shape: tuple[int, ...] | None = None
    domain: Domain | None = None
    levels: int | None = None
    binarise: Binarise | None = None
    dequantise: bool = False


def wanted(
    shape: Sequence[int] | None, domain: str | None, levels: int | None, binarise: str | None, dequantise: bool
) -> Wanted:
    """The user's words, checked against each other."""
    if binarise is not None and dequantise:
        raise ValueError(
            f"binarise throws grey levels away and dequantise adds to them: give one, got {binarise!r} and True"
        )
    return Wanted(
        None if shape is None else tuple(map(int, shape)),
        None if domain is None else chosen(Domain, domain, "domain"),
        levels,
        None if binarise is None else chosen(Binarise, binarise, "binarise"),
        dequantise,
    )


def decide(found: Found, said: Wanted) -> tuple[DataSpec, Split, Split | None]:
    """The spec, and the source's examples and its own test examples as splits in which no noise is drawn yet."""
    train = checked(found.train, found.name)
    test = None if found.test is None else checked(found.test, f"{found.name} (test)")
    x, notes = shaped(train.x, said.shape)
    domain, levels = values_of(x, found, said)
    check_values(x, domain, levels, f"{found.name}: x")
    x = with_channel(x, domain)
    read, visit = reading(domain, levels, said)
    spec = DataSpec(
        found.name,
        x.shape[1:],
        domain,
        levels,
        classes=classes_in(train, test),
        context=None if train.context is None else train.context.shape[1:],
        notes=notes,
    )
    own_test = None if test is None else stored(test, like(test.x, spec, said), spec, read, visit)
    return after_noise(spec, said), stored(train, x, spec, read, visit), own_test


def values_of(x: np.ndarray, found: Found, said: Wanted) -> tuple[Domain, int | None]:
    """Domain and levels: what was said, else what the set knows of itself, else the guess."""
    known = said.levels if said.levels is not None else found.levels
    guess = Domain.LEVELS if known is not None else domain_of(x)
    domain = said.domain or guess
    return domain, levels_of(x, domain, known if domain is Domain.LEVELS else said.levels)


def reading(domain: Domain, levels: int | None, said: Wanted) -> tuple[Reading, Visit | None]:
    """How a batch reads stored values, and the noise that it adds to them."""
    if said.dequantise:
        if domain is not Domain.LEVELS or levels is None:
            raise ValueError(f"dequantise needs data of the domain {Domain.LEVELS}, got {domain}")
        return as_floats, partial(dequantise, levels=levels)
    if said.binarise is not None and domain not in (Domain.LEVELS, Domain.UNIT, Domain.BINARY):
        raise ValueError(f"binarise needs grey levels, the domain {Domain.LEVELS} or {Domain.UNIT}, got {domain}")
    visit = None if said.binarise is None or domain is Domain.BINARY else binarise
    if domain is Domain.LEVELS and levels is not None:
        return partial(as_unit, levels=levels), visit
    return (as_codes if domain is Domain.CATEGORIES else as_floats), visit


def after_noise(spec: DataSpec, said: Wanted) -> DataSpec:
    """The spec of what a model sees, once noise has made grey levels binary or continuous."""
    if said.dequantise:
        return replace(spec, domain=Domain.UNIT, dequantise=True)
    if said.binarise is None or spec.domain is Domain.BINARY:
        return spec
    return replace(spec, domain=Domain.BINARY, levels=None, binarise=said.binarise)


def classes_in(*groups: Examples | None) -> int | None:
    """One more than the highest label."""
    highest = [int(group.labels.max()) for group in groups if group is not None and group.labels is not None]
    return max(highest) + 1 if highest else None


def like(x: np.ndarray, spec: DataSpec, said: Wanted) -> np.ndarray:
    """Test examples laid out and checked as the training examples were."""
    x = with_channel(shaped(x, said.shape)[0], spec.domain)
    if x.shape[1:] != spec.shape:
        raise ValueError(f"{spec.name}: test examples must have the shape {spec.shape}, got {x.shape[1:]}")
    check_values(x, spec.domain, spec.levels, f"{spec.name}: x of the test examples")
    return x


def stored(examples: Examples, x: np.ndarray, spec: DataSpec, read: Reading, visit: Visit | None) -> Split:
    """Examples as tensors of the smallest types."""
    labels, context = examples.labels, examples.context
    return Split(
        smallest(x, spec.domain in WHOLE or is_integer(x)),
        None if labels is None else smallest(labels, True),
        None if context is None else smallest(context, is_integer(context)),
        read,
        visit,
    )


def rows_of(split: Split, rows: Tensor) -> Split:
    """A copy of some of a split's examples."""
    labels, context = split.labels, split.context
    return replace(
        split,
        x=split.x.index_select(0, rows),
        labels=None if labels is None else labels.index_select(0, rows),
        context=None if context is None else context.index_select(0, rows),
    )


def drawn_for_good(split: Split, spec: DataSpec, generator: torch.Generator) -> Split:
    """The split with its noise drawn once."""
    return split.drawn(generator, torch.uint8 if spec.domain is Domain.BINARY else torch.float32)
