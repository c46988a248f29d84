"""Public sets fetched once: checked against published checksums, and renamed into a cache when they are whole.

The cache is $VAEKIT_CACHE, else `vaekit` in the platform's folder of caches. $VAEKIT_SOURCE, an http or https address,
takes the place of the public sources: a set's files are then looked for at $VAEKIT_SOURCE/NAME/FILE.
"""

import hashlib
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

__all__: list[str] = []

CACHE, SOURCE = "VAEKIT_CACHE", "VAEKIT_SOURCE"
SECONDS = 30.0
CHUNK = 1 << 16
MOST = 1 << 30  # bytes of one file


@dataclass(frozen=True)
class Published:
    """A set's address and its files, each with the checksum that was published for it as "algorithm:hex"."""

    address: str
    files: dict[str, str]


PUBLISHED = {
    "mnist": Published(
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        {
            "train-images-idx3-ubyte.gz": "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        },
    ),
    "fashion-mnist": Published(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        {
            "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
        },
    ),
    "kmnist": Published(
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist",
        {
            "train-images-idx3-ubyte.gz": "md5:bdb82020997e1d708af4cf47b453dcf7",
            "train-labels-idx1-ubyte.gz": "md5:e144d726b3acfaa3e44228e80efcd344",
            "t10k-images-idx3-ubyte.gz": "md5:5c965bf0a639b31b8f53240b1b52f4d7",
            "t10k-labels-idx1-ubyte.gz": "md5:7320c461ea6c1c855c0b718fb2a4b134",
        },
    ),
}


def fetched(name: str) -> Path:
    """The folder that holds a published set's files, those that are missing fetched.

    Raises ValueError where one cannot be had: no network, another content than the published one, no room.
    """
    published, folder = PUBLISHED[name], cache_folder() / name
    missing = [file for file in published.files if not (folder / file).is_file()]
    if not missing:
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
            for file in missing:
                fetch(f"{base(name, published)}/{file}", folder / file, published.files[file], progress)
    except OSError as error:
        raise ValueError(f"{folder} must be a folder to keep {name!r} in (set ${CACHE} to another): {error}") from error
    return folder


def fetch(address: str, target: Path, checksum: str, progress: Progress) -> None:
    """One file to its place, by way of a temporary name that is gone afterwards, whatever happens."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            got = received(address, file, checksum.partition(":")[0], progress)
        if got != checksum:
            raise ValueError(f"{address} must have the checksum {checksum}, got {got}: {other_ways()}")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def received(address: str, file: BinaryIO, algorithm: str, progress: Progress) -> str:
    """Copy what the address answers into the file; its checksum."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:
            announced = int(answer.headers.get("Content-Length") or 0)
            task = progress.add_task(address.rpartition("/")[2], total=announced or None)
            written = 0
            while chunk := answer.read(CHUNK):
                written += len(chunk)
                if written > MOST:
                    raise ValueError(f"{address} answers more than {MOST:,} bytes: {other_ways()}")
                write(file, chunk)
                digest.update(chunk)
                progress.update(task, advance=len(chunk))
    except urllib.error.HTTPError as error:
        raise ValueError(f"{address} answers {error.code} {error.reason}: {other_ways()}") from error
    except Unwritten as error:
        raise OSError(str(error)) from error
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise ValueError(f"{address} cannot be reached ({reason}): {other_ways()}") from error
    if announced and written < announced:
        raise ValueError(f"{address} broke off after {written:,} of {announced:,} bytes: {other_ways()}")
    return f"{algorithm}:{digest.hexdigest()}"


class Unwritten(Exception):
    """The disk did not take what came."""


def write(file: BinaryIO, chunk: bytes) -> None:
    """Write, and tell a full disk from a broken connection."""
    try:
        file.write(chunk)
    except OSError as error:
        raise Unwritten(error) from error


def base(name: str, published: Published) -> str:
    """Where the files of a set are: at $VAEKIT_SOURCE/NAME where that is set, else where they were published."""
    mirror = os.environ.get(SOURCE)
    if not mirror:
        return published.address
    if not mirror.startswith(("http://", "https://")):
        raise ValueError(f"${SOURCE} must be an http or https address, got {mirror!r}")
    return f"{mirror.rstrip('/')}/{name}"


def cache_folder() -> Path:
    """Where fetched sets are kept."""
    if given := os.environ.get(CACHE):
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "vaekit"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "vaekit"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vaekit"


def other_ways() -> str:
    """What a user can do instead."""
    return f"give folder= with the four files, or set ${SOURCE} to a mirror's address"
