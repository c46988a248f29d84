"""The denoising autoencoder."""

from typing import Annotated, Literal

from annotated_types import Gt
from torch import nn
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.networks import MLP, Corrupted, GaussianNoise, Masking, SaltAndPepper
from vaekit.objectives import Distortion
from vaekit.recipes.autoencoder import code_model
from vaekit.recipes.parts import ACTIVATIONS, Activation, Hidden, Latent, LikelihoodName, refuse_categories
from vaekit.recipes.system import System

__all__ = ["denoising_autoencoder"]

CORRUPTIONS = {"masking": Masking, "gaussian": GaussianNoise, "salt-and-pepper": SaltAndPepper}


def denoising_autoencoder(
    spec: DataSpec,
    *,
    corruption: Annotated[
        Literal["masking", "gaussian", "salt-and-pepper"], Doc("what is done to the input")
    ] = "masking",
    amount: Annotated[float, Gt(0), Doc("share of values corrupted, or the noise's standard deviation")] = 0.3,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """An autoencoder that restores the input from a corrupted copy of it: robust codes (Vincent et al. 2008)."""
    refuse_categories(spec)
    noise: nn.Module = CORRUPTIONS[corruption](amount)
    encoder = Corrupted(MLP(spec.shape, *hidden, activation=ACTIVATIONS[activation]), noise)
    return System(code_model(spec, encoder, latent, hidden, activation, likelihood), Distortion())
