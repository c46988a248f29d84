"""The conditional VAE."""

import math
from typing import Annotated

from torch import nn
from typing_extensions import Doc

from vaekit.conditionals import Gaussian
from vaekit.data import DataSpec
from vaekit.models import VAE
from vaekit.networks import MLP, OneHot
from vaekit.objectives import Distortion, Rate
from vaekit.priors import StandardNormal
from vaekit.recipes.parts import ACTIVATIONS, Activation, Hidden, Latent, LikelihoodName, refuse_categories
from vaekit.recipes.parts import likelihood as likelihood_of
from vaekit.recipes.system import System

__all__ = ["cvae"]


def cvae(
    spec: DataSpec,
    *,
    learned_prior: Annotated[bool, Doc("let the prior of z depend on the context too")] = False,
    latent: Latent = 16,
    hidden: Hidden = (512, 512),
    activation: Activation = "relu",
    likelihood: LikelihoodName = None,
) -> System:
    """A VAE conditioned on labels, or on any context that comes with the data (Sohn et al. 2015)."""
    refuse_categories(spec)
    embed, size, on_labels = context_of(spec)
    kind = ACTIVATIONS[activation]
    decoder = MLP((latent, (size,)), *reversed(hidden), activation=kind)
    model = VAE(
        Gaussian(MLP(size, *hidden, activation=kind), latent) if learned_prior else StandardNormal(latent),
        Gaussian(MLP((spec.shape, (size,)), *hidden, activation=kind), latent),
        likelihood_of(spec, decoder, likelihood),
        context=embed,
    )
    return System(model, Distortion() + Rate(), on_labels=on_labels)


def context_of(spec: DataSpec) -> tuple[nn.Module | None, int, bool]:
    """The network that makes the context a vector, the vector's size, and whether the context is the labels."""
    if spec.context is not None and spec.context != ():
        return nn.Flatten(), math.prod(spec.context), False
    if spec.classes is None:
        raise ValueError(f"cvae needs labels or a context, and {spec.name} has neither")
    return OneHot(spec.classes), spec.classes, True
