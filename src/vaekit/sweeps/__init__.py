"""Sweeps: a recipe at every point of a grid, with several seeds, and a table that says what can be told apart."""

from vaekit.sweeps.board import Board, Quiet
from vaekit.sweeps.result import Sweep
from vaekit.sweeps.sweeping import sweep

__all__ = ["Board", "Quiet", "Sweep", "sweep"]
