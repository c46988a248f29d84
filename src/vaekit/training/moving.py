"""A phase made ready to move its parameters on this machine."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vaekit.networks import AfterStep
from vaekit.training.phases import Phase
from vaekit.training.step import Step

if TYPE_CHECKING:
    from vaekit.training.loop import Trainer

__all__ = ["Moving", "freeze_all_but"]


class Moving:
    """A phase made ready: its wrapped step, its optimiser and its stream of batches."""

    def __init__(self, phase: Phase, parameters: list[nn.Parameter], stream: int, trainer: "Trainer") -> None:
        self.phase, self.parameters, self.stream = phase, parameters, stream
        self.objective = 1.0 * phase.objective
        self.scheduled = self.objective.scheduled()
        self.constants: dict[str, Tensor | float] = {**self.objective.coefficients(0)}
        freeze_all_but(trainer.modules, self.parameters)
        step: nn.Module = Step(trainer.model, self.objective, phase.at or trainer.at)
        self.bare = step
        if trainer.plan.compile:
            step = torch.compile(step)  # type: ignore[assignment]
        self.adam = phase.optimiser or trainer.plan.optimiser
        self.step, self.optimiser = step, self.adam.build(self.parameters)
        if not trainer.plain:
            self.step, self.optimiser = trainer.fabric.setup(step, self.optimiser)
        parts = [part for module in phase.modules for part in module.modules()] + list(self.objective.terms.values())
        self.followers = {part for part in parts if isinstance(part, AfterStep)}
        self.move: Callable[[], Any] = self.optimiser.step
        if trainer.plan.compile and trainer.plain and self.adam.compilable:
            self.move = torch.compile(self.optimiser.step)


def freeze_all_but(modules: nn.Module, moved: Sequence[nn.Parameter]) -> None:
    """Only `moved` gets gradients in the step to come."""
    keep = {id(p) for p in moved}
    for parameter in modules.parameters():
        parameter.requires_grad_(id(parameter) in keep)
