"""A run: a trained model and its folder, and what it can be asked."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import vaekit.data
from vaekit.data import Data, DataSpec, Split
from vaekit.evaluation import Evaluation, evaluate
from vaekit.models import Model
from vaekit.training import Choices, read_metrics
from vaekit.training.folder import RunFolder

__all__ = ["Run"]


class Run:
    """A trained model and its folder. `model` holds the best weights; `data` is opened when first asked for."""

    def __init__(
        self,
        folder: RunFolder,
        model: Model,
        data: Data | None = None,
        on_labels: bool = False,
        at: Choices | None = None,
    ) -> None:
        self.folder, self.model, self.on_labels, self.at = folder, model, on_labels, at
        self._data = data

    @property
    def path(self) -> Path:
        """Where the run is."""
        return self.folder.path

    @property
    def record(self) -> dict[str, Any]:
        """What run.json says."""
        return self.folder.read()

    @property
    def spec(self) -> DataSpec:
        """What the data was."""
        return DataSpec.from_dict(self.record["spec"])

    @property
    def metrics(self) -> list[dict[str, float]]:
        """One row per epoch, nats per example."""
        return read_metrics(self.folder.metrics)

    @property
    def data(self) -> Data:
        """The data it was trained on, opened again from its record."""
        if self._data is None:
            self._data = vaekit.data.Data.reopen(self.record["data"])
        return self._data

    def split(self, name: str | None = None) -> tuple[str, Split]:
        """A split by name; without one, the test split, else the validation split, else the training split."""
        splits = {"test": self.data.test, "valid": self.data.valid, "train": self.data.train}
        if name is not None and splits.get(name) is None:
            raise ValueError(
                f"the data has no split {name!r}: it has {[n for n, s in splits.items() if s is not None]}"
            )
        chosen = name or next(n for n, s in splits.items() if s is not None)
        split = splits[chosen]
        assert split is not None
        return chosen, split

    def evaluate(
        self, samples: int = 100, split: str | None = None, seed: int = 0, limit: int | None = None
    ) -> Evaluation:
        """Bounds and the importance-sampled log-likelihood with `samples` draws, on a held-out split."""
        _, rows = self.split(split)
        shown = rows if limit is None else rows.first(limit)
        return evaluate(self.model, shown, self.spec, samples=samples, seed=seed, at=self.at)

    def sample(self, n: int = 1, seed: int = 0, context: Tensor | None = None, mean: bool = True) -> Tensor:
        """`n` events from the model: the mean of p(x|z), or draws of x; (n, *event)."""
        self.model.eval()
        with torch.random.fork_rng([]), torch.no_grad():
            torch.manual_seed(seed)
            shown = self.model.generate(n, context).likelihoods["x"]
            return shown.distribution.mean if mean else shown.value

    def reconstruct(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The mean of p(x|z) at the mean of q(z|x)."""
        self.model.eval()
        return self.model.reconstruct(x, context)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, recipe={self.record['recipe']!r}, status={self.record['status']!r})"
