"""The Wasserstein autoencoder with a kernel."""

from collections.abc import Callable
from typing import Annotated, Literal

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.conditionals import Deterministic, Gaussian
from vaekit.data import DataSpec
from vaekit.objectives import MMD, Distortion, InverseMultiquadric, Kernel, RadialBasis
from vaekit.recipes.parts import Activation, Coded, Convolved, Hidden, Latent, LikelihoodName, flat_vae
from vaekit.recipes.system import System

__all__ = ["wae_mmd"]

KERNELS: dict[str, Callable[[float], Kernel]] = {
    "inverse-multiquadric": InverseMultiquadric,
    "radial-basis": RadialBasis,
}


def wae_mmd(
    spec: DataSpec,
    *,
    weight: Annotated[float, Ge(0), Doc("of the distance between all codes together and the prior")] = 100.0,
    kernel: Annotated[
        Literal["inverse-multiquadric", "radial-basis"], Doc("what counts as near, at several scales or at one")
    ] = "inverse-multiquadric",
    deterministic: Coded = True,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    channels: Convolved = (),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """An autoencoder whose codes as a whole match the prior, by a kernel (Tolstikhin et al. 2018, WAE-MMD)."""
    model = flat_vae(
        spec,
        latent=latent,
        hidden=hidden,
        channels=channels,
        activation=activation,
        likelihood_name=likelihood,
        posterior=Deterministic if deterministic else Gaussian,
    )
    return System(model, Distortion() + weight * MMD(kernel=KERNELS[kernel](2.0 * latent)))
