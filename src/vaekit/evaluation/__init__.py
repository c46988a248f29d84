"""What a model is worth: functions from a model and data to numbers with their units."""

from vaekit.evaluation.bits import bits_per_dim
from vaekit.evaluation.evaluate import Evaluation, Figure, evaluate
from vaekit.evaluation.latents import LatentUse, latent_use
from vaekit.evaluation.likelihood import Bound, LogLikelihood, PerExample, bound, log_likelihood
from vaekit.evaluation.ppca import PPCA, ppca

__all__ = [
    "Bound",
    "Evaluation",
    "Figure",
    "LatentUse",
    "LogLikelihood",
    "PPCA",
    "PerExample",
    "bits_per_dim",
    "bound",
    "evaluate",
    "latent_use",
    "log_likelihood",
    "ppca",
]
