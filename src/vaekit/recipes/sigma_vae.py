"""The VAE with an optimal deviation."""

from typing import Annotated

from torch import nn
from typing_extensions import Doc

from vaekit.conditionals import Gaussian, Optimal, Shared
from vaekit.data import DataSpec, Domain
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.objectives import Distortion, Rate
from vaekit.priors import StandardNormal
from vaekit.recipes.parts import (
    ACTIVATIONS,
    Activation,
    Convolved,
    Dropout,
    FreeBits,
    Hidden,
    Latent,
    conv_networks,
    refuse_categories,
)
from vaekit.recipes.system import System

__all__ = ["sigma_vae"]

START = 0.3  # of a learned deviation


def sigma_vae(
    spec: DataSpec,
    *,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    dropout: Dropout = 0.0,
    learned: Annotated[
        bool, Doc("learn the deviation by gradients instead of taking the one that fits each batch best")
    ] = False,
    free_bits: FreeBits = 0.0,
) -> System:
    """A VAE whose one deviation is the best there is, so that no weight need be tuned (Rybkin et al. 2021)."""
    refuse_categories(spec)
    if spec.domain not in (Domain.REAL, Domain.UNIT):
        raise ValueError(
            f"sigma-vae has a normal likelihood, for real numbers or numbers in [0, 1], got {spec.describe()}: "
            "give levels as numbers (dequantise=True, --dequantise), or choose vae or conv-vae, which price levels"
        )
    kind = ACTIVATIONS[activation]
    encoder: nn.Module
    decoder: nn.Module
    if channels:
        encoder, decoder = conv_networks(spec, latent, channels, 0)
    else:
        encoder = MLP(spec.shape, *hidden, activation=kind, dropout=dropout)
        decoder = MLP(latent, *reversed(hidden), activation=kind, dropout=dropout)
    scale = Shared(START) if learned else Optimal()
    model = VAE(StandardNormal(latent), Gaussian(encoder, latent), Gaussian(decoder, spec.shape, scale=scale))
    return System(model, Distortion() + Rate(free_bits=free_bits))
