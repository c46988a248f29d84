"""A mixture of discretised logistics over the pixels of an image."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Categorical, Distribution, constraints

from vaekit.distributions.discretised_logistic import at_least_two, clipped_mean, discretised_log_prob, draw_level

__all__ = ["DiscretisedLogisticMixture"]


class DiscretisedLogisticMixture(Distribution):
    """P(x) = prod_pixels sum_m pi_m prod_c DiscretisedLogistic(x_c; loc_mc + sum_{j<c} coupling_mcj x_j, scale_mc).

    Salimans et al. 2017, sec. 2: one component per pixel is shared by its channels, and a channel's mean is shifted by
    the pixel's observed earlier channels. Here for any number C of channels, with x in [0, 1].

    `logits` (*batch, M, H, W); `loc`, `scale` (*batch, M, C, H, W) in units of x; `coupling`
    (*batch, M, C(C-1)/2, H, W) in the order (1,0), (2,0), (2,1), ... of (channel, earlier channel), None for no
    coupling. The event is (C, H, W).
    """

    support = constraints.independent(constraints.unit_interval, 3)
    settings = ("levels",)

    def __init__(
        self,
        logits: Float[Tensor, "*batch M H W"],
        loc: Float[Tensor, "*batch M C H W"],
        scale: Float[Tensor, "*batch M C H W"],
        coupling: Float[Tensor, "*batch M P H W"] | None = None,
        levels: int = 256,
        validate_args: bool | None = None,
    ) -> None:
        channels = loc.shape[-3]
        pairs = channels * (channels - 1) // 2
        if coupling is not None and coupling.shape[-3] != pairs:
            raise ValueError(f"coupling must hold {pairs} pairs for {channels} channels, got {coupling.shape[-3]}")
        batch_shape = torch.broadcast_shapes(logits.shape[:-3], loc.shape[:-4], scale.shape[:-4])
        self.logits = logits.expand(*batch_shape, *logits.shape[-3:])
        self.loc = loc.expand(*batch_shape, *loc.shape[-4:])
        self.scale = scale.expand(*batch_shape, *loc.shape[-4:])
        self.coupling = None if coupling is None else coupling.expand(*batch_shape, *coupling.shape[-4:])
        self.levels = at_least_two(levels)
        super().__init__(batch_shape, loc.shape[-3:], validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """Each parameter with the number of its event's axes."""
        found: dict[str, constraints.Constraint] = {
            "logits": constraints.independent(constraints.real, 3),
            "loc": constraints.independent(constraints.real, 4),
            "scale": constraints.independent(constraints.positive, 4),
        }
        if self.coupling is not None:
            found["coupling"] = constraints.independent(constraints.real, 4)
        return found

    def log_prob(self, value: Tensor) -> Tensor:
        """log P(value), (*batch,) nats per image."""
        return self.log_prob_per_pixel(value).sum(dim=(-2, -1))

    def log_prob_per_pixel(self, value: Float[Tensor, "*batch C H W"]) -> Float[Tensor, "*batch H W"]:
        """log P of each pixel's C channels, nats."""
        x = value.unsqueeze(-4)  # (*batch, 1, C, H, W)
        loc = self.loc + self._shift(x)
        log_p = discretised_log_prob(x, loc, self.scale, self.levels).sum(dim=-3)  # (*batch, M, H, W)
        return torch.logsumexp(self.logits.log_softmax(dim=-3) + log_p, dim=-3)

    @property
    def mean(self) -> Tensor:
        """Weighted mean of the components (*batch, C, H, W), each channel shifted by the *means* of the earlier ones.

        A picture, not exact: a channel that the grid clips is not linear in the channels before it.
        """
        means = self._by_channel(self.loc, self.coupling, lambda c, loc: clipped_mean(loc, self.scale[..., c, :, :]))
        return (self.logits.softmax(dim=-3).unsqueeze(-3) * means).sum(dim=-4)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Points of the grid (*sample_shape, *batch, C, H, W): each pixel's component, then its channels in order."""
        with torch.no_grad():
            component = Categorical(logits=self.logits.movedim(-3, -1), validate_args=False).sample(sample_shape)
            chosen = component[..., None, None, :, :]  # (*sample_shape, *batch, 1, 1, H, W)
            loc, scale = take(self.loc, chosen), take(self.scale, chosen)
            coupling = None if self.coupling is None else take(self.coupling, chosen)
            return self._by_channel(loc, coupling, lambda c, loc: draw_level(loc, scale[..., c, :, :], self.levels))

    def expand(self, batch_shape: Any, _instance: Any = None) -> "DiscretisedLogisticMixture":
        """The same distribution over a larger batch shape."""
        batch_shape, own = tuple(batch_shape), len(self.batch_shape)
        wide = {
            name: getattr(self, name).expand(*batch_shape, *getattr(self, name).shape[own:])
            for name in self.arg_constraints
        }
        return DiscretisedLogisticMixture(**wide, levels=self.levels, validate_args=False)

    def _shift(self, x: Tensor) -> Tensor:
        """sum_{j<c} coupling_cj x_j for every channel c at once, from observed x (*batch, 1, C, H, W)."""
        if self.coupling is None:
            return torch.zeros_like(self.loc)
        channel, earlier = torch.tril_indices(x.shape[-3], x.shape[-3], -1, device=x.device)
        terms = self.coupling * x.index_select(-3, earlier)  # (*batch, M, P, H, W)
        shape = (*terms.shape[:-3], *self.event_shape)
        return terms.new_zeros(shape).index_add(-3, channel, terms)

    def _by_channel(self, loc: Tensor, coupling: Tensor | None, value_of: Callable[[int, Tensor], Tensor]) -> Tensor:
        """Fill channels in order: value_of(c, loc_c + sum_{j<c} coupling_cj value_j), stacked to loc's shape."""
        values: list[Tensor] = []
        for c in range(loc.shape[-3]):
            centre, first = loc[..., c, :, :], c * (c - 1) // 2
            for j in range(c if coupling is not None else 0):
                assert coupling is not None
                centre = centre + coupling[..., first + j, :, :] * values[j]
            values.append(value_of(c, centre))
        return torch.stack(values, dim=-3)


def take(parameter: Tensor, component: Tensor) -> Tensor:
    """Each pixel's parameter (*batch, M, C, H, W) under its component (*s, *batch, 1, 1, H, W), M taken out."""
    size = list(component.shape)
    size[-3] = parameter.shape[-3]
    whole = parameter.expand(*component.shape[:-4], *parameter.shape[-4:])
    return whole.gather(-4, component.expand(size)).squeeze(-4)
