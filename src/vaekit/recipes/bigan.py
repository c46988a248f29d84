"""Encoder and decoder that a critic of pairs cannot tell apart."""

from typing import Annotated

from annotated_types import Ge
from torch import nn
from typing_extensions import Doc

from vaekit.conditionals import Gaussian
from vaekit.data import DataSpec
from vaekit.models import VAE
from vaekit.networks import MLP, Joint
from vaekit.objectives import Distortion, Fooling, Objective, Telling, with_latent
from vaekit.priors import StandardNormal
from vaekit.recipes.adversarial import (
    GAMES,
    MOMENTA,
    CriticRate,
    LossName,
    Penalty,
    Spectral,
    critic_of,
    critic_phase,
    leaky,
    seeing,
    steering,
)
from vaekit.recipes.parts import Channels, Hidden, Latent, LikelihoodName, conv_networks, refuse_categories
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System
from vaekit.training import Adam, Plan

__all__ = ["bigan"]


def bigan(
    spec: DataSpec,
    *,
    latent: Latent = 16,
    channels: Channels = (32, 64),
    hidden: Hidden = (256, 256),
    pixels: Annotated[float, Ge(0), Doc("weight of the distortion beside the game; 0 for the game alone")] = 0.0,
    critic_lr: CriticRate = 2e-4,
    critic_loss: LossName = "logistic",
    r1: Penalty = 1.0,
    spectral: Spectral = False,
    likelihood: LikelihoodName = None,
) -> System:
    """Data with their codes and codes with their data, told apart by a critic (Donahue et al. 2017; Dumoulin et al. 2017)."""
    refuse_categories(spec)
    on_pictures = len(spec.shape) == 3
    encoder, decoder = conv_networks(spec, latent, channels, 0) if on_pictures else networks(spec, latent, hidden)
    model = VAE(StandardNormal(latent), Gaussian(encoder, latent), likelihood_of(spec, decoder, likelihood))
    seen = seeing(spec, channels, hidden)
    both = Joint([seen, nn.Identity()], MLP((seen.out_shape, (latent,)), *hidden, activation=leaky))
    critic = critic_of(both, spectral)
    pair, made = with_latent("z"), with_latent("z", forwards=True)
    objective: Objective = 1.0 * Fooling(critic, [made], [pair], game=GAMES[critic_loss])
    if pixels > 0:
        objective = objective + pixels * steering(Distortion())
    phase = critic_phase(Telling(critic, [made], pair, critic_loss), critic_lr, r1)
    return System(model, objective, Plan(optimiser=Adam(lr=2e-4, betas=MOMENTA), patience=0), [phase])


def networks(spec: DataSpec, latent: int, hidden: tuple[int, ...]) -> tuple[MLP, MLP]:
    """Fully connected ones."""
    return MLP(spec.shape, *hidden), MLP(latent, *reversed(hidden))
