"""Training: the loop, its phases, checkpoints and the run folder."""

from vaekit.training.checkpoint import Checkpoints, load_weights, save_tensors
from vaekit.training.loop import Broken, Trainer
from vaekit.training.metrics import Metrics, read_metrics
from vaekit.training.optimiser import Adam
from vaekit.training.phases import Aggressive, Phase, Repeat, Rule
from vaekit.training.plan import Plan, plan_from
from vaekit.training.progress import Progress, Silent
from vaekit.training.step import Choices, Step

__all__ = [
    "Adam",
    "Aggressive",
    "Broken",
    "Checkpoints",
    "Choices",
    "Metrics",
    "Phase",
    "Plan",
    "Progress",
    "Repeat",
    "Rule",
    "Silent",
    "Step",
    "Trainer",
    "load_weights",
    "plan_from",
    "read_metrics",
    "save_tensors",
]
