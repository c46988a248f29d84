"""Where a run is."""

import math
from dataclasses import dataclass, field

__all__ = ["Position"]


@dataclass
class Position:
    """Where a run is: enough, with the tensors, to go on as if it had never stopped."""

    epoch: int = 0
    within: int = 0
    steps: dict[str, int] = field(default_factory=dict)
    count: int = 0
    rows: int = 0
    best: float = math.inf
    best_epoch: int = 0
    finished: bool = False
    planned: int = 0
