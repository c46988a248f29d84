"""A distribution drawn closer to its middle, or further from it."""

from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from vaekit.distributions.parameters import parameters_of, with_parameters
from vaekit.distributions.unit_normal import UnitNormal

__all__ = ["tempered"]


def tempered(d: Distribution, temperature: float) -> Distribution:
    """d with its scales multiplied by `temperature`, or its logits divided by it.

    1 is d itself, towards 0 a location-scale family shrinks to its location and a discrete one to its mode. For a
    normal this is p(z)^(1/T^2) normalised; Kingma & Dhariwal 2018, sec. 6. Raises ValueError for a family with neither.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}")
    if temperature == 1:
        return d
    d = loosened(d)
    parameters = parameters_of(d)
    changed = {name: scaled(name, value, temperature) for name, value in parameters.items()}
    if all(changed[name] is parameters[name] for name in parameters):
        raise ValueError(f"{type(d).__name__} has neither a scale nor logits to change by temperature {temperature}")
    return with_parameters(d, changed)


def loosened(d: Distribution) -> Distribution:
    """A unit normal as a normal, whose scale may be another; any other distribution as it is."""
    if isinstance(d, Independent):
        return Independent(loosened(d.base_dist), d.reinterpreted_batch_ndims, validate_args=False)
    return Normal(d.loc, d.scale, validate_args=False) if isinstance(d, UnitNormal) else d


def scaled(name: str, value: Tensor, temperature: float) -> Tensor:
    """One parameter at the temperature: scales and logits change, a mixture's weights and locations do not."""
    own = name.removeprefix("component.")
    if own in ("scale", "scale_tril"):
        return value * temperature
    return value / temperature if own == "logits" else value
