"""Heads of posteriors whose elements depend on each other: normals with a covariance, and flows."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, LowRankMultivariateNormal, MultivariateNormal

from vaekit.conditionals.conditional import Conditional, Parameters
from vaekit.conditionals.scales import UNIT
from vaekit.distributions import Flowing

__all__ = ["FlowPosterior", "FullGaussian", "LowRankGaussian"]

FLOOR = 1e-4


class FullGaussian(Conditional):
    """A normal over a vector of `size` with any covariance, by its Cholesky factor: positive on the diagonal."""

    separable = False

    def __init__(self, network: nn.Module, size: int, *, features: int | None = None) -> None:
        super().__init__(network, size, per_element=1 + size, features=features)

    def parametrise(self, h: Tensor) -> Parameters:
        """`loc` (B, D) and `scale_tril` (B, D, D)."""
        loc, *columns = self.last(h)
        raw = torch.stack(columns, dim=-1)
        diagonal = F.softplus(raw.diagonal(dim1=-2, dim2=-1) + UNIT) + FLOOR
        return {"loc": loc, "scale_tril": raw.tril(-1) + torch.diag_embed(diagonal)}

    def distribution(self, **parameters: Tensor) -> Distribution:
        """MultivariateNormal."""
        return MultivariateNormal(**parameters, validate_args=False)


class LowRankGaussian(Conditional):
    """A normal over a vector of `size` with covariance W W' + diagonal, W of `rank` columns; Rezende et al. 2014, sec. 4.3."""

    separable = False

    def __init__(self, network: nn.Module, size: int, *, rank: int = 4, features: int | None = None) -> None:
        if not isinstance(rank, int) or not 1 <= rank <= size:
            raise ValueError(f"rank must lie between 1 and the {size} elements, got {rank!r}")
        super().__init__(network, size, per_element=2 + rank, features=features)

    def parametrise(self, h: Tensor) -> Parameters:
        """`loc` (B, D), `cov_factor` (B, D, rank) and `cov_diag` (B, D)."""
        loc, raw, *columns = self.last(h)
        return {
            "loc": loc,
            "cov_factor": torch.stack(columns, -1),
            "cov_diag": (F.softplus(raw + UNIT) + FLOOR).square(),
        }

    def distribution(self, **parameters: Tensor) -> Distribution:
        """LowRankMultivariateNormal."""
        return LowRankMultivariateNormal(**parameters, validate_args=False)


class FlowPosterior(Conditional):
    """Noise of the network's own mean and scale, sent through a flow that sees what the network says besides.

    `flow`: from its context (B, C) to an invertible map, `MaskedFlow` for one; Kingma et al. 2016, sec. 3.
    """

    separable = False

    def __init__(
        self,
        network: nn.Module,
        size: int,
        flow: Callable[[Tensor], object],
        context: int,
        *,
        features: int | None = None,
    ) -> None:
        super().__init__(network, size, per_element=2, features=features)
        self.flow = flow
        self.seen = nn.Linear(math.prod(self.last.features), context)

    def parametrise(self, h: Tensor) -> Parameters:
        """`loc` and `scale` (B, D) of the noise, and `context` (B, C)."""
        loc, raw = self.last(h)
        return {"loc": loc, "scale": F.softplus(raw + UNIT) + FLOOR, "context": self.seen(h.flatten(1))}

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Flowing."""
        return Flowing(**parameters, flow=self.flow, validate_args=False)
