"""Code of one's own at the events of a run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from vaekit.training.loop import Trainer
    from vaekit.training.validation import Validation

__all__ = ["Callback"]


class Callback:
    """Told what happens in a run; every method does nothing unless it is written.

    It sees the trainer as it is: `trainer.model`, `trainer.position`, `trainer.plan`, `trainer.stop("why")`. An
    exception in it ends the run, after the state was saved; where several processes train, each has its own callbacks.
    Random numbers drawn here from the global generators change nothing: every step seeds them anew.
    """

    def on_start(self, trainer: "Trainer") -> None:
        """The first step, or the first one after resuming, is about to be made."""

    def on_step(self, trainer: "Trainer", step: int, loss: Tensor) -> None:
        """A step of the main phase was made, `step` in all; its mean loss () is on the device: reading it waits."""

    def on_validation(self, trainer: "Trainer", validation: "Validation") -> None:
        """The held-out examples were measured, after an epoch; not called where there are none."""

    def on_epoch(self, trainer: "Trainer", row: Mapping[str, float]) -> None:
        """An epoch ended; `row` is its line of metrics.csv."""

    def on_end(self, trainer: "Trainer") -> None:
        """The run ended, whichever way; the state is saved."""
