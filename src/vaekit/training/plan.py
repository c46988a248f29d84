"""How long and on what a run trains."""

import math
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from vaekit.training.optimiser import Adam

__all__ = ["Plan", "plan_from"]


@dataclass(frozen=True)
class Plan:
    """The length of a run and how its steps are made; every field can be given to `vaekit.fit`.

    `batch_size` is of all processes together; `accumulate` cuts each batch into that many pieces whose gradients are
    summed, with the same noise and the same result. `clip`: largest gradient norm. `ema`: decay of the averaged weights
    that are then evaluated and kept as best. `patience`: epochs without a better validation bound before stopping.
    `precision`, `accelerator`, `devices`: as Lightning Fabric names them. `checkpoint_seconds`: work at stake in a kill.
    """

    epochs: int = 30
    batch_size: int = 100
    optimiser: Adam = Adam()
    seed: int = 0
    clip: float | None = None
    accumulate: int = 1
    ema: float | None = None
    patience: int | None = None
    compile: bool = False
    precision: str = "32-true"
    accelerator: str = "auto"
    devices: int = 1
    checkpoint_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "devices"):
            at_least(name, getattr(self, name), 1)
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed}")
        if self.patience is not None:
            at_least("patience", self.patience, 1)
        if self.clip is not None and not 0 < self.clip < math.inf:
            raise ValueError(f"clip must be a finite number above 0, got {self.clip}")
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"ema must lie between 0 and 1, got {self.ema}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}")


PRECISIONS = ("32-true", "bf16-mixed", "64-true")


def plan_from(options: dict[str, Any]) -> Plan:
    """A plan from keyword arguments; `lr` alone is short for `optimiser=Adam(lr)`."""
    names = [f.name for f in fields(Plan)]
    for name in options:
        if name not in [*names, "lr"]:
            near = get_close_matches(name, [*names, "lr"], n=1)
            hint = f": did you mean {near[0]}?" if near else f": it has {', '.join(names)}"
            raise ValueError(f"a plan has no option {name!r}{hint}")
    lr = options.pop("lr", None)
    if lr is not None:
        options["optimiser"] = Adam(lr)
    return Plan(**options)


def at_least(name: str, value: int, least: int) -> None:
    """Raise ValueError unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
