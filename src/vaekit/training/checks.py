"""What a trainer refuses before it begins."""

from collections.abc import Sequence
from typing import Any

from vaekit.training.callbacks import Callback
from vaekit.training.phases import Phase
from vaekit.training.plan import Plan

__all__ = ["check_names", "checked_batch", "checked_callbacks"]


def checked_batch(plan: Plan, examples: int, processes: int) -> int:
    """The size of a batch; ValueError unless every batch of an epoch can be cut for all processes and pieces."""
    size = plan.batch_for(examples)
    if size > examples:
        raise ValueError(f"batch_size must be at most the {examples} training examples, got {size}")
    if size < plan.accumulate * processes:
        raise ValueError(f"batch_size {size} cannot be cut for {processes} processes and {plan.accumulate} pieces")
    last = examples % size or size
    if last < plan.accumulate * processes:
        raise ValueError(
            f"the last batch of an epoch has {last} examples, too few for {processes} processes and "
            f"{plan.accumulate} pieces: choose another batch_size"
        )
    return size


def check_names(phases: Sequence[Phase]) -> None:
    """Raise ValueError unless phases have names of their own, without the full stop that saved names are made with."""
    names = [phase.name for phase in phases]
    if len(set(names)) < len(names) or any("." in name for name in names):
        raise ValueError(f"phases need names of their own without a full stop, got {names}")


def checked_callbacks(callbacks: Sequence[Any]) -> list[Callback]:
    """The callbacks as a list; ValueError where one is none, a class instead of an instance of it, say."""
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise ValueError(f"callbacks must be instances of vaekit.Callback, got {callback!r}")
    return list(callbacks)
