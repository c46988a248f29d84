"""What a source's values are, how they are kept, and how a batch reads them."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from vaekit.data.ahead import Ahead
from vaekit.data.asked import Wanted
from vaekit.data.contexts import vocabulary_of
from vaekit.data.domain import WHOLE, Binarise, Domain
from vaekit.data.layout import checked, shaped, with_channel
from vaekit.data.noise import Reading, Visit, as_codes, as_floats, as_unit, binarise, dequantise
from vaekit.data.rows import Rows, all_equal, changed
from vaekit.data.scaling import Scaling, scaling_of
from vaekit.data.sources import Examples, Found
from vaekit.data.spec import DataSpec
from vaekit.data.split import Split
from vaekit.data.stored import Held, Stored, Streamed
from vaekit.data.values import (
    BYTES,
    Values,
    as_type,
    check_values,
    domain_of,
    integers_for,
    is_integer,
    levels_of,
    smallest,
    survey,
)

__all__: list[str] = []


@dataclass(frozen=True)
class Decided:
    """The spec of stored values, examples by role in their layout and type, how they are read, and why."""

    spec: DataSpec
    examples: dict[str, Examples]
    read: Reading
    visit: Visit | None
    why: str

    def __getitem__(self, role: str) -> Examples:
        return self.examples[role]


def decide(found: Found, said: Wanted) -> Decided:
    """What is stored, before noise. Raises ValueError where the source's examples are not sound or not as was said."""
    values = {role: found.values or survey(one.x, f"{named(found, role)}: x") for role, one in every(found).items()}
    groups = {role: checked(examples, named(found, role)) for role, examples in every(found).items()}
    timed = found.timed
    x, notes = shaped(groups["train"].x, said.shape, timed)
    domain, why = (said.domain, "as was said") if said.domain is not None else guessed(values["train"], x, found, said)
    known = said.levels if said.levels is not None or domain is not Domain.LEVELS else found.levels
    levels = len(found.words) if found.words else levels_of(values["train"], domain, known)
    check_values(values["train"], domain, levels, f"{found.name}: x")
    if all_equal(x):
        raise ValueError(f"{found.name}: every one of its {len(x):,} examples is the same: there is nothing to learn")
    scaled = standardised(said.standardise, found, domain, x.ndim - 1)
    read, visit = reading(domain, levels, said)
    spec = DataSpec(
        found.name,
        with_channel(x, domain, timed).shape[1:],
        domain,
        levels,
        classes=classes_in(found, groups),
        context=None if groups["train"].context is None else groups["train"].context.shape[1:],
        notes=(*found.notes, *notes),
        label_names=found.label_names,
        columns=found.columns,
        fit=found.fit,
        vocabulary=vocabulary_of(one.context for one in groups.values()),
        timed=timed,
        ragged=groups["train"].lengths is not None,
        words=found.words,
        unit=found.unit,
        factors=found.factors,
    )
    laid = {
        role: replace(examples, x=laid_out(examples.x, values[role], spec, said, scaled, named(found, role)))
        for role, examples in groups.items()
    }
    return Decided(spec, laid, read, visit, why)


def every(found: Found) -> dict[str, Examples]:
    """The examples by role."""
    return {"train": found.train, **found.own()}


def named(found: Found, role: str) -> str:
    """What errors call some examples."""
    return found.name if role == "train" else f"{found.name} ({role})"


def guessed(values: Values, x: np.ndarray | Rows, found: Found, said: Wanted) -> tuple[Domain, str]:
    """The domain where nothing was said: what the set knows of itself, else what the values show; and why."""
    if found.words:
        return Domain.CATEGORIES, f"text, by {found.unit}"
    if found.values == BYTES and said.levels is None:
        return Domain.LEVELS, "pictures in 8 bits"
    if said.levels is not None or found.levels is not None:
        levels = said.levels if said.levels is not None else found.levels
        return Domain.LEVELS, f"its values are {levels} levels"
    domain, why = domain_of(values, x.ndim - 1 - found.timed)
    if found.columns and domain is Domain.UNIT:  # as likely scaled so as bounded there
        return Domain.REAL, "a table's numbers, which happen to lie in [0, 1]"
    return domain, why


def standardised(asked: bool | None, found: Found, domain: Domain, rank: int) -> bool:
    """Whether columns are standardised: as was said, else those of tables of real numbers."""
    if asked and (domain is not Domain.REAL or rank != 1):
        raise ValueError(
            f"standardise needs vectors of the domain {Domain.REAL}, got events of {rank} axes, {domain}: "
            f"give standardise=False, or domain='{Domain.REAL}'"
        )
    return domain is Domain.REAL and bool(found.columns) if asked is None else asked


def reading(domain: Domain, levels: int | None, said: Wanted) -> tuple[Reading, Visit | None]:
    """How a batch reads stored values, and the noise that it adds to them."""
    if said.dequantise:
        if domain is not Domain.LEVELS or levels is None:
            raise ValueError(f"dequantise needs data of the domain {Domain.LEVELS}, got {domain}")
        return as_floats, partial(dequantise, levels=levels)
    if said.binarise is not None and domain not in (Domain.LEVELS, Domain.UNIT, Domain.BINARY):
        raise ValueError(f"binarise needs grey levels, the domain {Domain.LEVELS} or {Domain.UNIT}, got {domain}")
    visit = None if said.binarise is None or domain is Domain.BINARY else binarise
    return reading_of(domain, levels), visit


def reading_of(domain: Domain, levels: int | None) -> Reading:
    """How a batch reads stored values of a domain."""
    if domain is Domain.LEVELS and levels is not None:
        return partial(as_unit, levels=levels)
    return as_codes if domain is Domain.CATEGORIES else as_floats


def after_noise(spec: DataSpec, said: Wanted) -> DataSpec:
    """The spec of what a model sees, once noise has made grey levels binary or continuous."""
    if said.dequantise:
        return replace(spec, domain=Domain.UNIT, dequantise=True)
    if said.binarise is None or spec.domain is Domain.BINARY:
        return spec
    return replace(spec, domain=Domain.BINARY, levels=None, binarise=said.binarise, grey=spec.levels)


def classes_in(found: Found, groups: dict[str, Examples]) -> int | None:
    """As many as there are names, else one more than the highest label."""
    highest = {role: int(one.labels.max()) for role, one in groups.items() if one.labels is not None}
    if not highest:
        return None
    if highest.get("train", 0) < 0:
        raise ValueError(f"{found.name}: labels must be known for some examples, they are missing for every row")
    known, most = len(found.label_names), max(highest.values())
    if known and most >= known:
        raise ValueError(f"{found.name}: labels must be in 0..{known - 1}, the classes that there are, got {most}")
    return known or most + 1


def laid_out(
    x: np.ndarray | Rows, values: Values, spec: DataSpec, said: Wanted, scaled: bool, name: str
) -> np.ndarray | Rows:
    """Examples laid out and checked as the training examples were, in their smallest type unless they are scaled."""
    x = with_channel(shaped(x, said.shape, spec.timed)[0], spec.domain, spec.timed)
    if x.shape[1:] != spec.shape:
        raise ValueError(f"{name}: test examples must have the shape {spec.shape}, got {x.shape[1:]}")
    check_values(values, spec.domain, spec.levels, f"{name}: x")
    if scaled:
        return x
    whole = spec.domain in WHOLE or is_integer(x)
    return changed(x, partial(as_type, dtype=smallest(values, x.dtype, whole)))


def scaled_by_training(decided: Decided, rows: np.ndarray) -> Decided:
    """Every example standardised by the training rows alone, and the spec that says so."""
    scaling, constant = scaling_of(decided["train"].x, rows)
    change = partial(standardise, scaling=scaling)
    examples = {role: replace(one, x=changed(one.x, change)) for role, one in decided.examples.items()}
    columns = decided.spec.columns or tuple(map(str, range(len(constant))))
    still = [name for name, same in zip(columns, constant, strict=True) if same]
    note = (f"constant columns are only centred: {', '.join(still)}",) if still else ()
    spec = replace(decided.spec, scaling=scaling, notes=(*decided.spec.notes, *note))
    return replace(decided, spec=spec, examples=examples)


def standardise(x: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Columns of any type standardised, as float32."""
    return as_type(scaling.apply(x), np.dtype(np.float32))


def as_split(examples: Examples, read: Reading, visit: Visit | None) -> Split:
    """Examples as tensors, or a stream of them."""
    labels, context, lengths = examples.labels, examples.context, examples.lengths
    return Split(
        stored(examples.x),
        None if labels is None else small(labels),
        None if context is None else small(context),
        read,
        visit,
        lengths=None if lengths is None else torch.from_numpy(lengths),
        factors=None if examples.factors is None else small(examples.factors),
    )


def stored(x: np.ndarray | Rows) -> Stored:
    """Where a split finds its examples."""
    if isinstance(x, np.ndarray):
        return Held(torch.from_numpy(x))
    return Streamed(Ahead(x), torch.arange(len(x)), torch.device("cpu"))


def small(x: np.ndarray) -> torch.Tensor:
    """Labels or context in the smallest type: integers for integers, float16 as it is, float32 for other floats."""
    if is_integer(x):
        return torch.from_numpy(as_type(x, integers_for(Values(x.min(), x.max(), True, True))))
    return torch.from_numpy(as_type(x, np.dtype(np.float16 if x.dtype == np.float16 else np.float32)))


def drawn_for_good(split: Split, spec: DataSpec, key: tuple[int, ...]) -> Split:
    """The split with its noise drawn once, under a key of seeds."""
    return split.drawn(key, torch.uint8 if spec.domain is Domain.BINARY else torch.float32)


def keeps_noise(role: str, spec: DataSpec) -> bool:
    """Only training sees new noise at every visit."""
    return role == "train" and spec.binarise is not Binarise.FIXED
