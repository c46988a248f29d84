"""The VAE with an annealed capacity."""

from typing import Annotated

from annotated_types import Ge, Gt
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.objectives import Distortion, Linear, Rate
from vaekit.recipes.parts import Activation, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["annealed_capacity_vae"]


def annealed_capacity_vae(
    spec: DataSpec,
    *,
    capacity: Annotated[float, Gt(0), Doc("nats that the rate is held to at the end")] = 25.0,
    gamma: Annotated[float, Gt(0), Doc("weight of the distance between rate and capacity")] = 100.0,
    capacity_steps: Annotated[int, Ge(1), Doc("steps in which the capacity rises from 0")] = 5000,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose rate is held to a capacity that rises in training, factor by factor (Burgess et al. 2018)."""
    model = flat_vae(spec, latent=latent, hidden=hidden, activation=activation, likelihood_name=likelihood)
    return System(model, Distortion() + gamma * Rate(target=Linear(0.0, capacity, capacity_steps)))
