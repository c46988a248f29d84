"""The uniform prior over codes."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Independent

from vaekit.distributions import UniformIntegers
from vaekit.priors.over_codes import PriorOverCodes

__all__ = ["UniformCodes"]


class UniformCodes(PriorOverCodes):
    """Every code with the same probability: a rate of log K nats for each digit, until a prior is fitted."""

    fitted = False
    kinds: Tensor
    zero: Tensor

    def __init__(
        self, event_shape: int | Sequence[int], sizes: Sequence[int], context: Sequence[int] | None = None
    ) -> None:
        super().__init__(event_shape, sizes, context)
        kinds = torch.tensor(self.sizes).reshape(-1, *(1,) * (len(self.code_shape) - 1)).expand(self.code_shape)
        self.register_buffer("kinds", kinds.clone(), persistent=False)
        self.register_buffer("zero", torch.zeros(()), persistent=False)  # of the dtype that the prior was moved to

    def codes(self, context: Tensor | None = None) -> Independent:
        """Batch shape ()."""
        digits = UniformIntegers(self.kinds, self.zero.dtype, validate_args=False)
        return Independent(digits, self.kinds.ndim, validate_args=False)
