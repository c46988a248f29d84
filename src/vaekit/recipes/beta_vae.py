"""The beta-VAE."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.objectives import Distortion, Rate
from vaekit.recipes.parts import Activation, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["beta_vae"]


def beta_vae(
    spec: DataSpec,
    *,
    beta: Annotated[float, Ge(0), Doc("weight of the rate; above 1 for simpler, more separate latents")] = 4.0,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose rate weighs beta, to separate factors of variation (Higgins et al. 2017)."""
    model = flat_vae(spec, latent=latent, hidden=hidden, activation=activation, likelihood_name=likelihood)
    return System(model, Distortion() + beta * Rate())
