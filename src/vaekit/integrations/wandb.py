"""Weights & Biases: online or, with WANDB_MODE=offline, in the run folder."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb

from vaekit.integrations.sink import Sink, hyperparameters, recall, remember

__all__ = ["WeightsAndBiases"]


class WeightsAndBiases(Sink):
    """A run named as the folder, in the project $WANDB_PROJECT or "vaekit"; a resumed run goes on under its own id."""

    def __init__(self, folder: Path, record: Mapping[str, Any]) -> None:
        self.folder, self.record = folder, record

    def start(self, step: int) -> None:
        """Begin the run, or take it up again; ValueError where wandb cannot, without an account for instance."""
        known = recall(self.folder, "wandb")
        try:
            self.run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", "vaekit"),
                name=self.folder.name,
                id=known,
                resume=None if known is None else "allow",
                dir=str(self.folder),
                config=hyperparameters(self.record),
                settings=wandb.Settings(silent=True, console="off"),
            )
        except wandb.Error as error:
            said = str(error).strip().splitlines()[0]
            raise ValueError(f"logger 'wandb' cannot begin: {said} (WANDB_MODE=offline needs no account)") from None
        remember(self.folder, "wandb", self.run.id)

    def numbers(self, row: Mapping[str, float], step: int) -> None:
        """The row at its step."""
        self.run.log(dict(row), step=step)

    def picture(self, path: Path) -> None:
        """As an image by its name."""
        self.run.log({path.stem: wandb.Image(str(path))})

    def close(self, failed: bool) -> None:
        """End the run, as failed where it did."""
        self.run.finish(exit_code=int(failed))
