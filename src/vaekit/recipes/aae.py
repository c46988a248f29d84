"""The adversarial autoencoder."""

from vaekit.conditionals import Deterministic, Gaussian
from vaekit.data import DataSpec
from vaekit.objectives import Distortion, Fooling, posterior_draws
from vaekit.recipes.adversarial import (
    MOMENTA,
    CriticHidden,
    CriticRate,
    Penalty,
    critic_of_latents,
    steering,
)
from vaekit.recipes.parts import Activation, Coded, Convolved, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System
from vaekit.training import Adam, Phase, Plan

__all__ = ["aae"]


def aae(
    spec: DataSpec,
    *,
    critic_hidden: CriticHidden = (512, 512),
    critic_lr: CriticRate = 2e-4,
    r1: Penalty = 0.0,
    deterministic: Coded = True,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """An autoencoder whose encoder fools a critic of codes in steps of its own (Makhzani et al. 2016)."""
    model = flat_vae(
        spec,
        latent=latent,
        hidden=hidden,
        channels=channels,
        activation=activation,
        likelihood_name=likelihood,
        posterior=Deterministic if deterministic else Gaussian,
    )
    critic, phase = critic_of_latents(latent, critic_hidden, critic_lr, r1)
    fooling = Phase("encoder", Fooling(critic, [posterior_draws("z")]), [model.encoder], Adam(lr=2e-4, betas=MOMENTA))
    return System(model, steering(Distortion()), Plan(patience=0), [phase, fooling])
