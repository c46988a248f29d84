"""A learned mixture of normals."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily, Normal

from vaekit.conditionals.scales import UNIT
from vaekit.priors.prior import Prior

__all__ = ["MixtureOfGaussians"]

FLOOR = 1e-3


class MixtureOfGaussians(Prior):
    """sum_k pi_k N(z; m_k, diag(s_k^2)) over a vector of `size`, all of it learned; the means start as normal draws."""

    def __init__(self, size: int, components: int = 10) -> None:
        super().__init__()
        for said, value in (("size", size), ("components", components)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{said} must be a whole number of at least 1, got {value!r}")
        self.event_shape = (size,)
        self.logits = nn.Parameter(torch.zeros(components))
        self.loc, self.raw_scale = (
            nn.Parameter(torch.randn(components, size)),
            nn.Parameter(torch.zeros(components, size)),
        )

    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """Batch shape ()."""
        scale = F.softplus(self.raw_scale + UNIT) + FLOOR
        normals = Independent(Normal(self.loc, scale, validate_args=False), 1, validate_args=False)
        return MixtureSameFamily(Categorical(logits=self.logits, validate_args=False), normals, validate_args=False)
