"""The FactorVAE."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.networks import MLP
from vaekit.objectives import DensityRatio, Distortion, Rate, permuted_draws, posterior_draws
from vaekit.recipes.adversarial import CriticHidden, CriticRate, critic_of, critic_phase, leaky
from vaekit.recipes.parts import Activation, Convolved, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System
from vaekit.training import Plan

__all__ = ["factor_vae"]


def factor_vae(
    spec: DataSpec,
    *,
    gamma: Annotated[float, Ge(0), Doc("weight of the total correlation, as the critic estimates it")] = 35.0,
    critic_hidden: CriticHidden = (256, 256, 256),
    critic_lr: CriticRate = 1e-4,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose latents are to be independent, as a critic of shuffled codes tells (Kim & Mnih 2018)."""
    model = flat_vae(
        spec, latent=latent, hidden=hidden, channels=channels, activation=activation, likelihood_name=likelihood
    )
    critic = critic_of(MLP(latent, *critic_hidden, activation=leaky), spectral=False)
    ratio = DensityRatio("total-correlation", critic, posterior_draws("z"), permuted_draws("z"))
    phase = critic_phase(ratio.critic_loss(), critic_lr, 0.0)
    return System(model, Distortion() + Rate() + gamma * ratio, Plan(patience=0), [phase])
