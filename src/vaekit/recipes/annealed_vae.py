"""The VAE with an annealed rate."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.objectives import Cosine, Cyclical, Distortion, Linear, Logistic, Rate, Schedule
from vaekit.recipes.parts import Activation, FreeBits, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["annealed_vae"]

Shape = Literal["linear", "cosine", "cyclical", "logistic"]


def annealed_vae(
    spec: DataSpec,
    *,
    schedule: Annotated[Shape, Doc("how the weight of the rate rises")] = "linear",
    annealing_steps: Annotated[int, Ge(1), Doc("steps in which it rises")] = 2500,
    cycles: Annotated[int, Ge(1), Doc("rises in these steps, each from 0 (cyclical)")] = 4,
    beta: Annotated[float, Gt(0), Doc("weight of the rate after them; 1 for the bound itself")] = 1.0,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
    free_bits: FreeBits = 0.0,
) -> System:
    """A VAE whose rate is weighed in step by step, once or in cycles (Bowman et al. 2016; Fu et al. 2019)."""
    model = flat_vae(spec, latent=latent, hidden=hidden, activation=activation, likelihood_name=likelihood)
    weight = SCHEDULES[schedule](beta, annealing_steps, cycles)
    return System(model, Distortion() + weight * Rate(free_bits=free_bits))


def logistic(end: float, steps: int, cycles: int) -> Schedule:
    """Half-way at half the steps; 0.7% of `end` at step 0 and 99.3% at the last."""
    return Logistic(0.0, end, middle=steps / 2, slope=10 / steps)


SCHEDULES = {
    "linear": lambda end, steps, cycles: Linear(0.0, end, steps),
    "cosine": lambda end, steps, cycles: Cosine(0.0, end, steps),
    "cyclical": lambda end, steps, cycles: Cyclical(0.0, end, steps, cycles),
    "logistic": logistic,
}
