"""Files that belong together: all of them, or none."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from vaekit.training.failures import writing

__all__ = ["put_whole"]


def put_whole(make: Callable[[Path], Sequence[Path]], folder: Path) -> list[Path]:
    """Have files made in a folder beside and put them into `folder` when all of them are whole.

    `folder` is made where there is none, and removed again where nothing came of it. `Unwritable` where it cannot be.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=folder, prefix=".making-", ignore_cleanup_errors=True) as beside:
                return [path.replace(folder / path.name) for path in make(Path(beside))]
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()
