"""The VAE whose decoder knows where it knows nothing."""

from typing import Annotated

from annotated_types import Ge, Gt
from typing_extensions import Doc

from vaekit.conditionals import Gaussian, RadialGaussian
from vaekit.data import DataSpec, Domain
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.objectives import Distortion, Rate
from vaekit.priors import StandardNormal
from vaekit.recipes.adversarial import steering
from vaekit.recipes.parts import ACTIVATIONS, Activation, Hidden, refuse_categories
from vaekit.recipes.system import System
from vaekit.training import Plan

__all__ = ["geometric_vae"]


def geometric_vae(
    spec: DataSpec,
    *,
    latent: Annotated[int, Ge(1), Doc("numbers of z; few, so that codes fill their neighbourhood")] = 2,
    hidden: Hidden = (128, 128),
    activation: Activation = "tanh",
    centres: Annotated[int, Ge(1), Doc("bumps of the decoder's certainty, placed among the codes")] = 64,
    after: Annotated[int, Ge(1), Doc("steps before they are placed, in which the deviation is one number")] = 1000,
    floor: Annotated[float, Gt(0), Doc("precision far from all codes; the deviation there is 1 / sqrt(floor)")] = 1e-3,
) -> System:
    """A VAE with a deviation that grows away from the codes, for geodesics and honest doubt (Arvanitidis et al. 2018)."""
    refuse_categories(spec)
    if spec.domain not in (Domain.REAL, Domain.UNIT):
        raise ValueError(
            f"geometric-vae has a normal likelihood, for real numbers or numbers in [0, 1], got {spec.describe()}"
        )
    kind = ACTIVATIONS[activation]
    decoder = MLP(latent, *reversed(hidden), activation=kind)
    model = VAE(
        StandardNormal(latent),
        Gaussian(MLP(spec.shape, *hidden, activation=kind), latent),
        RadialGaussian(decoder, spec.shape, latent, centres=centres, after=after, floor=floor),
    )
    # weights of before the centres may have as good a bound and lack what the model is for: those of the end are kept
    terms = steering(Distortion()), steering(Rate())
    for term in terms:
        term.contested = True
    return System(model, terms[0] + terms[1], Plan(patience=0))
