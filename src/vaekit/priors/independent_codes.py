"""The prior of codes that know nothing of each other."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Independent

from vaekit.priors.over_codes import PriorOverCodes

__all__ = ["IndependentCodes"]


class IndependentCodes(PriorOverCodes):
    """At every position one of K codes, whatever the others are: with the same probability, or `learned` ones.

    `event_shape` is (K, *positions), that of `RelaxedCategorical`. It is trained with the model, so its draws are the
    model's own; `UniformCodes` stands where a prior is still to be fitted.
    """

    def __init__(self, event_shape: Sequence[int], *, learned: bool = False) -> None:
        super().__init__(event_shape, event_shape[:1])
        logits = torch.zeros(*self.code_shape, self.event_shape[0])
        if learned:
            self.logits: Tensor = nn.Parameter(logits)
        else:
            self.register_buffer("logits", logits, persistent=False)

    def codes(self, context: Tensor | None = None) -> Independent:
        """Batch shape ()."""
        return Independent(
            Categorical(logits=self.logits, validate_args=False), self.logits.ndim - 1, validate_args=False
        )
