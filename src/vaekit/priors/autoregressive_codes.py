"""Priors that read codes one after the other."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from vaekit.conditionals.step_by_step import strings_of
from vaekit.distributions import InOrder
from vaekit.priors.over_codes import PriorOverCodes

__all__ = ["AutoregressiveCodes"]


class AutoregressiveCodes(PriorOverCodes):
    """p(codes) = prod_t p(c_t | c_<t) by a network that reads them in order (van den Oord et al. 2017, sec. 3.3).

    `event_shape`, `sizes` and `context` as for every prior over codes. `network` reads strings of all digits of all
    positions, and the context. The rate is the codes' exact length, -log p(codes).
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        sizes: Sequence[int],
        network: nn.Module,
        context: Sequence[int] | None = None,
    ) -> None:
        super().__init__(event_shape, sizes, context)
        self.network = network

    def codes(self, context: Tensor | None = None) -> InOrder:
        """Batch shape (), or that of the context."""
        batch, network = self.batch_of(context), self.network
        strings = strings_of(network, batch, context, math.prod(self.code_shape))  # type: ignore[arg-type]
        return InOrder(strings, self.code_shape)
