"""A classifier through a bottleneck of information."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.conditionals import Categorical, Gaussian
from vaekit.data import DataSpec
from vaekit.models import LabelFromCode
from vaekit.networks import MLP
from vaekit.objectives import Distortion, Rate
from vaekit.priors import StandardNormal
from vaekit.recipes.labels import classes_of, labels_observed
from vaekit.recipes.parts import ACTIVATIONS, Activation, Hidden, Latent, LikelihoodName
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System
from vaekit.training import Phase

__all__ = ["vib"]


def vib(
    spec: DataSpec,
    *,
    beta: Annotated[
        float, Ge(0), Doc("weight of the code's rate, a bound of what it tells of x, beside the label's")
    ] = 1e-3,
    latent: Latent = 64,
    hidden: Hidden = (512, 512),
    upper: Annotated[
        tuple[int, ...], Ge(1), Doc("widths of the hidden layers from code to label; none for a linear map")
    ] = (),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A classifier whose code tells of x no more than labels need; a decoder looks on, to show it (Alemi et al. 2017)."""
    classes, kind = classes_of(spec, "vib"), ACTIVATIONS[activation]
    encoder = Gaussian(MLP(spec.shape, *hidden, activation=kind), latent)
    decoder = likelihood_of(spec, MLP(latent, *reversed(hidden), activation=kind), likelihood)
    classifier = Categorical(MLP(((latent,),), *upper, activation=kind), (), classes)
    return System(
        LabelFromCode(StandardNormal(latent), encoder, decoder, classifier),
        Rate("y") + beta * Rate("z"),
        phases=[Phase("decoder", Distortion(), [decoder])],
        at=labels_observed(spec),
        moves=[encoder, classifier],
    )
