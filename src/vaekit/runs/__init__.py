"""Runs: train a model into a folder, open it again, and ask it things."""

from vaekit.runs.comparing import Comparison, compare
from vaekit.runs.fitting import fit_prior
from vaekit.runs.loading import from_pretrained, load
from vaekit.runs.run import Run
from vaekit.runs.training import fit, resume, train

__all__ = ["Comparison", "Run", "compare", "fit", "fit_prior", "from_pretrained", "load", "resume", "train"]
