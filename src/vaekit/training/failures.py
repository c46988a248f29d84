"""What ends a run before its time: numbers that broke, or a folder that takes no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

__all__ = ["Broken", "Unwritable", "writing"]


class Broken(RuntimeError):
    """Training met NaN or Inf and stopped."""


class Unwritable(ValueError):
    """The disk is full, or a file may not be written; what was saved before is as it was."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write `path` into one sentence that names it."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Unwritable(f"cannot write to {path}: {said}") from None
