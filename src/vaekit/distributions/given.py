"""A distribution over what is left of an example once some of its elements are known."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.distributions import Distribution, Independent, constraints

from vaekit.distributions.optimal_normal import OptimalNormal

__all__ = ["Given", "given", "underlying"]


class Given(Distribution):
    """p(unknown elements | known ones) of independent elements: where `mask` is True an element is `value`, for certain.

    `base_dist` prices single elements, (*batch,); `value` and `mask` broadcast to its batch shape. A known element
    costs nothing, whatever is asked for its price: only the unknown ones are priced.
    """

    def __init__(
        self,
        base_dist: Distribution,
        value: Float[Tensor, "*#batch"],
        mask: Bool[Tensor, "*#batch"],
        validate_args: bool | None = None,
    ) -> None:
        self.base_dist, self.value, self.mask = base_dist, value, mask
        super().__init__(base_dist.batch_shape, validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """Those of the base; `parameters_of` reads it through `base_dist`."""
        return self.base_dist.arg_constraints

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """As the base."""
        return self.base_dist.has_rsample

    @property
    def support(self) -> constraints.Constraint | None:
        """That of the base."""
        return self.base_dist.support

    @property
    def mean(self) -> Tensor:
        """The known values and the base's mean."""
        return self._with_known(self.base_dist.mean)

    @property
    def mode(self) -> Tensor:
        """The known values and the base's mode."""
        return self._with_known(self.base_dist.mode)

    @property
    def variance(self) -> Tensor:
        """Zero where known."""
        return self.base_dist.variance.masked_fill(self.mask, 0.0)

    def entropy(self) -> Tensor:
        """Nats of each element, zero where known."""
        return self.base_dist.entropy().masked_fill(self.mask, 0.0)

    def log_prob(self, value: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The base's log-density of the unknown elements, nats; zero at the known ones."""
        return self.base_dist.log_prob(value).masked_fill(self.mask, 0.0)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """The known values and a pathwise draw of the rest."""
        return self._with_known(self.base_dist.rsample(sample_shape))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """The known values and a draw of the rest."""
        return self._with_known(self.base_dist.sample(sample_shape))

    def expand(self, batch_shape: Any, _instance: Any = None) -> "Given":
        """The same distribution over a larger batch shape."""
        base = self.base_dist.expand(batch_shape)
        return Given(base, self.value.expand(batch_shape), self.mask.expand(batch_shape), validate_args=False)

    def _with_known(self, drawn: Tensor) -> Tensor:
        return torch.where(self.mask, self.value.to(drawn.dtype), drawn)


def given(p: Distribution, value: Float[Tensor, "*#shape"], mask: Bool[Tensor, "*#event"]) -> Distribution:
    """p with the elements where `mask` (*event) is True known to be `value`, which broadcasts to p's batch and event.

    Raises ValueError where p is no product over the elements of its event.
    """
    if isinstance(p, Independent):
        return Independent(given(p.base_dist, value, mask), p.reinterpreted_batch_ndims, validate_args=False)
    if p.event_shape or isinstance(p, OptimalNormal):
        raise ValueError(f"known elements need a likelihood that prices each element alone, not {type(p).__name__}")
    return Given(p, value, mask, validate_args=False)


def underlying(d: Distribution) -> Distribution:
    """The family that prices elements: what is inside any number of `Independent` and `Given`."""
    while isinstance(d, Independent | Given):
        d = d.base_dist
    return d
