"""The hyperspherical VAE."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.conditionals import VonMisesFisher
from vaekit.data import DataSpec
from vaekit.objectives import Distortion, Rate
from vaekit.priors import UniformOnSphere
from vaekit.recipes.parts import Activation, Convolved, Dropout, Hidden, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["sphere_vae"]


def sphere_vae(
    spec: DataSpec,
    *,
    latent: Annotated[int, Ge(2), Doc("numbers of z, a vector of length 1; its sphere has one dimension less")] = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    dropout: Dropout = 0.0,
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose latent is a point of a sphere, for data that differ in direction (Davidson et al. 2018)."""
    model = flat_vae(
        spec,
        latent=latent,
        hidden=hidden,
        channels=channels,
        activation=activation,
        likelihood_name=likelihood,
        dropout=dropout,
        posterior=VonMisesFisher,
        prior=UniformOnSphere(latent),
    )
    return System(model, Distortion() + Rate())
