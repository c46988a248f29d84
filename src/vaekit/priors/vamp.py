"""The prior that is a mixture of the posteriors of learned pseudo-inputs (Tomczak & Welling 2018)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, MixtureSameFamily

from vaekit.priors.prior import Prior

__all__ = ["VampPrior"]

LOW, SPREAD = 0.05, 0.01


class VampPrior(Prior):
    """(1/K) sum_k q(z|u_k) of K learned inputs u_k (K, *shape), with the model's own encoder as q; eq. 9.

    `unit`: inputs are held in [0, 1], as pictures are; they start near 0.05, others near 0. `from_data`: they start as
    examples that the model is begun with (`Model.start_on`).
    """

    def __init__(
        self, size: int, shape: Sequence[int], inputs: int = 500, *, unit: bool = True, from_data: bool = False
    ) -> None:
        super().__init__()
        if not isinstance(inputs, int) or inputs < 1:
            raise ValueError(f"inputs must be a whole number of at least 1, got {inputs!r}")
        self.event_shape, self.unit, self.from_data = (size,), unit, from_data
        self.inputs = nn.Parameter((LOW if unit else 0.0) + SPREAD * torch.randn(inputs, *shape))
        self.register_buffer("logits", torch.zeros(inputs), persistent=False)
        self.logits: Tensor

    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """Batch shape (). Raises ValueError where the encoder is not handed over."""
        if posterior is None:
            raise ValueError("this prior is made of the model's encoder, which must be handed over at the call")
        shown = self.inputs.clamp(0, 1) if self.unit else self.inputs
        weights = Categorical(logits=self.logits, validate_args=False)
        return MixtureSameFamily(weights, posterior(shown), validate_args=False)

    @torch.no_grad()
    def start_on(self, x: Tensor) -> None:
        """Take random rows of x (N, *shape) for inputs, where it was asked for. ValueError where there are too few."""
        if not self.from_data:
            return
        if x.shape[0] < self.inputs.shape[0]:
            raise ValueError(
                f"{self.inputs.shape[0]} pseudo-inputs cannot start on {x.shape[0]} examples: ask for fewer"
            )
        self.inputs.copy_(x[torch.randperm(x.shape[0], device=x.device)[: self.inputs.shape[0]]])
