"""Runs: train a model into a folder, open it again, and ask it things."""

from vaekit.runs.comparing import Comparison, compare
from vaekit.runs.curve import RateDistortion, rate_distortion
from vaekit.runs.fitting import fit_prior
from vaekit.runs.loading import from_pretrained, load
from vaekit.runs.run import Run
from vaekit.runs.training import fit, resume, train

__all__ = [
    "Comparison",
    "RateDistortion",
    "Run",
    "compare",
    "fit",
    "fit_prior",
    "from_pretrained",
    "load",
    "rate_distortion",
    "resume",
    "train",
]
