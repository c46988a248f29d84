"""What a recipe gives: a named system of the literature, in the generic types."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import nn

from vaekit.models import Model
from vaekit.objectives import Objective, Term
from vaekit.training import Choices, Phase, Plan

__all__ = ["System"]


@dataclass
class System:
    """Model, objective, the length and optimiser of its training, and phases that go before the main one in a round.

    `on_labels`: whether the data's labels are the model's context. `at` makes, of a batch, what happens at latents while
    it trains; a trained model is asked without it. `moves`: the modules that the main phase moves, all of the model if
    not said. `labelled_share`: which share of a batch is to have labels, where few examples have.
    """

    model: Model
    objective: Objective | Term
    plan: Plan = field(default_factory=Plan)
    phases: Sequence[Phase] = ()
    at: Choices | None = None
    on_labels: bool = False
    moves: Sequence[nn.Module] | None = None
    labelled_share: float | None = None
