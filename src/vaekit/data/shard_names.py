"""What the names of shards and of their members say: patterns, splits, keys."""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vaekit.data.folders import ROLES

__all__: list[str] = []

ZIPPED = (".tar.gz", ".tgz")
SHARD_FILES = (".tar", *ZIPPED)
BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}|\{([^{}]*,[^{}]*)\}")
MOST_SHARDS = 100_000


def key_of(name: str) -> tuple[str, str]:
    """A member's key, which ends at the first full stop of its file name, and what follows in small letters."""
    folder, slash, file = name.rpartition("/")
    key, _, ending = file.partition(".")
    return f"{folder}{slash}{key}", ending.lower()


def shards_in(folder: Path) -> list[Path]:
    """The shards that lie in a folder, in order."""
    return sorted(path for path in folder.iterdir() if path.name.lower().endswith(SHARD_FILES) and path.is_file())


def by_role(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Shards by the split that their names begin with; all of them are one set where none begins with train."""
    roles = [ROLES.get(re.split(r"[^a-z]", path.name.lower())[0]) for path in paths]
    if "train" not in roles or None in roles:
        return {"train": list(paths)}
    named = {role: [p for p, r in zip(paths, roles, strict=True) if r == role] for role in ("train", "valid", "test")}
    return {role: found for role, found in named.items() if found}


def is_pattern(source: str) -> bool:
    """Whether a source is shards with braces."""
    return source.lower().endswith(SHARD_FILES) and BRACES.search(source) is not None


def expanded(source: str) -> list[str]:
    """x-{000..002}.tar and x-{a,b}.tar as the names that they stand for."""
    parts: list[list[str]] = []
    at = 0
    for found in BRACES.finditer(source):
        parts += [[source[at : found.start()]], list(choices(found, source))]
        at = found.end()
    parts.append([source[at:]])
    if np.prod([float(len(part)) for part in parts]) > MOST_SHARDS:
        raise ValueError(f"a pattern must stand for at most {MOST_SHARDS:,} shards, got {source}")
    return ["".join(names) for names in itertools.product(*parts)]


def choices(found: re.Match[str], source: str) -> Iterator[str]:
    """What one pair of braces stands for."""
    low, high, several = found.groups()
    if several is not None:
        return iter(several.split(","))
    if not int(low) <= int(high) < int(low) + MOST_SHARDS:
        raise ValueError(f"a range in a pattern must rise, over at most {MOST_SHARDS:,} shards, got {source}")
    return (str(i).zfill(len(low)) for i in range(int(low), int(high) + 1))
