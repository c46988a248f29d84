"""Runs: train a model into a folder, open it again, and ask it things."""

from vaekit.runs.loading import load
from vaekit.runs.run import Run
from vaekit.runs.training import fit, resume, train

__all__ = ["Run", "fit", "load", "resume", "train"]
