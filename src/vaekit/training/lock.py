"""One run folder, one process."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from vaekit.training.failures import writing

__all__ = ["held"]


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder where there is none, and keep other processes from training into it; ValueError where one does.

    The operating system lets go of the lock when its process ends, however it ends. Of several processes that train
    together the first one holds it. A folder that was made here and stayed empty is removed again.
    """
    if not is_first_process():
        yield
        return
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            file = (folder / ".lock").open("a+")
        with file:
            lock(file, folder)
            yield
    finally:
        if folder in made and folder.is_dir() and all(path.name.startswith(".") for path in folder.iterdir()):
            (folder / ".lock").unlink(missing_ok=True)
        for path in made:
            with suppress(OSError):
                path.rmdir()


def is_first_process() -> bool:
    """Whether no other process has started this one to train with it."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK"))


def lock(file: IO[str], folder: Path) -> None:
    """Lock the file and write down whose it is; ValueError at once where another process has it."""
    try:
        take(file)
    except OSError:
        file.seek(0)
        holder = file.read(20).strip()
        who = f"process {holder}" if holder.isdigit() else "another process"
        raise ValueError(f"{who} is training into {folder}: wait until it ends, or name another folder") from None
    with writing(folder):
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()


if sys.platform == "win32":
    import msvcrt

    def take(file: IO[str]) -> None:
        """Lock a byte far behind the text, so that others can still read whose it is."""
        file.seek(1 << 20)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def take(file: IO[str]) -> None:
        """Lock the file, or raise OSError at once."""
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
