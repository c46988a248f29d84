"""From what the user names to what it holds: which kind of source it is, and who reads it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaekit.data.arrays import ARRAY_FILES, from_file
from vaekit.data.asked import FromFiles
from vaekit.data.folders import from_folder
from vaekit.data.grids import NAME as SHAPES
from vaekit.data.named import ROOT_NAMES, from_idx, from_name, holds_idx
from vaekit.data.pictures import PICTURE_FILES
from vaekit.data.shard_names import SHARD_FILES, is_pattern, shards_in
from vaekit.data.shards import from_shards
from vaekit.data.sources import Found, described, from_memory
from vaekit.data.tables import TABLE_FILES, from_frame, from_table_file, is_frame
from vaekit.data.text import TEXT_FILES, from_lines, is_text, lines_of

__all__: list[str] = []

FILES = (*ARRAY_FILES, *TABLE_FILES, *TEXT_FILES, *SHARD_FILES, *PICTURE_FILES)


def find(source: Any, folder: Path | None, asked: FromFiles) -> Found:
    """What the source holds, from wherever it is. Raises ValueError where options do not belong to its kind."""
    named = isinstance(source, str) and not is_path(source)
    if folder is not None and not named:
        raise ValueError(f"folder belongs to a set's name, got source {described(source)}")
    kind = kind_of(source)
    check_belongs(asked, kind, source)
    if kind == "name":
        return from_name(source, folder, asked)
    if kind == "lines":
        return from_lines(source, "text", asked)
    if kind == "memory":
        return from_memory(source, asked.limit)
    if kind == "frame":
        return from_frame(source, asked)
    path = Path(source)
    if kind == "text":
        return from_lines(lines_of(path), path.stem, asked)
    if kind == "array":
        return from_file(path, asked.memory)
    if kind == "table":
        return from_table_file(path, asked)
    if kind == "idx":
        return from_idx(path.resolve().name, path)
    return from_shards(str(source), asked) if kind == "shards" else from_folder(path, asked)


def kind_of(source: Any) -> str:
    """name, memory, lines, frame, array, table, text, idx, shards or pictures."""
    if isinstance(source, str | Path):
        return kind_of_path(source) if is_path(source) else "name"
    if is_text(source):
        return "lines"
    return "frame" if is_frame(source) else "memory"


def kind_of_path(source: str | Path) -> str:
    """What a file is by its name, and a folder by the files in it. Raises ValueError where neither says."""
    text, path = str(source), Path(source)
    if is_pattern(text):
        return "shards"
    if path.is_dir():
        if holds_idx(path):
            return "idx"
        return "shards" if shards_in(path) else "pictures"
    kinds = {"array": ARRAY_FILES, "table": TABLE_FILES, "shards": SHARD_FILES, "text": TEXT_FILES}
    for kind, endings in kinds.items():
        if text.lower().endswith(endings) and (kind != "text" or path.exists()):
            return kind
    if not path.exists():
        raise ValueError(f"source must name a file or folder that is there, got {text}")
    if text.lower().endswith(PICTURE_FILES):
        raise ValueError(f"source must be a folder of pictures rather than one picture, got {text}")
    raise ValueError(f"source must be a folder or end in one of {', '.join(FILES)}, got {text}")


def is_path(source: Any) -> bool:
    """Whether a source is meant as a path rather than as a set's name."""
    if isinstance(source, Path):
        return True
    if not isinstance(source, str) or source in ROOT_NAMES:
        return False
    there = bool(source) and "\0" not in source and Path(source).exists()
    return source.lower().endswith(FILES) or "/" in source or "\\" in source or is_pattern(source) or there


def check_belongs(asked: FromFiles, kind: str, source: Any) -> None:
    """Raise where an option is given to a source of another kind."""
    to_size = kind == "name" and str(source).partition(":")[0] == SHAPES
    given: Mapping[str, bool] = {
        "size": asked.size is not None and not to_size,
        "fit": asked.fit is not None,
        "channels": asked.channels is not None,
        "unreadable": asked.skip,
    }
    for name, is_given in given.items():
        if is_given and kind not in ("pictures", "shards"):
            raise ValueError(f"{name} belongs to pictures in files, got source {described(source)}")
    for name, value in {"unit": asked.unit, "vocabulary": asked.vocabulary, "longest": asked.longest}.items():
        if value is not None and kind not in ("text", "lines"):
            raise ValueError(f"{name} belongs to text, got source {described(source)}")
    if asked.columns is not None and kind not in ("table", "frame"):
        raise ValueError(f"columns belongs to tables, got source {described(source)}")
    if asked.label_column is not None and kind not in ("table", "frame"):
        raise ValueError(f"labels must be an array or a .npy file, or a column of a table, got {asked.label_column!r}")
