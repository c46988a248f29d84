"""Whole numbers, each as likely as the other."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution, constraints

__all__ = ["UniformIntegers"]


class UniformIntegers(Distribution):
    """P(v) = 1 / sizes for v = 0, ..., sizes - 1; `sizes` (*batch) are whole numbers of at least 1.

    `dtype`: of the log-probabilities, the default one if not said.
    """

    has_rsample = False
    settings = ("dtype",)
    arg_constraints = {"sizes": constraints.positive_integer}  # noqa: RUF012  (as torch has it)

    def __init__(
        self, sizes: Int[Tensor, "*batch"], dtype: torch.dtype | None = None, validate_args: bool | None = None
    ) -> None:
        self.sizes, self.dtype = sizes, dtype or torch.get_default_dtype()
        super().__init__(sizes.shape, torch.Size(()), validate_args=validate_args)

    @property
    def support(self) -> constraints.Constraint:
        """Whole numbers from 0."""
        return constraints.nonnegative_integer

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Int[Tensor, "*shape"]:
        """Draws, (*sample_shape, *batch)."""
        shape = (*sample_shape, *self.batch_shape)
        drawn = (torch.rand(shape, device=self.sizes.device, dtype=torch.float64) * self.sizes).long()
        return drawn.minimum(self.sizes.expand(shape) - 1)

    def log_prob(self, value: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """-log sizes, or -inf outside, nats."""
        inside = (value >= 0) & (value < self.sizes)
        return torch.where(inside, -self.sizes.to(self.dtype).log(), -torch.inf)

    def entropy(self) -> Float[Tensor, "*batch"]:
        """log sizes, nats."""
        return self.sizes.to(self.dtype).log()

    def expand(self, batch_shape: Any, _instance: Any = None) -> "UniformIntegers":
        """The same over a larger batch shape."""
        return UniformIntegers(self.sizes.expand(batch_shape), self.dtype, validate_args=False)
