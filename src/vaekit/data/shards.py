"""WebDataset shards: tar archives of KEY.jpg (png, webp, npy) and KEY.cls, indexed once and read by offset."""

import tarfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vaekit.data.asked import FromFiles
from vaekit.data.blobs import Blobs, InMemory, InTars
from vaekit.data.decoding import Look
from vaekit.data.pictures import PICTURE_FILES, look_through
from vaekit.data.rows import GIB, Rows, fits, in_memory
from vaekit.data.shard_names import ZIPPED, by_role, expanded, key_of, shards_in
from vaekit.data.sources import Examples, Found
from vaekit.data.values import BYTES

__all__: list[str] = []

MOST_LABEL_BYTES = 32


@dataclass
class Samples:
    """The examples of some shards: files with their bytes or places, and labels by key."""

    zipped: bool
    archives: list[Path] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    places: list[tuple[int, int, int]] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    held: int = 0

    def blobs(self) -> Blobs:
        """The files."""
        return InMemory(self.names, self.contents) if self.zipped else InTars(self.archives, self.names, self.places)


@dataclass(frozen=True)
class Arrays(Rows):
    """Arrays in .npy members, each one example."""

    blobs: Blobs
    shape: tuple[int, ...]
    dtype: np.dtype

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The examples at `rows`. Raises ValueError naming one of another shape or type."""
        return np.stack([self._one(row) for row in rows.tolist()])

    def _one(self, row: int) -> np.ndarray:
        """One example."""
        array = member_array(self.blobs, row)
        if array.shape != self.shape[1:] or array.dtype != self.dtype:
            raise ValueError(
                f"{self.blobs.names[row]} must hold {self.shape[1:]} of {self.dtype} as the first member does, "
                f"got {array.shape} of {array.dtype}"
            )
        return array


def from_shards(source: str, asked: FromFiles) -> Found:
    """The examples of a shard, of a pattern of shards, or of a folder of them with the splits that their names say."""
    path = Path(source)
    paths = shards_in(path) if path.is_dir() else [Path(name) for name in expanded(source)]
    name = path.resolve().name if path.is_dir() else path.name.split("{")[0].split(".")[0].rstrip("-_") or path.name
    look: Look | None = None
    found, notes = dict[str, Examples](), list[str]()
    for role, group in by_role(paths).items():
        examples, look, said = examples_of(group, asked, look)
        found[role] = examples
        notes += said
    labelled = {role: examples.labels is not None for role, examples in found.items()}
    if len(set(labelled.values())) > 1:
        raise ValueError(f"{source}: labels must come with every split or with none, got {labelled}")
    return Found(
        name,
        found["train"],
        test=found.get("test"),
        valid=found.get("valid"),
        levels=None if look is None else 256,
        values=None if look is None else BYTES,
        labels_from=".cls members" if labelled["train"] else None,
        fit=None if look is None else look.fit,
        notes=tuple(notes),
    )


def examples_of(
    paths: Sequence[Path], asked: FromFiles, look: Look | None
) -> tuple[Examples, Look | None, tuple[str, ...]]:
    """The examples of some shards, their look where they are pictures, and notes."""
    samples = indexed(paths, asked.memory, asked.limit)
    name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    if not samples.names:
        raise ValueError(f"{name} must hold members such as KEY.jpg, KEY.png, KEY.webp or KEY.npy, got none")
    labels, blobs = labels_of(samples, name), samples.blobs()
    if all(member.endswith(".npy") for member in samples.names):
        first = member_array(blobs, 0)
        x = Arrays(blobs, (len(blobs), *first.shape), first.dtype)
        held = in_memory(x) if fits(x.nbytes, asked.memory) else streamable(x, samples, name)
        return Examples(held, labels), None, without_example(samples)
    if any(member.endswith(".npy") for member in samples.names):
        raise ValueError(f"{name} must hold pictures or .npy arrays alone, got both")
    seen = look_through(blobs, name, asked, look)
    streamable(seen.x, samples, name)
    return (
        Examples(seen.x, None if labels is None else labels[seen.kept]),
        seen.look,
        (*seen.notes, *without_example(samples)),
    )


def without_example(samples: Samples) -> tuple[str, ...]:
    """A note on labels that have no picture and no array."""
    alone = sorted(set(samples.labels) - set(samples.keys))
    return (
        (f"{len(alone):,} labels without an example left out, such as {alone[0].rpartition('/')[2]}",) if alone else ()
    )


def streamable(x: np.ndarray | Rows, samples: Samples, name: str) -> np.ndarray | Rows:
    """The same, unless it would have to be streamed from a compressed archive, which cannot be sought."""
    if samples.zipped and isinstance(x, Rows):
        raise ValueError(too_large(name, x.nbytes))
    return x


def too_large(name: str, nbytes: int) -> str:
    """Why a compressed shard is refused."""
    return (
        f"{name} takes {nbytes / GIB:.2f} GiB or more in memory and compressed shards cannot be streamed: unpack them "
        "to .tar (gunzip), or give more memory="
    )


def indexed(paths: Sequence[Path], memory: float, limit: int | None) -> Samples:
    """Up to `limit` members of the shards in order; compressed ones are read whole, within the budget of memory."""
    zipped = [path.name.lower().endswith(ZIPPED) for path in paths]
    if any(zipped) and not all(zipped):
        raise ValueError(f"shards must all be compressed or none, got {paths[0].name} and {paths[-1].name}")
    samples = Samples(zipped[0])
    for path in paths:
        if limit is not None and len(samples.names) > limit:
            break
        try:
            with path.open("rb") as file, tarfile.open(fileobj=file, mode="r|gz" if zipped[0] else "r:") as archive:
                if not samples.zipped:
                    check_end(file, path)
                collect(archive, file, path, samples, memory, limit)
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            if isinstance(error, ValueError) and str(path) in str(error):
                raise
            raise ValueError(f"{path} must be a whole tar archive, got: {error}") from error
    return cut(samples, limit)


def collect(
    archive: tarfile.TarFile, file: BinaryIO, path: Path, samples: Samples, memory: float, limit: int | None
) -> None:
    """The examples and labels among the members of one archive."""
    samples.archives.append(path)
    for member in archive:
        key, ending = key_of(member.name)
        if not member.isfile() or (ending != "cls" and f".{ending}" not in (*PICTURE_FILES, ".npy")):
            continue
        if limit is not None and len(samples.names) > limit:
            return
        unique = f"{path}:{key}"
        if ending == "cls":
            samples.labels[unique] = label_in(archive, member, path)
            continue
        samples.keys.append(unique)
        samples.names.append(f"{path.name}:{member.name}")
        if samples.zipped:
            samples.contents.append(content(archive, member, path, samples, memory))
        else:
            samples.places.append(place_of(file, member, path, len(samples.archives) - 1))


def check_end(file: BinaryIO, path: Path) -> None:
    """Raise unless the archive ends in zeros, as one that is whole does; leaves the position where it was."""
    at = file.tell()
    file.seek(max(0, path.stat().st_size - tarfile.BLOCKSIZE))
    end = file.read(tarfile.BLOCKSIZE)
    file.seek(at)
    if len(end) < tarfile.BLOCKSIZE or any(end):
        raise ValueError(f"{path} must be a whole tar archive, it lacks its end")


def place_of(file: BinaryIO, member: tarfile.TarInfo, path: Path, archive: int) -> tuple[int, int, int]:
    """Where a member's bytes lie, which must be inside the file."""
    if member.offset_data + member.size > path.stat().st_size:
        raise ValueError(f"{path} must be a whole tar archive, it ends inside {member.name}")
    return archive, member.offset_data, member.size


def content(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, samples: Samples, memory: float) -> bytes:
    """A member's bytes, as long as all of them stay within the budget."""
    samples.held += member.size
    if not fits(samples.held, memory):
        raise ValueError(too_large(str(path), samples.held))
    return read_member(archive, member, path)


def read_member(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bytes:
    """A member's bytes, all of them."""
    file = archive.extractfile(member)
    found = b"" if file is None else file.read(member.size)
    if len(found) < member.size:
        raise ValueError(f"{path} must be a whole tar archive, it ends inside {member.name}")
    return found


def label_in(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> int:
    """The integer that a .cls member holds."""
    text = b"" if member.size > MOST_LABEL_BYTES else read_member(archive, member, path).strip()
    if not text.isdigit():
        raise ValueError(f"{path}:{member.name} must hold a label, a whole number from 0, got {text[:20]!r}")
    return int(text)


def cut(samples: Samples, limit: int | None) -> Samples:
    """The first `limit` examples; one more was collected, so that the label behind the last is there."""
    if limit is not None:
        for items in (samples.names, samples.places, samples.contents, samples.keys):
            del items[limit:]
        kept = set(samples.keys)
        samples.labels = {key: label for key, label in samples.labels.items() if key in kept}
    return samples


def labels_of(samples: Samples, name: str) -> np.ndarray | None:
    """Labels in the order of the examples. Raises ValueError where some lack one, or two examples share a key."""
    if len(set(samples.keys)) < len(samples.keys):
        twice = Counter(samples.keys).most_common(1)[0][0]
        raise ValueError(f"{name}: every key must have one picture or array, got two for {twice}")
    known = [key for key in samples.keys if key in samples.labels]
    if not known:
        return None
    if len(known) < len(samples.keys):
        bare = next(key for key in samples.keys if key not in samples.labels)
        raise ValueError(f"{name}: .cls labels must come with every key or with none, {bare} has none")
    return np.array([samples.labels[key] for key in samples.keys], dtype=np.int64)


def member_array(blobs: Blobs, i: int) -> np.ndarray:
    """The array of an .npy member."""
    try:
        with blobs.open(i) as file:
            return np.lib.format.read_array(BytesIO(file.read()), allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{blobs.names[i]} must be a whole .npy of plain numbers, got: {error}") from error
