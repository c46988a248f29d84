"""The beta-TCVAE."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.objectives import DimensionwiseKL, Distortion, MutualInformation, TotalCorrelation
from vaekit.recipes.parts import Activation, Convolved, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["beta_tcvae"]


def beta_tcvae(
    spec: DataSpec,
    *,
    beta: Annotated[float, Ge(0), Doc("weight of the total correlation; above 1 for independent latents")] = 6.0,
    information: Annotated[float, Ge(0), Doc("weight of the information between x and z")] = 1.0,
    dimensions: Annotated[float, Ge(0), Doc("weight of each latent's own distance to its prior")] = 1.0,
    stratified: Annotated[bool, Doc("stratified weights of a batch's posteriors instead of equal ones")] = False,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose rate is taken apart, the dependence of latents on each other weighing more (Chen et al. 2018)."""
    model = flat_vae(
        spec, latent=latent, hidden=hidden, channels=channels, activation=activation, likelihood_name=likelihood
    )
    parts = (
        information * MutualInformation(stratified=stratified)
        + beta * TotalCorrelation(stratified=stratified)
        + dimensions * DimensionwiseKL(stratified=stratified)
    )
    return System(model, Distortion() + parts)
