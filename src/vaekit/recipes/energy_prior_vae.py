"""The VAE whose prior is a tilted normal."""

from vaekit.data import DataSpec
from vaekit.objectives import Distortion, Rate
from vaekit.recipes.families import Chains, LangevinSteps, StepLength, TiltHidden, energy_prior
from vaekit.recipes.parts import Activation, Convolved, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["energy_prior_vae"]


def energy_prior_vae(
    spec: DataSpec,
    *,
    tilt_hidden: TiltHidden = (128, 128),
    chains: Chains = 256,
    langevin_steps: LangevinSteps = 10,
    step_length: StepLength = 0.4,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose prior is a normal tilted by a network, learned from short Langevin chains (Pang et al. 2020)."""
    model = flat_vae(
        spec,
        latent=latent,
        hidden=hidden,
        channels=channels,
        activation=activation,
        likelihood_name=likelihood,
        prior=energy_prior(latent, tilt_hidden, chains, langevin_steps, step_length),
    )
    return System(model, Distortion() + Rate())
