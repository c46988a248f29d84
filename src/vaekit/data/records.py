"""A spec's record as JSON gives it back: every field of its type, or a sentence that says which is not."""

import math
from collections.abc import Callable, Mapping, Set
from typing import Any

from vaekit.data.domain import Binarise, Domain, Fit, chosen
from vaekit.data.factors import Factors
from vaekit.data.scaling import Scaling

__all__: list[str] = []

NEEDED = {"name", "shape", "domain"}
LARGEST = 1 << 62


def checked_record(record: Any, known: Set[str]) -> dict[str, Any]:
    """The fields of a DataSpec in their own types. Raises ValueError where the record holds anything else."""
    if not isinstance(record, Mapping):
        raise ValueError(f"a DataSpec is recorded as a mapping, got {type(record).__name__}")
    wrong = sorted(str(name) for name in (set(record) - known) | (NEEDED - set(record)))
    if wrong:
        raise ValueError(f"a DataSpec has name, shape, domain and some of {sorted(known)}, look at {wrong}")
    values = {name: READERS[name](value, name) for name, value in record.items()}
    check_together(values)
    return values


def check_together(values: Mapping[str, Any]) -> None:
    """Raise where fields that are sound alone contradict each other."""
    shape, classes = values["shape"], values.get("classes")
    if math.prod(shape) > LARGEST:
        raise ValueError(f"shape must be of at most {LARGEST} elements, got {shape}")
    if values["domain"] in (Domain.LEVELS, Domain.CATEGORIES) and values.get("levels") is None:
        raise ValueError(f"levels must be given for the domain {values['domain']}, got none")
    if values.get("words") and (len(values["words"]) != values.get("levels") or len(shape) != 1):
        raise ValueError(f"words must be one for each of the levels of strings, got {len(values['words'])}")
    if (values.get("timed") and len(shape) < 2) or (values.get("ragged") and not values.get("timed")):
        raise ValueError(f"timed and ragged belong to sequences (steps, *frame), got the shape {shape}")
    scaling = values.get("scaling")
    counted = {
        "label_names": (values.get("label_names"), classes, "classes"),
        "columns": (values.get("columns"), math.prod(shape), "elements"),
        "scaling": (None if scaling is None else scaling.means, math.prod(shape), "elements"),
    }
    for name, (items, wanted, of) in counted.items():
        if items and len(items) != wanted:
            raise ValueError(f"{name} must be one for each of {wanted} {of}, got {len(items)}")


def text(value: Any, name: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, got {short(value)}")
    return value


def flag(value: Any, name: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, got {short(value)}")
    return value


def whole(value: Any, name: str, least: int = 0) -> int:
    """A whole number from `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {short(value)}")
    return value


def number(value: Any, name: str) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1.7e308:
        raise ValueError(f"{name} must be a finite number, got {short(value)}")
    return float(value)


def listed(value: Any, name: str, of: Callable[[Any, str], Any]) -> tuple[Any, ...]:
    """A list whose every item is sound."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"{name} must be a list, got {short(value)}")
    return tuple(of(item, name) for item in value)


def size(value: Any, name: str) -> int:
    """A whole number from 1."""
    return whole(value, name, 1)


def level_count(value: Any, name: str) -> int:
    """A whole number from 2."""
    return whole(value, name, 2)


def scaling(value: Any, name: str) -> Scaling:
    """Means and scales of the same length, the scales above 0."""
    if not isinstance(value, Mapping) or set(value) != {"means", "scales"}:
        raise ValueError(f"{name} must hold means and scales, got {short(value)}")
    means, scales = (listed(value[part], f"{part} of {name}", number) for part in ("means", "scales"))
    if len(means) != len(scales) or not all(scale > 0 for scale in scales):
        raise ValueError(f"{name} must hold a positive scale for each of {len(means)} means")
    return Scaling(means, scales)


def factors(value: Any, name: str) -> Factors:
    """Names, and a number of values from 1 for each."""
    if not isinstance(value, Mapping) or set(value) != {"names", "sizes"}:
        raise ValueError(f"{name} must hold names and sizes, got {short(value)}")
    names, sizes = listed(value["names"], f"names of {name}", text), listed(value["sizes"], f"sizes of {name}", size)
    if len(names) != len(sizes) or not names:
        raise ValueError(f"{name} must hold a size for each of {len(names)} names, got {len(sizes)}")
    return Factors(names, sizes)


def optional(read: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """The same reader, which lets None through."""
    return lambda value, name: None if value is None else read(value, name)


def short(value: Any) -> str:
    """A value in at most forty characters."""
    written = repr(value) if isinstance(value, int | float | str | bool | None) else type(value).__name__
    return written if len(written) <= 40 else f"{written[:37]}..."


READERS: dict[str, Callable[[Any, str], Any]] = {
    "name": text,
    "shape": lambda value, name: listed(value, name, size),
    "domain": lambda value, name: chosen(Domain, value, name),
    "levels": optional(level_count),
    "classes": optional(size),
    "context": optional(lambda value, name: listed(value, name, size)),
    "binarise": optional(lambda value, name: chosen(Binarise, value, name)),
    "dequantise": flag,
    "notes": lambda value, name: listed(value, name, text),
    "label_names": lambda value, name: listed(value, name, text),
    "columns": lambda value, name: listed(value, name, text),
    "scaling": optional(scaling),
    "fit": optional(lambda value, name: chosen(Fit, value, name)),
    "grey": optional(level_count),
    "labelled": optional(number),
    "timed": flag,
    "ragged": flag,
    "vocabulary": optional(size),
    "words": lambda value, name: listed(value, name, text),
    "unit": optional(text),
    "factors": optional(factors),
}
