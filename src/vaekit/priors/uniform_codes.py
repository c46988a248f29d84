"""The uniform prior over codes."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from vaekit.conditionals import Quantised
from vaekit.conditionals.conditional import as_shape
from vaekit.distributions import Coded, UniformIntegers
from vaekit.priors.prior import Prior

__all__ = ["UniformCodes"]


class UniformCodes(Prior):
    """Every code of a quantising encoder with the same probability: a rate of log K nats for each digit.

    `event_shape` is the encoder's, (D, *positions), and `sizes` the quantiser's. That is what codes cost until a prior is
    fitted to them.
    """

    sizes_of: Tensor
    zero: Tensor

    def __init__(self, event_shape: int | Sequence[int], sizes: Sequence[int]) -> None:
        super().__init__()
        self.event_shape, self.sizes = as_shape(event_shape, "event_shape"), as_shape(sizes, "sizes")
        positions = self.event_shape[1:]
        kinds = torch.tensor(self.sizes).reshape(-1, *(1,) * len(positions)).expand(-1, *positions)
        self.register_buffer("sizes_of", kinds.clone(), persistent=False)
        self.register_buffer("zero", torch.zeros(()), persistent=False)  # of the dtype that the prior was moved to

    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """Batch shape (). Raises ValueError where the encoder does not quantise, or into other codes."""
        if not isinstance(posterior, Quantised) or posterior.quantiser.sizes != self.sizes:
            raise ValueError(f"UniformCodes needs an encoder that quantises into codes of {self.sizes} kinds")
        digits = UniformIntegers(self.sizes_of, self.zero.dtype, validate_args=False)
        codes = Independent(digits, self.sizes_of.ndim, validate_args=False)
        return Coded(codes, posterior.embed, self.event_shape, self.sizes)
