"""What a family's tails allow: a mean to speak of, a middle where there is none, and whether weights p/q can be trusted."""

from torch import Tensor
from torch.distributions import Cauchy, Distribution, StudentT, Uniform

from vaekit.distributions.elements import without_independence

__all__ = ["middle_of", "misses_mass", "width_of"]


def middle_of(d: Distribution) -> Tensor:
    """The mean of d, or where tails are too heavy for one its location."""
    inner = without_independence(d)
    if isinstance(inner, Cauchy | StudentT):
        return inner.loc.expand(d.batch_shape + d.event_shape)
    return d.mean


def width_of(d: Distribution) -> Tensor:
    """The standard deviation of d; the scale of a family whose tails may be too heavy for one."""
    inner = without_independence(d)
    if isinstance(inner, Cauchy | StudentT):
        return inner.scale.expand(d.batch_shape + d.event_shape)
    return d.stddev


def misses_mass(q: Distribution) -> bool:
    """Whether q has no density somewhere in the space of its values, so that averages of p/q over its draws miss mass."""
    return isinstance(without_independence(q), Uniform)
