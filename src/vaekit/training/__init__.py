"""Training: the loop, its phases, checkpoints and the run folder."""

from vaekit.training.callbacks import Callback
from vaekit.training.checkpoint import Checkpoints
from vaekit.training.failures import Broken, Unwritable
from vaekit.training.loop import Trainer
from vaekit.training.metrics import Metrics, read_metrics
from vaekit.training.optimiser import Adam
from vaekit.training.phases import Aggressive, Phase, Repeat, Rule
from vaekit.training.plan import Plan, plan_from
from vaekit.training.progress import Progress, Silent
from vaekit.training.step import Choices, Step
from vaekit.training.validation import Validation
from vaekit.training.weights import load_weights, save_tensors

__all__ = [
    "Adam",
    "Aggressive",
    "Broken",
    "Callback",
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
    "Unwritable",
    "Validation",
    "load_weights",
    "plan_from",
    "read_metrics",
    "save_tensors",
]
