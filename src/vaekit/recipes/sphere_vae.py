"""The hyperspherical VAE."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.conditionals import VonMisesFisher
from vaekit.data import DataSpec
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.objectives import Distortion, Rate
from vaekit.priors import UniformOnSphere
from vaekit.recipes.parts import ACTIVATIONS, Activation, Dropout, Hidden, LikelihoodName, refuse_categories
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System

__all__ = ["sphere_vae"]


def sphere_vae(
    spec: DataSpec,
    *,
    latent: Annotated[int, Ge(2), Doc("numbers of z, a vector of length 1; its sphere has one dimension less")] = 16,
    hidden: Hidden = (512, 512),
    activation: Activation = "relu",
    dropout: Dropout = 0.0,
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose latent is a point of a sphere, for data that differ in direction (Davidson et al. 2018)."""
    refuse_categories(spec)
    kind = ACTIVATIONS[activation]
    encoder = MLP(spec.shape, *hidden, activation=kind, dropout=dropout)
    decoder = MLP(latent, *reversed(hidden), activation=kind, dropout=dropout)
    model = VAE(UniformOnSphere(latent), VonMisesFisher(encoder, latent), likelihood_of(spec, decoder, likelihood))
    return System(model, Distortion() + Rate())
