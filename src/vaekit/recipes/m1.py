"""A classifier on the codes of a VAE."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.conditionals import Categorical, Gaussian
from vaekit.data import DataSpec
from vaekit.models import LabelFromCode
from vaekit.networks import MLP
from vaekit.objectives import Distortion, Rate
from vaekit.priors import StandardNormal
from vaekit.recipes.labels import LabelledShare, classes_of, labels_observed
from vaekit.recipes.parts import ACTIVATIONS, Activation, Hidden, Latent, LikelihoodName
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System
from vaekit.training import Phase

__all__ = ["m1"]


def m1(
    spec: DataSpec,
    *,
    latent: Latent = 50,
    hidden: Hidden = (500, 500),
    upper: Annotated[
        tuple[int, ...], Ge(1), Doc("widths of the classifier's hidden layers; none for a linear one")
    ] = (),
    activation: Activation = "relu",
    labelled_share: LabelledShare = 0.1,
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE that sees no labels, and a classifier of its codes, trained on draws of them (Kingma et al. 2014, M1)."""
    classes, kind = classes_of(spec, "m1"), ACTIVATIONS[activation]
    encoder = Gaussian(MLP(spec.shape, *hidden, activation=kind), latent)
    decoder = likelihood_of(spec, MLP(latent, *reversed(hidden), activation=kind), likelihood)
    classifier = Categorical(MLP(((latent,),), *upper, activation=kind), (), classes)
    model = LabelFromCode(StandardNormal(latent), encoder, decoder, classifier)
    return System(
        model,
        Distortion() + Rate(),
        phases=[Phase("code", Distortion() + Rate("z"), [encoder, decoder])],
        at=labels_observed(spec),
        moves=[classifier],
        labelled_share=labelled_share,
    )
