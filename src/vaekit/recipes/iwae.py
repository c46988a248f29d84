"""The importance-weighted autoencoder."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.objectives import Gradient, ImportanceWeighted
from vaekit.recipes.parts import Activation, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["iwae"]


def iwae(
    spec: DataSpec,
    *,
    samples: Annotated[int, Ge(1), Doc("draws from the posterior in the bound")] = 5,
    gradient: Annotated[
        Gradient, Doc("how the encoder's gradient is estimated: of less noise with the last")
    ] = "standard",
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE trained on the tighter bound of several draws: better likelihoods (Burda et al. 2016)."""
    model = flat_vae(spec, latent=latent, hidden=hidden, activation=activation, likelihood_name=likelihood)
    return System(model, ImportanceWeighted(samples=samples, gradient=gradient))
