"""Noise sent through a flow."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.quasirandom import SobolEngine

__all__ = ["Flowing", "normal_points"]

POINTS = 64


class Flowing(Distribution):
    """z = T(loc + scale e) with e ~ N(0, I) and T = `flow`(context), an invertible map of vectors.

    `loc`, `scale` (*batch, D); `context` (*batch, C), of size 0 where T is the same for all. A draw has its log-density
    with it (`rsample_and_log_prob`), without inverting T; that of any other value inverts it, which for an
    autoregressive T takes D passes. Rezende & Mohamed 2015, eqs. 5-7; Kingma et al. 2016.

    `flow` gives a map with an inverse `inv`, and with `call_and_ladj` for the image with log |det| of the slope, as those of
    zuko have. Mean and variance have no closed form: they are averages over 64 fixed points of a Sobol sequence.
    """

    arg_constraints: ClassVar = {
        "loc": constraints.real_vector,
        "scale": constraints.independent(constraints.positive, 1),
        "context": constraints.real_vector,
    }
    support = constraints.real_vector
    has_rsample = True
    settings = ("flow",)

    def __init__(
        self,
        loc: Float[Tensor, "*batch D"],
        scale: Float[Tensor, "*batch D"],
        context: Float[Tensor, "*batch C"],
        flow: Callable[[Tensor], Any],
        validate_args: bool | None = None,
    ) -> None:
        batch = torch.broadcast_shapes(loc.shape[:-1], scale.shape[:-1], context.shape[:-1])
        self.loc, self.scale = (t.expand(*batch, *t.shape[-1:]) for t in (loc, scale))
        self.context, self.flow = context.expand(*batch, *context.shape[-1:]), flow
        super().__init__(batch, loc.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Flowing":
        """The same, over a larger batch."""
        loc, scale, context = (t.expand(*batch_shape, *t.shape[-1:]) for t in (self.loc, self.scale, self.context))
        return Flowing(loc, scale, context, self.flow, validate_args=False)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws (*sample_shape, *batch, D), pathwise."""
        return self.rsample_and_log_prob(sample_shape)[0]

    def rsample_and_log_prob(self, sample_shape: Any = ()) -> tuple[Tensor, Tensor]:
        """Draws and their log-density, nats, from one pass."""
        noise = torch.randn(*sample_shape, *self.loc.shape, dtype=self.loc.dtype, device=self.loc.device)
        value, log_slope = self.flow(self.context).call_and_ladj(self.loc + self.scale * noise)
        return value, self._log_normal(noise) - log_slope

    def log_prob(self, value: Tensor) -> Tensor:
        """nats, (*batch,): T is inverted."""
        before, log_slope = self.flow(self.context).inv.call_and_ladj(value)
        return self._log_normal((before - self.loc) / self.scale) + log_slope

    @property
    def mean(self) -> Tensor:
        """(*batch, D), from fixed points: off by the standard deviation over about 40."""
        return self._images().mean(0)

    @property
    def variance(self) -> Tensor:
        """(*batch, D), from fixed points."""
        return self._images().var(0)

    def _images(self) -> Tensor:
        points = normal_points(POINTS, self.loc.shape[-1]).to(self.loc)
        spread = points.reshape(POINTS, *(1,) * len(self.batch_shape), -1)
        images: Tensor = self.flow(self.context)(self.loc + self.scale * spread)
        return images

    def _log_normal(self, noise: Tensor) -> Tensor:
        """log N(noise; 0, I) - sum log scale."""
        elements = noise.square() / 2 + self.scale.log() + 0.5 * math.log(2 * math.pi)
        return -elements.sum(-1)


def normal_points(count: int, size: int) -> Float[Tensor, "count size"]:
    """Points of a scrambled Sobol sequence under the normal quantile function, always the same."""
    uniform = SobolEngine(size, scramble=True, seed=0).draw(count, dtype=torch.float64)
    return torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6))
