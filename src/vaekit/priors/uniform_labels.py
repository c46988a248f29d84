"""The uniform prior over labels."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch import distributions as td
from torch.distributions import Distribution

from vaekit.priors.prior import Prior

__all__ = ["UniformLabels"]


class UniformLabels(Prior):
    """Each of `classes` labels, 0, 1, ..., with the same probability."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        if isinstance(classes, bool) or not isinstance(classes, int) or classes < 2:
            raise ValueError(f"classes must be a whole number of at least 2, got {classes!r}")
        self.event_shape = ()
        self.register_buffer("logits", torch.zeros(classes), persistent=False)
        self.logits: Tensor

    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """Batch shape (), event shape ()."""
        return td.Categorical(logits=self.logits, validate_args=False)
