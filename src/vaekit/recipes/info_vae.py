"""The InfoVAE."""

from typing import Annotated

from annotated_types import Ge, Le
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.objectives import MMD, Distortion, Rate
from vaekit.recipes.parts import Activation, Convolved, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["info_vae"]


def info_vae(
    spec: DataSpec,
    *,
    alpha: Annotated[float, Le(1), Doc("weight of the information between x and z; 1 for no rate at all")] = 0.5,
    scale: Annotated[
        float, Ge(0), Doc("the paper's lambda: weight of the aggregate posterior's distance to the prior")
    ] = 100.0,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose codes as a whole are to be like the prior, so that each may tell of its x (Zhao et al. 2019)."""
    if alpha + scale < 1:
        raise ValueError(f"alpha + scale must be at least 1, got {alpha} and {scale}: the distance would be rewarded")
    model = flat_vae(
        spec, latent=latent, hidden=hidden, channels=channels, activation=activation, likelihood_name=likelihood
    )
    objective = Distortion() + (alpha + scale - 1) * MMD()
    return System(model, objective if alpha == 1 else objective + (1 - alpha) * Rate())
