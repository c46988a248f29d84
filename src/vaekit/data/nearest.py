"""The name that was probably meant."""

import difflib
from collections.abc import Sequence

__all__: list[str] = []


def nearest(name: str, known: Sequence[str], most: int = 10) -> str:
    """The known names that resemble this one; where none does, the first of them."""
    return ", ".join(difflib.get_close_matches(name, known, 3, 0.5) or list(known[:most]))
