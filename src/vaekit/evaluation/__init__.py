"""What a model is worth: functions from a model and data to numbers with their units."""

from vaekit.evaluation.aggregate import Aggregate, ByElement, aggregate_posterior
from vaekit.evaluation.annealed import (
    AnnealedLikelihood,
    Annealing,
    Bidirectional,
    annealed_likelihood,
    bidirectional,
)
from vaekit.evaluation.bits import bits_per_dim
from vaekit.evaluation.classifying import Classified, classified, label_probabilities
from vaekit.evaluation.disentanglement import (
    DCI,
    MIG,
    SAP,
    BetaVAEScore,
    Disentanglement,
    FactorVAEScore,
    Modularity,
    beta_vae_score,
    dci,
    disentanglement,
    factor_vae_score,
    gradient_boosting,
    mig,
    modularity,
    sap,
)
from vaekit.evaluation.evaluate import Evaluation, evaluate
from vaekit.evaluation.features import ClassifierFeatures, classifier_features
from vaekit.evaluation.figure import Figure
from vaekit.evaluation.frechet import Moments, frechet_bias, frechet_distance
from vaekit.evaluation.gradient_noise import GradientNoise, gradient_noise
from vaekit.evaluation.holes import Holes, holes
from vaekit.evaluation.inception import Inception
from vaekit.evaluation.latents import LatentUse, latent_use
from vaekit.evaluation.likelihood import Bound, LogLikelihood, PerExample, bound, log_likelihood
from vaekit.evaluation.pictures import ms_ssim, psnr, ssim
from vaekit.evaluation.ppca import PPCA, ppca
from vaekit.evaluation.quality import Quality, quality
from vaekit.evaluation.rate_distortion import NormalSource, RatePoint, rate_point

__all__ = [
    "NormalSource",
    "RatePoint",
    "rate_point",
    "BetaVAEScore",
    "Aggregate",
    "AnnealedLikelihood",
    "Annealing",
    "Bidirectional",
    "Bound",
    "ByElement",
    "Classified",
    "ClassifierFeatures",
    "DCI",
    "Disentanglement",
    "Evaluation",
    "FactorVAEScore",
    "Figure",
    "GradientNoise",
    "Holes",
    "Inception",
    "LatentUse",
    "LogLikelihood",
    "MIG",
    "Modularity",
    "Moments",
    "PPCA",
    "PerExample",
    "Quality",
    "SAP",
    "beta_vae_score",
    "aggregate_posterior",
    "annealed_likelihood",
    "bidirectional",
    "bits_per_dim",
    "bound",
    "classified",
    "classifier_features",
    "dci",
    "disentanglement",
    "evaluate",
    "factor_vae_score",
    "frechet_bias",
    "frechet_distance",
    "gradient_boosting",
    "gradient_noise",
    "holes",
    "label_probabilities",
    "latent_use",
    "log_likelihood",
    "mig",
    "modularity",
    "ms_ssim",
    "ppca",
    "psnr",
    "quality",
    "sap",
    "ssim",
]
