"""The standard normal prior."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from vaekit.conditionals.conditional import as_shape
from vaekit.distributions import UnitNormal
from vaekit.priors.prior import Prior

__all__ = ["StandardNormal"]


class StandardNormal(Prior):
    """N(0, I) over a latent of the given shape."""

    def __init__(self, event_shape: int | Sequence[int]) -> None:
        super().__init__()
        self.event_shape = as_shape(event_shape, "event_shape")
        self.register_buffer("loc", torch.zeros(self.event_shape), persistent=False)
        self.register_buffer("scale", torch.ones(self.event_shape), persistent=False)
        self.loc: Tensor
        self.scale: Tensor
        self._kept: Independent | None = None

    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """Batch shape ()."""
        if torch.compiler.is_compiling():
            return self._made()
        if self._kept is None or self._kept.base_dist.loc is not self.loc:
            self._kept = self._made()
        return self._kept

    def _made(self) -> Independent:
        normal = UnitNormal(self.loc, self.scale, validate_args=False)
        return Independent(normal, len(self.event_shape), validate_args=False)
