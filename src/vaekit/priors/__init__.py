"""Priors: distributions over a latent, called to be had."""

from vaekit.priors.autoregressive_codes import AutoregressiveCodes
from vaekit.priors.energy import EnergyPrior
from vaekit.priors.flow import FlowPrior
from vaekit.priors.independent_codes import IndependentCodes
from vaekit.priors.mixture import MixtureOfGaussians
from vaekit.priors.over_codes import PriorOverCodes
from vaekit.priors.prior import Prior
from vaekit.priors.standard import (
    BetaPrior,
    DirichletPrior,
    GammaPrior,
    StandardCauchy,
    StandardLaplace,
    StandardStudentT,
    UniformBox,
)
from vaekit.priors.standard_normal import StandardNormal
from vaekit.priors.uniform_codes import UniformCodes
from vaekit.priors.uniform_labels import UniformLabels
from vaekit.priors.uniform_on_sphere import UniformOnSphere
from vaekit.priors.unmasked_codes import UnmaskedCodes
from vaekit.priors.vamp import VampPrior

__all__ = [
    "BetaPrior",
    "DirichletPrior",
    "GammaPrior",
    "StandardCauchy",
    "StandardLaplace",
    "StandardStudentT",
    "UniformBox",
    "AutoregressiveCodes",
    "EnergyPrior",
    "FlowPrior",
    "IndependentCodes",
    "MixtureOfGaussians",
    "Prior",
    "PriorOverCodes",
    "StandardNormal",
    "UniformCodes",
    "UniformLabels",
    "UniformOnSphere",
    "UnmaskedCodes",
    "VampPrior",
]
