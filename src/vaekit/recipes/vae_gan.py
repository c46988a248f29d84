"""The VAE with a critic that says what to keep."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.conditionals import Gaussian
from vaekit.data import DataSpec
from vaekit.models import VAE
from vaekit.objectives import Distortion, FeatureDistance, Fooling, Rate, Telling, generated, rebuilt
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
    seeing,
    steering,
)
from vaekit.recipes.parts import Channels, Latent, LikelihoodName, conv_networks
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System
from vaekit.training import Adam, Phase, Plan

__all__ = ["vae_gan"]


def vae_gan(
    spec: DataSpec,
    *,
    latent: Latent = 32,
    channels: Channels = (32, 64),
    blocks: Annotated[int, Ge(0), Doc("residual blocks at each size; 0 for plain convolutions")] = 0,
    features: Annotated[float, Ge(0), Doc("weight of the distance in the critic's features")] = 1.0,
    pixels: Annotated[
        float, Ge(0), Doc("weight of the distortion, which keeps the likelihood's own scale in training")
    ] = 0.02,
    beta: Annotated[
        float, Ge(0), Doc("weight of the rate beside them; the less, the more of each example is kept")
    ] = 0.05,
    fooling: Annotated[float, Ge(0), Doc("weight of fooling the critic, in the decoder alone")] = 2.0,
    critic_lr: CriticRate = 1e-3,
    critic_loss: LossName = "logistic",
    r1: Penalty = 0.1,
    spectral: Spectral = False,
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose reconstructions are compared in the features of a critic that its samples must fool (Larsen et al. 2016)."""
    encoder, decoder = conv_networks(spec, latent, channels, blocks)
    model = VAE(StandardNormal(latent), Gaussian(encoder, latent), likelihood_of(spec, decoder, likelihood))
    critic = critic_of(seeing(spec, channels, ()), spectral)
    fakes, distance = (rebuilt, generated), FeatureDistance(critic)
    kept = features * distance + pixels * steering(Distortion())
    phases = [
        critic_phase(Telling(critic, fakes, loss=critic_loss), critic_lr, r1),
        Phase("encoder", kept + beta * Rate(), [model.encoder], Adam(lr=1e-3, betas=MOMENTA)),
    ]
    objective = kept + fooling * Fooling(critic, fakes, game=GAMES[critic_loss])
    return System(
        model, objective, Plan(optimiser=Adam(lr=1e-3, betas=MOMENTA), patience=0), phases, moves=[model.decoder]
    )
