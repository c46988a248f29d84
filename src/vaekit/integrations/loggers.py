"""Loggers by name: each is a callback that sends every row of metrics.csv to another place."""

import importlib.util
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from vaekit.integrations.sink import WRITTEN, Sink, in_a_line
from vaekit.training import Callback, Trainer

__all__ = ["Logger", "check_loggers", "logger_names", "logging_to", "start_all"]


class Logger(Callback):
    """Sends a run's numbers to a sink, and at the end its pictures. One that fails says so once and gets no more."""

    def __init__(self, name: str, sink: Sink) -> None:
        self.name, self.sink = name, sink
        self.started, self.failed = False, False

    def start(self, trainer: Trainer) -> None:
        """Open the sink where the run stands; ValueError where that cannot be."""
        self.note = trainer.report.note
        try:
            self.sink.start(trainer.position.steps[trainer.main.phase.name])
        except ValueError:
            raise
        except Exception as error:
            raise ValueError(f"logger {self.name!r} cannot begin: {in_a_line(error)}") from None
        self.started = True

    def on_epoch(self, trainer: Trainer, row: Mapping[str, float]) -> None:
        """The row, at its step."""
        self._attempt(lambda: self.sink.numbers(row, int(row["step"])))

    def close(self, pictures: Sequence[Path], failed: bool) -> None:
        """Hand over the pictures and let go."""
        if not self.started:
            return
        for picture in pictures:
            self._attempt(partial(self.sink.picture, picture))
        try:
            self.sink.close(failed)
        except Exception as error:
            self._give_up(error)

    def _attempt(self, action: Callable[[], None]) -> None:
        """Do it, unless the sink has failed before."""
        if self.failed:
            return
        try:
            action()
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Say, once, that the sink failed: the run and its own table go on."""
        if not self.failed:
            self.failed = True
            self.note(f"logger {self.name!r} failed and gets no more, metrics.csv goes on: {in_a_line(error)}")


def tensorboard(folder: Path, record: Mapping[str, Any]) -> Sink:
    """Event files under RUN/tensorboard."""
    from vaekit.integrations.tensorboard import TensorBoard

    return TensorBoard(folder, record)


def wandb(folder: Path, record: Mapping[str, Any]) -> Sink:
    """A run of Weights & Biases."""
    from vaekit.integrations.wandb import WeightsAndBiases

    return WeightsAndBiases(folder, record)


def mlflow(folder: Path, record: Mapping[str, Any]) -> Sink:
    """A run of MLflow."""
    from vaekit.integrations.mlflow import MLflow

    return MLflow(folder, record)


MAKERS: dict[str, Callable[[Path, Mapping[str, Any]], Sink]] = {
    "tensorboard": tensorboard,
    "wandb": wandb,
    "mlflow": mlflow,
}


def logger_names() -> list[str]:
    """Every logger's name; "csv" is the table that each run has anyway."""
    return ["csv", *MAKERS]


def check_loggers(names: Sequence[str]) -> None:
    """Raise ValueError for a name that is none, with the nearest ones, or whose package is not installed."""
    if isinstance(names, str):
        raise ValueError(f"loggers must be a list of names, got {names!r}: write [{names!r}]")
    for name in names:
        if name not in logger_names():
            near = get_close_matches(str(name), logger_names(), n=2, cutoff=0.5)
            known = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(logger_names())}"
            raise ValueError(f"there is no logger {name!r}: {known}")
        if name in MAKERS and importlib.util.find_spec(name) is None:
            raise ValueError(f"logger {name!r} needs a package that is not installed: pip install 'vaekit[{name}]'")


def made(name: str, folder: Path, record: Mapping[str, Any]) -> Sink:
    """A sink that is not open yet; ValueError where its package does not work."""
    try:
        return MAKERS[name](folder, record)
    except ImportError as error:
        raise ValueError(f"logger {name!r} cannot begin, its package does not work: {in_a_line(error)}") from None


def start_all(loggers: Sequence[Logger], trainer: Trainer, folder: Path, *, fresh: bool) -> None:
    """Open every sink. Where one cannot begin, none stays open, nor, in a fresh run, what they wrote to its folder."""
    try:
        for logger in loggers:
            logger.start(trainer)
    except BaseException:
        for logger in loggers:
            logger.close([], True)
            logger.started = False
        for name in WRITTEN if fresh else ():
            shutil.rmtree(folder / name, ignore_errors=True)
            with suppress(OSError):
                (folder / name).unlink()
        raise


@contextmanager
def logging_to(names: Sequence[str], folder: Path, record: Mapping[str, Any]) -> Iterator[list[Logger]]:
    """Callbacks for the loggers of these names; at the end they get the run's pictures, and are closed in any case."""
    loggers = [Logger(name, made(name, folder, record)) for name in dict.fromkeys(names) if name in MAKERS]
    pictures: list[Path] = []
    failed = True
    try:
        yield loggers
        pictures, failed = sorted(folder.glob("*.png")), False
    finally:
        for logger in loggers:
            logger.close(pictures, failed)
