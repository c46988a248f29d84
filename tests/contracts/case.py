"""A contract: a small model, a batch, and the loss of every row as a closed form or an enumeration gives it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.distributions.draws import Rows
from vaekit.models import Model
from vaekit.objectives import Objective, Term
from vaekit.training.step import Choices, Step


@dataclass
class Case:
    name: str
    model: Model
    objective: Objective | Term
    batch: dict[str, Tensor]
    expected: Tensor
    at: Choices | None = None

    def step(self) -> Step:
        return Step(self.model, 1.0 * self.objective, self.at).double()

    def rows(self, first: int, last: int) -> dict[str, Tensor]:
        return {name: t[first:last] for name, t in self.batch.items()}


def losses(case: Case, step: torch.nn.Module, first: int = 0, last: int | None = None) -> Tensor:
    """The losses of some rows of the batch, with the noise that they have in the whole batch."""
    total = len(case.expected)
    last = total if last is None else last
    rows = None if (first, last) == (0, total) else Rows(first, total)
    torch.manual_seed(7)
    return step(case.rows(first, last), (1.0 * case.objective).coefficients(0), rows)["loss"]


def gradients(case: Case, step: Step, loss: Tensor) -> Tensor:
    """The gradient of the batch's mean loss in all parameters that it reaches, flat; zeros where it reaches none."""
    step.zero_grad()
    moved = [p for p in step.parameters() if p.requires_grad]
    if not moved:
        return torch.zeros(1)
    parts = torch.autograd.grad(loss.sum() / len(case.expected), moved, allow_unused=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for p, g in zip(moved, parts, strict=True)])
