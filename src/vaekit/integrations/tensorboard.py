"""TensorBoard: event files in the run folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from vaekit.integrations.sink import Sink, hyperparameters

__all__ = ["TensorBoard"]


class TensorBoard(Sink):
    """Scalars by step under RUN/tensorboard; the figures of the last row stand beside the hyper-parameters."""

    def __init__(self, folder: Path, record: Mapping[str, Any]) -> None:
        self.folder, self.record = folder / "tensorboard", record
        self.step = 0

    def start(self, step: int) -> None:
        """Open an event file; figures of later steps, from before the run was resumed, are purged."""
        self.writer = SummaryWriter(str(self.folder), purge_step=step + 1 if step else None)
        for summary in hparams(hyperparameters(self.record), {"valid/loss": None}):
            assert self.writer.file_writer is not None
            self.writer.file_writer.add_summary(summary)

    def numbers(self, row: Mapping[str, float], step: int) -> None:
        """Every column as a scalar, at once on the disk."""
        self.step = step
        for name, value in row.items():
            if name != "step":
                self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def picture(self, path: Path) -> None:
        """As an image at the last step."""
        with Image.open(path) as image:
            self.writer.add_image(path.stem, np.asarray(image.convert("RGB")), self.step, dataformats="HWC")

    def close(self, failed: bool) -> None:
        """Close the file."""
        self.writer.close()
