"""Where a run is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vaekit.training.reading import made_of

__all__ = ["Position"]


@dataclass
class Position:
    """Where a run is: enough, with the tensors, to go on as if it had never stopped.

    `skipped`: steps of this epoch that moved nothing, of all phases; `in_a_row`: by phase, the last ones without a break.
    """

    epoch: int = 0
    within: int = 0
    steps: dict[str, int] = field(default_factory=dict)
    count: int = 0
    rows: int = 0
    best: float = math.inf
    best_epoch: int = 0
    finished: bool = False
    planned: int = 0
    skipped: int = 0
    in_a_row: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, record: Any, phases: Sequence[str], per_epoch: int) -> "Position":
        """What was saved of a run of these phases, with that many rounds in an epoch; ValueError where it cannot be."""
        position = made_of(cls, record, "position")
        if set(position.steps) != set(phases) or not set(position.in_a_row) <= set(phases):
            raise ValueError(f"position must count the steps of the phases {', '.join(phases)}")
        counts = [position.epoch, position.within, position.count, position.rows, position.skipped]
        counts += [*position.steps.values(), *position.in_a_row.values()]
        if min(counts) < 0 or max(counts) > MOST or position.within > per_epoch:
            raise ValueError(f"position must lie between 0 and {per_epoch} rounds of an epoch, got {position.within}")
        return position


MOST = 1 << 62
