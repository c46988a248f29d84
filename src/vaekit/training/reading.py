"""Text and JSON from files that anybody may have written, and fields of the types that are wanted."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

__all__ = ["field_of", "made_of", "read_json", "read_text"]

LARGEST = 64 << 20  # bytes of JSON or CSV that a run may sensibly hold

Made = TypeVar("Made")


def read_text(path: Path) -> str:
    """A file's text; ValueError where there is none, where it is none, or where it is beyond all measure."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path} is larger than {LARGEST >> 20} MiB, which no run writes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: {error.reason}") from None


def read_json(path: Path) -> dict[str, Any]:
    """A file's JSON object; ValueError where it is none."""
    try:
        record = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from None
    except RecursionError:
        raise ValueError(f"{path} is not valid JSON: it is nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(record).__name__}")
    return record


def field_of(record: Mapping[str, Any], name: str, fits: Callable[[Any], bool], wanted: str) -> Any:
    """A field that must be there and fit; ValueError in words where not."""
    if name not in record:
        raise ValueError(f"it lacks {name!r}")
    if not fits(record[name]):
        raise ValueError(f"{name} must be {wanted}, got {shown(record[name])}")
    return record[name]


def made_of(kind: type[Made], record: Any, what: str) -> Made:
    """A dataclass from a JSON object: only its own fields, each of its type; ValueError in words where not."""
    if not isinstance(record, dict):
        raise ValueError(f"{what} must be a JSON object, got {shown(record)}")
    hints, names = get_type_hints(kind), [f.name for f in fields(kind)]  # type: ignore[arg-type]
    for name, value in record.items():
        if name not in names:
            raise ValueError(f"{what} has no field {shown(name)}: it has {', '.join(names)}")
        if not of_type(value, hints[name]):
            raise ValueError(f"{name} of {what} must be {in_words(hints[name])}, got {shown(value)}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in record.items()})


def of_type(value: Any, hint: Any) -> bool:
    """Whether a value from JSON is of an annotation's type: numbers, strings, unions, tuples, dicts by string."""
    inner = get_args(hint)
    if hint is Any:
        return True
    if get_origin(hint) is UnionType:
        return any(of_type(value, one) for one in inner)
    if get_origin(hint) is tuple:
        same = isinstance(value, list | tuple) and len(value) == len(inner)
        return same and all(map(of_type, value, inner))
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(of_type(v, inner[1]) for v in value.values())
    if hint is float:
        return is_number(value)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


def is_number(value: Any) -> bool:
    """A number that a float can hold."""
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63)


def in_words(hint: Any) -> str:
    """A type as a person says it."""
    said = {int: "a whole number", float: "a number", str: "a string", bool: "true or false", type(None): "null"}
    if get_origin(hint) is UnionType:
        return " or ".join(map(in_words, get_args(hint)))
    return said.get(hint, "of another type")


def shown(value: Any) -> str:
    """A value in a few words, however large."""
    if isinstance(value, dict | list):
        return f"a {type(value).__name__} of {len(value)}"
    return repr(value)[:60]
