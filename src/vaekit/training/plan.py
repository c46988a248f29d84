"""How long and on what a run trains."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any

from vaekit.training.optimiser import Adam
from vaekit.training.reading import made_of

__all__ = ["Plan", "plan_from"]


@dataclass(frozen=True)
class Plan:
    """The length of a run and how its steps are made; every field can be given to `vaekit.fit`.

    `epochs`: passes over the training data; where not said, as many as make up `steps` steps. `batch_size` is of
    all processes together, where not said a tenth of the training examples, but at least 16 and at most 100;
    `accumulate` cuts each batch into that many pieces whose gradients are summed, with the same noise and the same
    result for terms per example (dropout, and figures of the whole batch, are each piece's own). `clip`: largest
    gradient norm. `skip`: a step whose gradient has a larger norm, or is not finite, moves nothing (Child 2021); such
    steps are counted and left out of the epoch's figures, and ten in a row end the run. `ema`: decay of the averaged
    weights that are then evaluated and kept as best; smaller at first, (1 + t)/(10 + t) after t steps. `patience`: epochs
    without a better validation bound before stopping; 0 for never. `precision`, `accelerator`, `devices`: as Lightning
    Fabric names them. `checkpoint_seconds`: work at stake in a kill.
    """

    epochs: int | None = None
    steps: int = 10_000
    batch_size: int | None = None
    optimiser: Adam = field(default_factory=Adam)
    seed: int = 0
    clip: float | None = None
    skip: float | None = None
    accumulate: int = 1
    ema: float | None = None
    patience: int = 30
    compile: bool = False
    precision: str = "32-true"
    accelerator: str = "auto"
    devices: int = 1
    checkpoint_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name in ("epochs", "steps", "batch_size", "accumulate", "devices"):
            if getattr(self, name) is not None:
                at_least(name, getattr(self, name), 1)
        at_least("patience", self.patience, 0)
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed}")
        for name in ("clip", "skip"):
            norm = getattr(self, name)
            if norm is not None and not 0 < norm < math.inf:
                raise ValueError(f"{name} must be a finite number above 0, got {norm}")
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"ema must lie between 0 and 1, got {self.ema}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        if self.accelerator not in ACCELERATORS:
            raise ValueError(f"accelerator must be one of {', '.join(ACCELERATORS)}, got {self.accelerator!r}")
        if self.devices > MOST_DEVICES:
            raise ValueError(f"devices must be at most {MOST_DEVICES}, got {self.devices}")
        if not self.checkpoint_seconds > 0:
            raise ValueError(f"checkpoint_seconds must be above 0, got {self.checkpoint_seconds}")

    def epochs_for(self, per_epoch: int) -> int:
        """How many epochs of `per_epoch` steps the run has."""
        return self.epochs if self.epochs is not None else max(1, round(self.steps / per_epoch))

    def batch_for(self, examples: int) -> int:
        """How many of so many training examples a step takes."""
        return (
            self.batch_size if self.batch_size is not None else min(examples, max(FEWEST, min(USUAL, examples // 10)))
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON has them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Plan":
        """The plan that `to_dict` wrote; ValueError where a field is unknown or of another type."""
        optimiser = made_of(Adam, record.get("optimiser", {}), "the plan's optimiser")
        rest = made_of(cls, {name: value for name, value in record.items() if name != "optimiser"}, "the plan")
        return replace(rest, optimiser=optimiser)


FEWEST, USUAL = 16, 100
PRECISIONS = ("32-true", "bf16-mixed", "64-true")
ACCELERATORS = ("auto", "cpu", "cuda", "gpu", "mps")
MOST_DEVICES = 4096


def plan_from(options: Mapping[str, Any], base: Plan | None = None) -> Plan:
    """`base` with options changed; those of the optimiser (lr, warmup, ...) can be given by their own names."""
    base = base or Plan()
    own, inner = [f.name for f in fields(Plan)], [f.name for f in fields(Adam)]
    for name in options:
        if name not in own + inner:
            near = get_close_matches(name, own + inner, n=1)
            raise ValueError(
                f"a plan has no option {name!r}"
                + (f": did you mean {near[0]}?" if near else f": there are {', '.join(own + inner)}")
            )
    changed = {name: value for name, value in options.items() if name in inner}
    if changed:
        base = replace(base, optimiser=replace(options.get("optimiser", base.optimiser), **changed))
    return replace(
        base, **{name: v for name, v in options.items() if name in own and not (name == "optimiser" and changed)}
    )


def at_least(name: str, value: int, least: int) -> None:
    """Raise ValueError unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
