"""The uniform prior on the sphere."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit import distributions
from vaekit.conditionals.conditional import SPHERE
from vaekit.distributions.sphere import sphere_size
from vaekit.priors.prior import Prior

__all__ = ["UniformOnSphere"]


class UniformOnSphere(Prior):
    """Every vector of `size` numbers that has length 1 is as likely as the other: a sphere of size - 1 dimensions.

    A latent that a von Mises-Fisher posterior is over. Raises ValueError for a size below 2.
    """

    space = SPHERE
    needs = 0.0

    def __init__(self, size: int) -> None:
        super().__init__()
        self.event_shape = (sphere_size(size),)
        self.register_buffer("place", torch.zeros(()), persistent=False)
        self.place: Tensor

    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """Batch shape ()."""
        return distributions.UniformOnSphere(self.event_shape[0], self.place, validate_args=False)
