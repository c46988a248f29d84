"""A tilted normal as a prior that is fitted afterwards."""

from vaekit.priors import EnergyPrior
from vaekit.recipes.families import Chains, LangevinSteps, StepLength, TiltHidden, energy_prior
from vaekit.recipes.latent_spec import LatentSpec

__all__ = ["energy"]


def energy(
    latent: LatentSpec,
    *,
    tilt_hidden: TiltHidden = (128, 128),
    chains: Chains = 256,
    langevin_steps: LangevinSteps = 10,
    step_length: StepLength = 0.4,
) -> EnergyPrior:
    """Real numbers by a normal that a network tilts; the rate holds an estimate of its normaliser (Pang et al. 2020)."""
    return energy_prior(latent.of_numbers("energy"), tilt_hidden, chains, langevin_steps, step_length)
