"""Phases: which loss moves which parameters, by which optimiser, and for how many steps in a round."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from vaekit.objectives.objective import Objective, Term
from vaekit.training.optimiser import Adam
from vaekit.training.step import Choices

__all__ = ["Aggressive", "Phase", "Repeat", "Rule"]


class Rule(ABC):
    """How many steps a phase takes in a round, decided step by step from its losses."""

    @abstractmethod
    def another(self, losses: Sequence[float]) -> bool:
        """Whether to take another step in this round, after steps with these mean losses."""

    def end_epoch(self, information: Callable[[], float]) -> None:
        """Told at the end of an epoch; `information()` estimates I(x; z) in nats on held-out data, if asked."""

    def state(self) -> dict[str, Any]:
        """What a resumed run must know, JSON-able."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""


class Repeat(Rule):
    """A fixed number of steps in every round."""

    def __init__(self, steps: int = 1) -> None:
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}")
        self.steps = steps

    def another(self, losses: Sequence[float]) -> bool:
        """Until there are `steps` of them."""
        return len(losses) < self.steps


class Aggressive(Rule):
    """Train the inference network until it stops gaining before each step of the main phase (He et al. 2019, alg. 1).

    Unlike theirs, the main phase's own step moves the inference network once more, if it is among its modules.

    In a round: up to `most` steps, ended early where the mean loss of the last `window` steps is no lower than that of
    the window before. Over the run: off for good after the first epoch in which I(x; z) does not rise.
    """

    def __init__(self, most: int = 100, window: int = 10) -> None:
        if window < 1 or most < window:
            raise ValueError(f"most must be at least window, and window at least 1, got {most} and {window}")
        self.most, self.window = most, window
        self.information, self.on = 0.0, True

    def another(self, losses: Sequence[float]) -> bool:
        """While the windowed mean still falls."""
        n = len(losses)
        if not self.on or n >= self.most:
            return False
        if n < 2 * self.window or n % self.window:
            return True
        return sum(losses[-self.window :]) < sum(losses[-2 * self.window : -self.window])

    def end_epoch(self, information: Callable[[], float]) -> None:
        """Stop being aggressive once the latents have stopped gaining information."""
        if self.on:
            now = information()
            self.on, self.information = now > self.information, max(now, self.information)

    def state(self) -> dict[str, Any]:
        """Best information so far, and whether it is still on."""
        return {"information": self.information, "on": self.on}

    def restore(self, state: dict[str, Any]) -> None:
        """As `state` gave it."""
        self.information, self.on = float(state["information"]), bool(state["on"])


@dataclass
class Phase:
    """A loss, the modules whose parameters it moves, their optimiser, and a rule for the steps in a round.

    `optimiser` is the plan's where the phase has none of its own, so that what is asked of a run holds in all its phases.
    `at` makes, of a batch, what happens at latents in this phase, where that is another thing than in the run. `check`:
    from the epoch's means of its terms to a sentence where the run had better stop, else None.

    A round runs every phase once, in order. The last phase's pass over the data is the epoch; the others draw batches
    from streams of their own. Schedules of every phase, learning rates too, follow the steps of the last one.
    """

    name: str
    objective: Objective | Term
    modules: Sequence[nn.Module]
    optimiser: Adam | None = None
    rule: Rule = field(default_factory=Repeat)
    at: Choices | None = None
    check: Callable[[Mapping[str, float]], str | None] | None = None

    def parameters(self) -> list[nn.Parameter]:
        """Those that the phase moves, each once."""
        found = {id(p): p for module in self.modules for p in module.parameters() if p.requires_grad}
        if not found:
            raise ValueError(f"phase {self.name!r} has no parameters to move")
        return list(found.values())
