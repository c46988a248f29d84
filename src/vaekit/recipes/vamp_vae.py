"""The VAE with a VampPrior."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.objectives import Distortion, Linear, Rate
from vaekit.recipes.families import vamp_prior
from vaekit.recipes.parts import Activation, Convolved, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["vamp_vae"]


def vamp_vae(
    spec: DataSpec,
    *,
    inputs: Annotated[int, Ge(1), Doc("learned pseudo-inputs")] = 500,
    from_data: Annotated[bool, Doc("they start as training examples, and not near 0")] = False,
    annealing_steps: Annotated[int, Ge(0), Doc("steps in which the weight of the rate rises from 0; 0 for none")] = 0,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE whose prior is a mixture of the posteriors of learned inputs (Tomczak & Welling 2018)."""
    model = flat_vae(
        spec,
        latent=latent,
        hidden=hidden,
        channels=channels,
        activation=activation,
        likelihood_name=likelihood,
        prior=vamp_prior(spec, latent, inputs, from_data),
    )
    weight = Linear(0.0, 1.0, annealing_steps) if annealing_steps else 1.0
    return System(model, Distortion() + weight * Rate())
