"""The Hugging Face Hub: a run up with a model card, and down again as a run folder."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HFValidationError, HTTPError, LocalEntryNotFoundError
from huggingface_hub.utils import validate_repo_id

from vaekit.integrations.card import model_card
from vaekit.integrations.sink import in_a_line
from vaekit.training import read_metrics
from vaekit.training.checkpoint import write_text
from vaekit.training.failures import writing
from vaekit.training.folder import RunFolder
from vaekit.training.reading import read_json, read_text

__all__ = ["pull", "push"]

DATA_FREE = ("best.safetensors", "metrics.csv")
KEPT = (
    "format",
    "recipe",
    "arguments",
    "data",
    "spec",
    "plan",
    "objective",
    "parameters",
    "versions",
    "status",
    "steps",
    "best_epoch",
)
WANTED = ("run.json", "README.md", "evaluation.json", "report.html", "*.png", *DATA_FREE)


def push(
    folder: Path, repo_id: str, *, private: bool = False, token: str | None = None, to: Path | str | None = None
) -> str:
    """Publish a run as `repo_id`, "user/name", and return where it is; with `to`, write the same files to that folder.

    Goes up: the best weights, the record without anybody's paths, the table, the evaluation, pictures, the report, and
    a README.md written from them. ValueError where the run has no weights yet, or the hub refuses.
    """
    folder = Path(folder)
    check_name(repo_id)
    record = RunFolder(folder).read()
    if not (folder / "best.safetensors").is_file():
        raise ValueError(f"{folder} has no best weights yet (status {record['status']}): vaekit resume {folder}")
    if to is not None:
        return str(write_all(folder, record, repo_id, Path(to)))
    with TemporaryDirectory() as beside:
        write_all(folder, record, repo_id, Path(beside))
        try:
            api = HfApi(token=token, library_name="vaekit")
            address = api.create_repo(repo_id, private=private, exist_ok=True)
            api.upload_folder(repo_id=repo_id, folder_path=beside, commit_message="A run of vaekit")
        except (HTTPError, OSError) as error:
            raise ValueError(f"cannot push to {repo_id!r}: {in_a_line(error)}") from None
    return str(address)


def pull(source: Path | str, *, revision: str | None = None, token: str | None = None) -> Path:
    """The run folder that `source` is, or that the hub has under that name, downloaded once and then kept.

    ValueError where there is neither. Only the files that `push` writes are fetched.
    """
    if source != "" and Path(source).is_dir():
        if revision is not None:
            raise ValueError(f"revision belongs to a name on the hub, got {revision!r} for the folder {source}")
        return Path(source)
    name = str(source)
    check_name(name)
    try:
        return Path(snapshot_download(name, revision=revision, token=token, allow_patterns=list(WANTED)))
    except (HTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ValueError(f"{name!r} is neither a folder nor to be had from the hub: {in_a_line(error)}") from None


def check_name(repo_id: str) -> None:
    """Raise ValueError unless it can name a repository."""
    try:
        validate_repo_id(repo_id)
    except HFValidationError:
        raise ValueError(f"repo_id must be 'user/name' in letters, digits, - _ and ., got {repo_id!r}") from None


def write_all(folder: Path, record: Mapping[str, Any], repo_id: str, to: Path) -> Path:
    """Write everything that goes up into a folder that is new or empty."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ValueError(f"{to} already holds something: name another folder")
    with writing(to):
        to.mkdir(parents=True, exist_ok=True)
        for name in (*DATA_FREE, *(path.name for path in folder.glob("*.png"))):
            (to / name).write_bytes((folder / name).read_bytes())
    shown = public(record)
    evaluation = evaluation_of(folder, repo_id)
    write_text(to / "run.json", json.dumps(shown, indent=2) + "\n")
    if evaluation is not None:
        write_text(to / "evaluation.json", json.dumps(evaluation, indent=2) + "\n")
    if (folder / "report.html").is_file():
        write_text(to / "report.html", without(read_text(folder / "report.html"), paths_in(record, folder)))
    pictures = sorted(path.name for path in to.glob("*.png"))
    write_text(to / "README.md", model_card(repo_id, shown, read_metrics(to / "metrics.csv"), evaluation, pictures))
    return to


def public(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the fields that describe a run, and of every path its last name alone."""
    return {name: nameless(record[name]) for name in KEPT if name in record}


def nameless(value: Any) -> Any:
    """A JSON value in which a path is its last name."""
    if isinstance(value, dict):
        return {key: nameless(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [nameless(inner) for inner in value]
    return last_name(value) if isinstance(value, str) and is_path(value) else value


def is_path(text: str) -> bool:
    """Whether a string is a path from a root, a home or a folder above, of this system or another."""
    return bool(re.match(r"(/|~|\.{1,2}[/\\]|[A-Za-z]:[/\\]|\\\\|file:)", text))


def last_name(text: str) -> str:
    """The name at a path's end."""
    return PureWindowsPath(PurePosixPath(text).name).name or "data"


def evaluation_of(folder: Path, repo_id: str) -> dict[str, Any] | None:
    """evaluation.json, with the repository's name where the folder's stood."""
    path = folder / "evaluation.json"
    return {**nameless(read_json(path)), "run": repo_id} if path.is_file() else None


def paths_in(record: Mapping[str, Any], folder: Path) -> set[str]:
    """Every path that a run knows of: its folder's, and those of its data."""
    return {str(folder), str(folder.resolve()), *found_paths(record)}


def found_paths(value: Any) -> Iterator[str]:
    """The strings of a JSON value that are paths."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from found_paths(inner)
    elif isinstance(value, str) and is_path(value):
        yield value


def without(text: str, paths: set[str]) -> str:
    """A text with the last name of each path in its place, the longest path first."""
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(path, last_name(path)) if path not in (".", "/") else text
    return text
