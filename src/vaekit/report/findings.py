"""What a verdict is made of, and what it is: evidence, findings, and how much each weighs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

from vaekit.data import DataSpec
from vaekit.evaluation import LatentUse
from vaekit.recipes import recipe
from vaekit.report.commands import trains

__all__ = ["Evidence", "Finding", "Weight"]


class Weight(IntEnum):
    """How much a finding matters."""

    FINE = 0
    HINT = 1
    PROBLEM = 2


@dataclass(frozen=True)
class Finding:
    """One thing that the figures say: a headline, why, what to try, and the command, where there is one."""

    kind: str
    weight: Weight
    headline: str
    explanation: str
    suggestion: str = ""
    command: str = ""


@dataclass(frozen=True)
class Evidence:
    """The figures that a verdict is made of.

    `record` is run.json and `rows` metrics.csv; `latents` how each latent is used, and `rates` its nats where there are
    several; `family` the class of p(x|z);
    `examples` those trained on; `auc` and `auc_error` of the test for holes; `explained` the share of the variance of
    held-out examples that their reconstructions have; `from_below`: posteriors of upper latents read the lower ones.
    """

    path: str
    record: Mapping[str, Any]
    rows: Sequence[Mapping[str, float]]
    spec: DataSpec
    examples: int
    latents: Mapping[str, LatentUse] = field(default_factory=dict)
    distortion: float | None = None
    rate: float | None = None
    family: str = ""
    auc: float | None = None
    auc_error: float = 0.0
    explained: float | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    from_below: bool = False

    def told(self) -> dict[str, float]:
        """The nats that each latent tells of an example."""
        return dict(self.rates) or {name: float(use.rate.sum()) for name, use in self.latents.items()}

    @property
    def options(self) -> set[str]:
        """What the recipe can be told."""
        return set() if self.record["recipe"] is None else set(recipe(self.record["recipe"]).options)

    def column(self, name: str) -> np.ndarray:
        """A column of the rows, empty where it is not there."""
        return np.array([row[name] for row in self.rows if name in row], float)

    def retrain(self, name: str | None = None, **changed: Any) -> str:
        """The command with these options, or another recipe, instead; empty where there is none with such networks."""
        if self.record["recipe"] is None:
            return ""
        wanted = set(recipe(name or self.record["recipe"]).options)
        if not set(changed) | (self.options & {"channels", "hidden"}) <= wanted:
            return ""
        return trains(self.record, name, **changed)
