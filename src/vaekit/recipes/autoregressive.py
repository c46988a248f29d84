"""What recipes with autoregressive decoders share: the ways to keep such a decoder from leaving its latent out."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.objectives import Cyclical, Linear, Schedule

__all__: list[str] = []

AnnealingSteps = Annotated[int, Ge(0), Doc("steps in which the weight of the rate rises from 0; 0 for none")]
Cycles = Annotated[int, Ge(1), Doc("rises in these steps, each from 0 (Fu et al. 2019)")]


def weight_of(steps: int, cycles: int) -> float | Schedule:
    """The weight of the rate: 1, or what rises to it once or in cycles."""
    if steps == 0:
        return 1.0
    return Linear(0.0, 1.0, steps) if cycles == 1 else Cyclical(0.0, 1.0, steps, cycles)
