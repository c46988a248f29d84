"""The autoencoder."""

from torch import nn

from vaekit.conditionals import Deterministic
from vaekit.data import DataSpec
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.objectives import Distortion
from vaekit.recipes.parts import ACTIVATIONS, Activation, Hidden, Latent, LikelihoodName, refuse_categories
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System

__all__ = ["autoencoder"]


def autoencoder(
    spec: DataSpec,
    *,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A plain autoencoder: a deterministic code, no prior, so it reconstructs and does not sample."""
    refuse_categories(spec)
    encoder = MLP(spec.shape, *hidden, activation=ACTIVATIONS[activation])
    return System(code_model(spec, encoder, latent, hidden, activation, likelihood), Distortion())


def code_model(
    spec: DataSpec, encoder: nn.Module, latent: int, hidden: tuple[int, ...], activation: str, likelihood: str | None
) -> VAE:
    """A deterministic encoder over `encoder` and a fully connected decoder that mirrors it, without a prior."""
    decoder = MLP(latent, *reversed(hidden), activation=ACTIVATIONS[activation])
    features = hidden[-1] if hidden else None
    return VAE(None, Deterministic(encoder, latent, features=features), likelihood_of(spec, decoder, likelihood))
