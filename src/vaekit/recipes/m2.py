"""The semi-supervised VAE of a label and a style."""

from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.conditionals import Categorical, Gaussian
from vaekit.data import DataSpec
from vaekit.models import LabelAndStyle
from vaekit.networks import MLP, OneHot
from vaekit.objectives import Classification, Distortion, Linear, Rate
from vaekit.priors import StandardNormal, UniformLabels
from vaekit.recipes.labels import Alpha, LabelledShare, classes_of, labels_observed, per_label
from vaekit.recipes.parts import ACTIVATIONS, Activation, Hidden, Latent, LikelihoodName
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System
from vaekit.training import Adam, Plan

__all__ = ["m2"]


def m2(
    spec: DataSpec,
    *,
    latent: Latent = 20,
    hidden: Hidden = (500,),
    activation: Activation = "softplus",
    alpha: Alpha = 1.0,
    first_alpha: Annotated[float, Ge(0), Doc("alpha at first, where it falls")] = 10.0,
    falling_steps: Annotated[int, Ge(0), Doc("steps in which it falls from --first-alpha; 0 for none")] = 2000,
    labelled_share: LabelledShare = 0.1,
    likelihood: LikelihoodName = None,
) -> System:
    """A label and a style make x; where a label is not known it is summed over (Kingma et al. 2014, model M2).

    Left to the bound alone, or begun with a small alpha, y is taken for whatever splits the data best. So alpha falls from
    a value at which q(y|x) is the supervised classifier, and the learning rate is high enough to leave what that gets wrong.
    """
    classes, kind = classes_of(spec, "m2"), ACTIVATIONS[activation]
    first, *rest = hidden or (None,)
    features = MLP(spec.shape, *([] if first is None else [first]), activation=kind)
    decoder = MLP((latent, (classes,)), *reversed(hidden), activation=kind)
    model = LabelAndStyle(
        UniformLabels(classes),
        StandardNormal(latent),
        Categorical(MLP(spec.shape, *hidden, activation=kind), (), classes),
        features,
        Gaussian(MLP((features.out_shape, (classes,)), *rest, activation=kind), latent),
        likelihood_of(spec, decoder, likelihood),
        OneHot(classes),
    )
    last = per_label(alpha, spec)
    weight = last if falling_steps == 0 else Linear(per_label(first_alpha, spec), last, falling_steps)
    objective = Distortion() + Rate() + weight * Classification()
    plan = Plan(optimiser=Adam(lr=5e-3, decay=True))
    return System(model, objective, plan, at=labels_observed(spec), labelled_share=labelled_share)
