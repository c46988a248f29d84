"""The head over codes that are drawn and relaxed."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.conditionals.conditional import Parameters
from vaekit.conditionals.quantised import HasCodes
from vaekit.distributions import RelaxedCodes, code_of_one_hot, one_hot_code
from vaekit.networks import AfterStep

__all__ = ["RelaxedCategorical"]


class RelaxedCategorical(HasCodes, AfterStep):
    """q(z|x) of a dVAE: one of K codes at every position, relaxed in training (Ramesh et al. 2021, sec. 2.1).

    `event_shape` is (K, *positions). `temperature`: a number, or a callable of the steps taken, such as a schedule. Out of
    training draws are hard.
    """

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        *,
        temperature: float | Callable[[int], float] = 1.0,
        features: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(network, event_shape, per_element=1, features=features)
        if isinstance(temperature, int | float) and not temperature > 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        self.sizes, self.code_shape = self.event_shape[:1], (1, *self.event_shape[1:])
        self.schedule = temperature
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
        return RelaxedCodes(logits, temperature=self.temperature, hard=not self.training, positions=positions)

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
