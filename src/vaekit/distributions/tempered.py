"""A distribution drawn closer to its middle, or further from it; over symbols, cut to the likeliest."""

from functools import partial

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, Normal

from vaekit.distributions.of_symbols import OfSymbols
from vaekit.distributions.parameters import parameters_of, with_parameters
from vaekit.distributions.unit_normal import UnitNormal

__all__ = ["narrowed", "tempered"]


def tempered(d: Distribution, temperature: float) -> Distribution:
    """d with its scales multiplied by `temperature`, or its logits divided by it.

    1 is d itself, towards 0 a location-scale family shrinks to its location and a discrete one to its mode. For a
    normal this is p(z)^(1/T^2) normalised; Kingma & Dhariwal 2018, sec. 6. Raises ValueError for a family with neither.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}")
    if temperature == 1:
        return d
    if isinstance(d, OfSymbols):
        return d.each(partial(tempered, temperature=temperature))
    d = loosened(d)
    parameters = parameters_of(d)
    changed = {name: scaled(name, value, temperature) for name, value in parameters.items()}
    if all(changed[name] is parameters[name] for name in parameters):
        raise ValueError(f"{type(d).__name__} has neither a scale nor logits to change by temperature {temperature}")
    return with_parameters(d, changed)


def narrowed(d: Distribution, top_k: int | None = None, top_p: float | None = None) -> Distribution:
    """d with every symbol among the `top_k` likeliest, or the fewest likeliest that together have at least `top_p`.

    Fan et al. 2018; Holtzman et al. 2020, sec. 3.1. With both, `top_k` comes first. Raises ValueError for a family that is
    not over symbols, and for bounds that leave none.
    """
    if top_k is not None and (not isinstance(top_k, int) or top_k < 1):
        raise ValueError(f"top_k must be a whole number of at least 1, got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must lie above 0 and at most at 1, got {top_p}")
    if top_k is None and top_p is None:
        return d
    if isinstance(d, OfSymbols):
        return d.each(partial(narrowed, top_k=top_k, top_p=top_p))
    if not isinstance(d, Categorical):
        raise ValueError(f"top_k and top_p are of priors over symbols that are not all alike, got {type(d).__name__}")
    logits = d.logits
    if top_k is not None and top_k < logits.shape[-1]:
        least = logits.topk(top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if top_p is not None:
        ordered, places = logits.softmax(-1).sort(dim=-1, descending=True)
        beyond = ordered.cumsum(-1) - ordered >= top_p
        logits = logits.masked_fill(torch.zeros_like(beyond).scatter(-1, places, beyond), -torch.inf)
    return Categorical(logits=logits, validate_args=False)


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
