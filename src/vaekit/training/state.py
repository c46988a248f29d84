"""The whole state of a trainer: out to a checkpoint, and back in once every name and shape was compared."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vaekit.training.checkpoint import Checkpoints, optimiser_tensors, restore_optimiser
from vaekit.training.failures import Broken
from vaekit.training.phases import Rule
from vaekit.training.position import Position
from vaekit.training.weights import misfit

if TYPE_CHECKING:
    from vaekit.training.loop import Trainer

__all__ = ["restore", "save_state"]


def tensors_of(trainer: "Trainer") -> Iterator[tuple[str, Tensor]]:
    """All tensors that a resumed run needs, by name."""
    for name, tensor in trainer.modules.state_dict().items():
        yield f"modules.{name}", tensor
    for moving in trainer.moving:
        yield from optimiser_tensors(moving.optimiser, f"optimiser.{moving.phase.name}").items()
    if trainer.ema is not None:
        yield from ((f"ema.{i}", t) for i, t in enumerate(trainer.ema.shadow))
    yield from ((f"means.{name}", total) for name, total in trainer.means.sums.items())


def save_state(trainer: "Trainer", checkpoints: Checkpoints) -> None:
    """Write the state; `Broken` where a parameter is no longer finite, and then nothing is written."""
    moved = [(f"a parameter of phase {m.phase.name!r}", p) for m in trainer.moving for p in m.parameters]
    bad = [name for name, p in moved if not bool(p.isfinite().all())]
    if bad:
        raise Broken(f"{bad[0]} is no longer finite.")
    trainer.position.count = trainer.means.count
    rules = {m.phase.name: m.phase.rule.state() for m in trainer.moving}
    state = {"position": vars(trainer.position), "rules": rules, "means": list(trainer.means.sums)}
    checkpoints.save(f"step-{sum(trainer.position.steps.values())}", dict(tensors_of(trainer)), state)


def restore(trainer: "Trainer", tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Take up a saved state; ValueError, before anything is changed, where it is of another run."""
    position = Position.from_dict(state.get("position"), [m.phase.name for m in trainer.moving], trainer.per_epoch)
    means, rules = state.get("means"), state.get("rules")
    if not isinstance(means, list) or not all(isinstance(n, str) and f"means.{n}" in tensors for n in means):
        raise ValueError("means must list the averages that were saved")
    if means and position.count < 1:
        raise ValueError("position must count the examples that the averages are of, got none")
    if not isinstance(rules, dict) or set(rules) != {m.phase.name for m in trainer.moving}:
        raise ValueError(f"rules must be those of the phases {', '.join(m.phase.name for m in trainer.moving)}")
    check_tensors(trainer, tensors, means)
    for moving in trainer.moving:
        restore_rule(moving.phase.rule, rules[moving.phase.name], moving.phase.name)
        restore_optimiser(moving.optimiser, f"optimiser.{moving.phase.name}", tensors)
    trainer.modules.load_state_dict({name[8:]: t for name, t in tensors.items() if name.startswith("modules.")})
    if trainer.ema is not None:
        trainer.ema.shadow = [tensors[f"ema.{i}"].to(trainer.device) for i in range(len(trainer.ema.shadow))]
    trainer.position = position
    trainer.position.finished = position.finished and position.planned >= trainer.epochs
    trainer.means.count = position.count
    trainer.means.sums = {name: tensors[f"means.{name}"].to(trainer.device) for name in means}


def check_tensors(trainer: "Trainer", tensors: Mapping[str, Tensor], means: list[str]) -> None:
    """Raise ValueError unless the tensors are those of this trainer: modules, averages, and optimisers' as they go."""
    wanted = {f"modules.{name}": t for name, t in trainer.modules.state_dict().items()}
    if trainer.ema is not None:
        wanted |= {f"ema.{i}": t for i, t in enumerate(trainer.ema.shadow)}
    wanted |= {f"means.{name}": torch.zeros((), dtype=torch.float64) for name in means}
    for moving in trainer.moving:
        for i, parameter in enumerate(moving.parameters):
            own = moments(f"optimiser.{moving.phase.name}.{i}", parameter, moving.adam.moments)
            wanted |= own if set(own) & set(tensors) else {}
    why = misfit(tensors, wanted)
    if why is not None:
        raise ValueError(why)


def moments(prefix: str, parameter: Tensor, kept: Sequence[str]) -> dict[str, Tensor]:
    """What an optimiser holds of a parameter that it has moved, by name: its step, and `kept` in the same shape."""
    running = {f"{prefix}.{key}": parameter for key in kept}
    return {f"{prefix}.step": torch.zeros(()), **running}


def restore_rule(rule: Rule, state: Any, phase: str) -> None:
    """Give a rule its own saved state back; ValueError where it is not its own."""
    try:
        rule.restore(state)
    except (KeyError, TypeError, AttributeError, OverflowError):
        raise ValueError(f"the rule of phase {phase!r} was saved in another form") from None
