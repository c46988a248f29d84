"""A prior of noise sent through a flow."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from vaekit.distributions import Flowing
from vaekit.priors.prior import Prior

__all__ = ["FlowPrior"]


class FlowPrior(Prior):
    """z = T(e) over a vector of `size` with e ~ N(0, I) and T = `flow`(an empty context): `MaskedFlow` for one.

    A flow with `quick_density` prices z in one pass. Chen et al. 2017, sec. 3.2.
    """

    def __init__(self, size: int, flow: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.event_shape, self.flow = (size,), flow
        for name, value in (("loc", torch.zeros(size)), ("scale", torch.ones(size)), ("nothing", torch.zeros(0))):
            self.register_buffer(name, value, persistent=False)
        self.loc: Tensor
        self.scale: Tensor
        self.nothing: Tensor

    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """Batch shape ()."""
        return Flowing(self.loc, self.scale, self.nothing, self.flow, validate_args=False)
