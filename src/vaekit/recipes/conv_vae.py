"""The convolutional VAE."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.models import VAE
from vaekit.recipes.families import PosteriorName, PriorName, posterior_named, prior_named
from vaekit.recipes.parts import (
    Channels,
    Formula,
    FreeBits,
    HeldRateOption,
    Latent,
    LikelihoodName,
    bound_with,
    conv_networks,
    likelihood,
)
from vaekit.recipes.system import System
from vaekit.training import Plan

__all__ = ["conv_vae"]

likelihood_of = likelihood


def conv_vae(
    spec: DataSpec,
    *,
    latent: Latent = 32,
    channels: Channels = (32, 64),
    blocks: Annotated[int, Ge(0), Doc("residual blocks at each size; 0 for plain convolutions")] = 0,
    posterior: PosteriorName = "gaussian",
    prior: PriorName = None,
    likelihood: LikelihoodName = None,
    objective: Formula = None,
    free_bits: FreeBits = 0.0,
    held_rate: HeldRateOption = 0.0,
) -> System:
    """A VAE with convolutional networks, plain or residual: for pictures of any size (Kingma & Welling 2014)."""
    encoder, decoder = conv_networks(spec, latent, channels, blocks)
    model = VAE(
        prior_named(prior, spec, latent, posterior),
        posterior_named(posterior)(encoder, latent),
        likelihood_of(spec, decoder, likelihood),
    )
    return System(model, bound_with(free_bits, held_rate, objective), Plan(patience=10))
