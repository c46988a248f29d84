"""The Wasserstein autoencoder with a critic."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.conditionals import Deterministic, Gaussian
from vaekit.data import DataSpec
from vaekit.objectives import Distortion, Fooling, posterior_draws
from vaekit.recipes.adversarial import CriticHidden, CriticRate, Penalty, critic_of_latents, steering
from vaekit.recipes.parts import Activation, Coded, Convolved, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System
from vaekit.training import Plan

__all__ = ["wae_gan"]


def wae_gan(
    spec: DataSpec,
    *,
    weight: Annotated[float, Ge(0), Doc("of fooling the critic, beside the distortion in nats")] = 3.0,
    critic_hidden: CriticHidden = (512, 512, 512),
    critic_lr: CriticRate = 2e-4,
    r1: Penalty = 1.0,
    deterministic: Coded = True,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """An autoencoder whose codes a critic cannot tell from draws of the prior (Tolstikhin et al. 2018, WAE-GAN)."""
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
    objective = steering(Distortion()) + weight * Fooling(critic, [posterior_draws("z")])
    return System(model, objective, Plan(patience=0), [phase])
