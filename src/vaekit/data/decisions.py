"""What was found and decided on opening, in sentences for people."""

from collections.abc import Mapping
from typing import Any

from vaekit.data.sources import Found
from vaekit.data.spec import DataSpec, by_size
from vaekit.data.split import Split

__all__: list[str] = []

MOST_NAMES = 12


def opening_words(found: Found, spec: DataSpec, why: str, source: Any) -> dict[str, str]:
    """The source, its values and labels, and what was done to them."""
    example = f"{by_size(spec.frame)} values"
    words = {
        "source": f"in memory: {source['memory']}" if isinstance(source, Mapping) else str(source),
        "example": f"a sequence, {spec.steps()} of {example}" if spec.timed else example,
        "values": f"{spec.values()}: {why}",
    }
    if spec.classes is not None:
        origin = "" if found.labels_from is None else f", from {found.labels_from}"
        words["labels"] = f"{spec.classes} classes{origin}{named_after(spec)}"
    if spec.factors is not None:
        words["factors"] = f"{len(spec.factors)} known: {spec.factors.describe()}"
    if spec.columns:
        words["columns"] = f"{len(spec.columns)}: {shortened(spec.columns)}"
    if spec.scaling is not None:
        words["scale"] = "each column minus its training mean, over its training standard deviation"
    if spec.fit is not None:
        words["size"] = f"{spec.shape[-1]}x{spec.shape[-2]} pixels, by {spec.fit}"
    if spec.notes:
        words["notes"] = "; ".join(spec.notes)
    return words


def split_words(splits: Mapping[str, Split], spec: DataSpec) -> dict[str, str]:
    """How many examples there are of each role, and where they are held."""
    sizes = ", ".join(f"{role} {len(split):,}" for role, split in splits.items())
    kept = (split.stored.kept for split in splits.values() if not split.in_memory)
    words = {"examples": sizes, "held": next(kept, "in memory")}
    if spec.labelled is not None:
        words["known labels"] = known_words(splits)
    return words if spec.context is None else {**words, "context": spec.context_values()}


def known_words(splits: Mapping[str, Split]) -> str:
    """How many labels of each split are known."""
    counted = {
        role: (int((split.labels >= 0).sum()), len(split)) for role, split in splits.items() if split.labels is not None
    }
    return ", ".join(f"{role} {known:,} of {of:,}" for role, (known, of) in counted.items())


def named_after(spec: DataSpec) -> str:
    """The classes' names, where they have some."""
    return "" if not spec.label_names else f": {shortened(spec.label_names)}"


def shortened(names: tuple[str, ...]) -> str:
    """The first few names, and how many there are besides."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
