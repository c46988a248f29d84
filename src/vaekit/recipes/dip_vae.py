"""The DIP-VAE."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.objectives import CovariancePenalty, Distortion, Rate
from vaekit.recipes.parts import Activation, Convolved, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["dip_vae"]


def dip_vae(
    spec: DataSpec,
    *,
    draws: Annotated[bool, Doc("the covariance of draws, not of the posteriors' means: DIP-VAE-II")] = False,
    off_diagonal: Annotated[float, Ge(0), Doc("weight of squared covariances")] = 10.0,
    diagonal: Annotated[
        float | None, Ge(0), Doc("weight of (variance - 1)^2; if not said, ten times the other, or as much")
    ] = None,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose codes are held to a covariance of one, to separate factors of variation (Kumar et al. 2018)."""
    model = flat_vae(
        spec, latent=latent, hidden=hidden, channels=channels, activation=activation, likelihood_name=likelihood
    )
    usual = off_diagonal if draws else 10 * off_diagonal
    penalty = CovariancePenalty(
        off_diagonal=off_diagonal, diagonal=usual if diagonal is None else diagonal, noise=draws
    )
    return System(model, Distortion() + Rate() + penalty)
