"""All mass on one point: a code that is computed, not drawn."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.kl import register_kl

__all__ = ["PointMass", "code_length", "code_of", "penalty_of"]


class PointMass(Distribution):
    """P(v) = 1 where v is `value`, 0 elsewhere: the posterior of an autoencoder or of a codebook.

    `value` (*batch, *event) has its last `event_dims` axes in the event. `code` (*batch, *code_event) is the integer
    that a prior prices where `value` is its embedding; an integer `value` is its own code. `penalty` (*batch,) is what
    whoever computed the value charges for it (a commitment loss, say), where anything.
    """

    has_rsample = True
    settings = ("event_dims",)

    def __init__(
        self,
        value: Tensor,
        event_dims: int,
        code: Tensor | None = None,
        penalty: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if not 0 <= event_dims <= value.ndim:
            raise ValueError(f"event_dims must lie between 0 and value's {value.ndim} axes, got {event_dims}")
        if code is None and not value.is_floating_point():
            code = value
        batch_shape = value.shape[: value.ndim - event_dims]
        if code is not None and (code.is_floating_point() or code.shape[: len(batch_shape)] != batch_shape):
            raise ValueError(
                f"code must be an integer tensor whose shape begins with {tuple(batch_shape)}, "
                f"got {code.dtype} of shape {tuple(code.shape)}"
            )
        if penalty is not None and penalty.shape != batch_shape:
            raise ValueError(f"penalty must have the shape {tuple(batch_shape)}, got {tuple(penalty.shape)}")
        self.value, self.code, self.penalty, self.event_dims = value, code, penalty, event_dims
        super().__init__(batch_shape, value.shape[value.ndim - event_dims :], validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """`value`, and `code` and `penalty` where there are any, each with the number of its event's axes."""
        found: dict[str, constraints.Constraint] = {"value": constraints.independent(constraints.real, self.event_dims)}
        if self.code is not None:
            code_dims = self.code.ndim - len(self._batch_shape)
            found["code"] = constraints.independent(constraints.real, code_dims)
        if self.penalty is not None:
            found["penalty"] = constraints.real
        return found

    @property
    def support(self) -> constraints.Constraint:
        """Any value of the event's shape."""
        return constraints.independent(constraints.real, self.event_dims)

    @property
    def mean(self) -> Tensor:
        """The point."""
        return self.value

    @property
    def mode(self) -> Tensor:
        """The point."""
        return self.value

    @property
    def variance(self) -> Tensor:
        """Zeros."""
        return torch.zeros_like(self.value)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """The point, repeated: (*sample_shape, *batch, *event)."""
        return self.value.expand(*sample_shape, *self.value.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """0 where `value` is the point (or, an integer, its code), -inf elsewhere: (*batch,) nats of probability."""
        point = self.value if value.is_floating_point() or self.code is None else self.code
        event_axes = tuple(range(len(self.batch_shape) - point.ndim, 0))
        differs = value != point
        differs = differs.any(dim=event_axes) if event_axes else differs
        dtype = self.value.dtype if self.value.is_floating_point() else torch.get_default_dtype()
        return torch.zeros_like(differs, dtype=dtype).masked_fill(differs, -torch.inf)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "PointMass":
        """The same point over a larger batch shape."""
        batch_shape = tuple(batch_shape)
        own = len(self.batch_shape)
        code = None if self.code is None else self.code.expand(*batch_shape, *self.code.shape[own:])
        penalty = None if self.penalty is None else self.penalty.expand(batch_shape)
        value = self.value.expand(*batch_shape, *self.event_shape)
        return PointMass(value, self.event_dims, code, penalty, validate_args=False)


def penalty_of(d: Distribution) -> Tensor | None:
    """What is charged for a value that was computed, (*batch,); None where nothing is."""
    return d.penalty if isinstance(d, PointMass) else None


def code_of(q: PointMass) -> Tensor:
    """The integer code of a deterministic posterior, (*batch, *code_event); a ValueError where there is none."""
    if q.code is None:
        raise ValueError(
            "a deterministic continuous code has no rate: use a posterior that draws, an integer code, "
            "or an objective without Rate()"
        )
    return q.code


@register_kl(PointMass, Distribution)
def code_length(q: PointMass, p: Distribution) -> Float[Tensor, "*batch"]:
    """KL(q||p) = -log p(code) nats: the length of the code under the prior."""
    return -p.log_prob(code_of(q))
