"""The head over codes that are drawn and relaxed."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.conditionals.conditional import Parameters
from vaekit.conditionals.quantised import HasCodes
from vaekit.distributions import RelaxedCodes, code_of_one_hot, one_hot_code
from vaekit.networks import AfterStep

__all__ = ["Draws", "RelaxedCategorical"]

Draws = Literal["relaxed", "straight-through", "hard"]


class RelaxedCategorical(HasCodes, AfterStep):
    """q(z|x) of a dVAE: one of K codes at every position, relaxed in training (Ramesh et al. 2021, sec. 2.1).

    `event_shape` is (K, *positions). `temperature`: a number, or a callable of the steps taken, such as a schedule.
    `draws` in training: "relaxed", one-hot with the "straight-through" gradient of the relaxed, or "hard", which pass no
    gradient on and need `ScoreFunction`. Out of training all are hard.
    """

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        *,
        temperature: float | Callable[[int], float] = 1.0,
        draws: Draws = "relaxed",
        features: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(network, event_shape, per_element=1, features=features)
        if isinstance(temperature, int | float) and not temperature > 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        if draws not in get_args(Draws):
            raise ValueError(f"draws must be one of {', '.join(get_args(Draws))}, got {draws!r}")
        self.sizes, self.code_shape = self.event_shape[:1], (1, *self.event_shape[1:])
        self.schedule, self.draws = temperature, draws
        first = temperature(0) if callable(temperature) else temperature
        self.register_buffer("temperature", torch.tensor(float(first)))
        self.register_buffer("taken", torch.zeros((), dtype=torch.long))
        self.temperature: Tensor
        self.taken: Tensor

    def parametrise(self, h: Tensor) -> Parameters:
        """`logits` (B, K, *positions)."""
        return {"logits": self.last(h)}

    def distribution(self, **parameters: Tensor) -> Distribution:
        """RelaxedCodes over the positions."""
        positions = len(self.event_shape) - 1
        logits = parameters["logits"]
        hard, through = not (self.training and self.draws == "relaxed"), self.draws == "straight-through"
        return RelaxedCodes(logits, self.temperature, hard, positions, through=self.training and through)

    def embed(self, code: Tensor) -> Tensor:
        """Codes (..., 1, *positions) as one-hot vectors (..., K, *positions)."""
        return one_hot_code(code, self.event_shape[0], len(self.event_shape) - 1, self.temperature.dtype)

    @property
    def read(self) -> Callable[[Tensor], Tensor]:
        """From one-hot vectors to codes."""
        return partial(code_of_one_hot, positions=len(self.event_shape) - 1)

    def after_step(self) -> None:
        """One more step: the temperature is that of the schedule."""
        self.taken += 1
        if callable(self.schedule):
            self.temperature.fill_(self.schedule(int(self.taken)))

    def forget(self) -> None:
        """Nothing is noted."""
