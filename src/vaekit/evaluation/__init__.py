"""What a model is worth: functions from a model and data to numbers with their units."""

from vaekit.evaluation.bits import bits_per_dim
from vaekit.evaluation.classifying import Classified, classified, label_probabilities
from vaekit.evaluation.evaluate import Evaluation, Figure, evaluate
from vaekit.evaluation.features import ClassifierFeatures, classifier_features
from vaekit.evaluation.frechet import Moments, frechet_bias, frechet_distance
from vaekit.evaluation.holes import Holes, holes
from vaekit.evaluation.inception import Inception
from vaekit.evaluation.latents import LatentUse, latent_use
from vaekit.evaluation.likelihood import Bound, LogLikelihood, PerExample, bound, log_likelihood
from vaekit.evaluation.pictures import ms_ssim, psnr, ssim
from vaekit.evaluation.ppca import PPCA, ppca
from vaekit.evaluation.quality import Quality, quality

__all__ = [
    "Bound",
    "Classified",
    "ClassifierFeatures",
    "Evaluation",
    "Figure",
    "Holes",
    "Inception",
    "LatentUse",
    "LogLikelihood",
    "Moments",
    "PPCA",
    "PerExample",
    "Quality",
    "bits_per_dim",
    "bound",
    "classified",
    "classifier_features",
    "evaluate",
    "frechet_bias",
    "frechet_distance",
    "holes",
    "label_probabilities",
    "latent_use",
    "log_likelihood",
    "ms_ssim",
    "ppca",
    "psnr",
    "quality",
    "ssim",
]
