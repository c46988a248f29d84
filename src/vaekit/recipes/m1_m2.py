"""The semi-supervised VAE of a label and a style above the code of another."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.conditionals import Categorical, Gaussian
from vaekit.data import DataSpec
from vaekit.models import LabelAboveCode, Mean
from vaekit.networks import MLP, OneHot
from vaekit.objectives import Classification, Distortion, Rate, RateTo
from vaekit.priors import StandardNormal, UniformLabels
from vaekit.recipes.labels import Alpha, LabelledShare, classes_of, labels_observed, per_label
from vaekit.recipes.parts import ACTIVATIONS, Activation, Hidden, Latent, LikelihoodName
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System
from vaekit.training import Phase

__all__ = ["m1_m2"]


def m1_m2(
    spec: DataSpec,
    *,
    latent: Latent = 50,
    hidden: Hidden = (500, 500),
    style: Annotated[int, Ge(1), Doc("size of the style vector z2")] = 50,
    upper: Annotated[
        tuple[int, ...], Ge(1), Doc("widths of the hidden layers between the code and label and style")
    ] = (300,),
    activation: Activation = "relu",
    alpha: Alpha = 0.1,
    labelled_share: LabelledShare = 0.1,
    likelihood: LikelihoodName = None,
) -> System:
    """M2 on the codes of a VAE, trained beside it: the better classifier of the two (Kingma et al. 2014, M1+M2)."""
    classes, kind = classes_of(spec, "m1-m2"), ACTIVATIONS[activation]
    encoder = Gaussian(MLP(spec.shape, *hidden, activation=kind), latent)
    decoder = likelihood_of(spec, MLP(latent, *reversed(hidden), activation=kind), likelihood)
    classifier = Categorical(MLP(((latent,),), *upper, activation=kind), (), classes)
    upper_encoder = Gaussian(MLP((latent, (classes,)), *upper, activation=kind), style)
    upper_decoder = Gaussian(MLP((style, (classes,)), *reversed(upper), activation=kind), latent)
    model = LabelAboveCode(
        UniformLabels(classes),
        StandardNormal(style),
        encoder,
        decoder,
        classifier,
        upper_encoder,
        upper_decoder,
        OneHot(classes),
    )
    alone = Distortion() + RateTo("z1", StandardNormal(latent))
    below = Phase("code", alone, [encoder, decoder], at=lambda batch: {"y": Mean(), "z2": Mean()})
    objective = Distortion() + Rate() + per_label(alpha, spec) * Classification()
    return System(
        model,
        objective,
        phases=[below],
        at=labels_observed(spec),
        moves=[classifier, upper_encoder, upper_decoder],
        labelled_share=labelled_share,
    )
