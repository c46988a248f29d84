"""Loggers by name: each is a callback that sends every row of metrics.csv to another place."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vaekit.integrations.sink import Sink
from vaekit.training import Callback, Trainer

__all__ = ["Logger", "check_loggers", "logger_names", "logging_to"]


class Logger(Callback):
    """Sends a run's numbers to a sink, and at the end its pictures."""

    def __init__(self, sink: Sink) -> None:
        self.sink, self.started = sink, False

    def on_start(self, trainer: Trainer) -> None:
        """Open the sink where the run stands."""
        self.sink.start(trainer.position.steps[trainer.main.phase.name])
        self.started = True

    def on_epoch(self, trainer: Trainer, row: Mapping[str, float]) -> None:
        """The row, at its step."""
        self.sink.numbers(row, int(row["step"]))

    def close(self, pictures: Sequence[Path], failed: bool) -> None:
        """Hand over the pictures and let go."""
        if self.started:
            for picture in pictures:
                self.sink.picture(picture)
            self.sink.close(failed)


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


@contextmanager
def logging_to(names: Sequence[str], folder: Path, record: Mapping[str, Any]) -> Iterator[list[Logger]]:
    """Callbacks for the loggers of these names; at the end they get the run's pictures, and are closed in any case."""
    loggers = [Logger(MAKERS[name](folder, record)) for name in dict.fromkeys(names) if name in MAKERS]
    pictures: list[Path] = []
    failed = True
    try:
        yield loggers
        pictures, failed = sorted(folder.glob("*.png")), False
    finally:
        for logger in loggers:
            logger.close(pictures, failed)
