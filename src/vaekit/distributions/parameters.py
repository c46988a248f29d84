"""A distribution as a dict of tensors, and back.

A distribution's tensors are those that its `arg_constraints` name, with as many event axes as the constraint says; of
two ways to say the same thing (`probs` and `logits`, a covariance and its factor) one is kept. What else its
constructor takes is named by its class attribute `settings`. Any distribution that follows this is understood.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    MixtureSameFamily,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
    TransformedDistribution,
)

from vaekit.distributions.given import Given

__all__ = ["concatenated", "detached", "mapped", "parameters_of", "rows", "stack", "with_parameters"]

SAID_OTHERWISE = {"probs": "logits", "covariance_matrix": "scale_tril", "precision_matrix": "scale_tril"}
SETTINGS_OF_TORCH: dict[type[Distribution], tuple[str, ...]] = {
    RelaxedBernoulli: ("temperature",),
    RelaxedOneHotCategorical: ("temperature",),
}
MIXTURE, COMPONENT = "mixture.", "component."
KNOWN = ("known.value", "known.mask")


def parameters_of(d: Distribution) -> dict[str, Tensor]:
    """The distribution's own tensors by name, each (*batch, *its event).

    `Independent` gives its base's, and so does `Given`, with `known.value` and `known.mask`; a mixture gives
    `mixture.*` and `component.*`; `logits` stands for `probs`.
    """
    if isinstance(d, Independent):
        return parameters_of(d.base_dist)
    if isinstance(d, Given):
        return parameters_of(d.base_dist) | dict(zip(KNOWN, (d.value, d.mask), strict=True))
    if isinstance(d, MixtureSameFamily):
        mixture, component = parameters_of(d.mixture_distribution), parameters_of(d.component_distribution)
        named = {MIXTURE + name: p for name, p in mixture.items()}
        return named | {COMPONENT + name: p for name, p in component.items()}
    return {name: getattr(d, name) for name in names_of(d)}


def with_parameters(d: Distribution, parameters: Mapping[str, Tensor]) -> Distribution:
    """A distribution of d's kind and settings with other tensors, named as `parameters_of` names them."""
    if isinstance(d, Independent):
        base = with_parameters(d.base_dist, parameters)
        return Independent(base, d.reinterpreted_batch_ndims, validate_args=False)
    if isinstance(d, Given):
        base = with_parameters(d.base_dist, {name: p for name, p in parameters.items() if name not in KNOWN})
        value, mask = (parameters[name] for name in KNOWN)
        return Given(base, value, mask, validate_args=False)
    if isinstance(d, MixtureSameFamily):
        mixture = with_parameters(d.mixture_distribution, under(parameters, MIXTURE))
        component = with_parameters(d.component_distribution, under(parameters, COMPONENT))
        return MixtureSameFamily(mixture, component, validate_args=False)  # type: ignore[arg-type]
    return type(d)(**parameters, **settings_of(d), validate_args=False)  # type: ignore[arg-type]


def stack(distributions: Sequence[Distribution], dim: int = 0) -> Distribution:
    """Distributions of one kind and batch shape as one, along a new batch axis `dim` counted from the left."""
    first = check_alike(distributions, dim)
    whole = [expanded_parameters(d) for d in distributions]
    return with_parameters(first, {name: torch.stack([p[name] for p in whole], dim) for name in whole[0]})


def concatenated(distributions: Sequence[Distribution]) -> Distribution:
    """Distributions of one kind as one, with the rows of their leading batch axes below each other."""
    whole = [expanded_parameters(d) for d in distributions]
    return with_parameters(distributions[0], {name: torch.cat([p[name] for p in whole]) for name in whole[0]})


def mapped(d: Distribution, function: Callable[[Tensor], Tensor]) -> Distribution:
    """`function` applied to every tensor of d, each first expanded to d's batch shape."""
    return with_parameters(d, {name: function(p) for name, p in expanded_parameters(d).items()})


def detached(d: Distribution) -> Distribution:
    """The same distribution, through which no gradient flows."""
    return with_parameters(d, {name: p.detach() for name, p in parameters_of(d).items()})


def rows(d: Distribution, index: Any) -> Distribution:
    """The distributions at `index` (an int, a slice, a mask, a tensor of positions) of the leading batch axes."""
    if not d.batch_shape:
        raise ValueError("rows needs a distribution with a batch axis, got one of batch shape ()")
    return mapped(d, lambda p: p[index])


def expanded_parameters(d: Distribution) -> dict[str, Tensor]:
    """`parameters_of(d)`, each expanded to the batch shape of the distribution that owns it."""
    if isinstance(d, Independent):
        return expanded_parameters(d.base_dist)
    if isinstance(d, Given):
        known = (t.expand(d.batch_shape) for t in (d.value, d.mask))
        return expanded_parameters(d.base_dist) | dict(zip(KNOWN, known, strict=True))
    if isinstance(d, MixtureSameFamily):
        mixture, component = expanded_parameters(d.mixture_distribution), expanded_parameters(d.component_distribution)
        named = {MIXTURE + name: p for name, p in mixture.items()}
        return named | {COMPONENT + name: p for name, p in component.items()}
    return {name: expanded(p, d, name) for name, p in parameters_of(d).items()}


def expanded(parameter: Tensor, d: Distribution, name: str) -> Tensor:
    """One parameter over d's whole batch shape; its own event axes stay."""
    own = parameter.ndim - d.arg_constraints[name].event_dim
    return parameter.expand(*d.batch_shape, *parameter.shape[own:])


def names_of(d: Distribution) -> list[str]:
    """The names that d's `arg_constraints` give its tensors, without those said otherwise."""
    if not d.arg_constraints or type(d) is TransformedDistribution:
        raise ValueError(f"{type(d).__name__} does not name its parameters in arg_constraints")
    return [name for name in d.arg_constraints if SAID_OTHERWISE.get(name) not in d.arg_constraints]


def settings_of(d: Distribution) -> dict[str, Any]:
    """What d's constructor takes besides its tensors."""
    names = getattr(d, "settings", SETTINGS_OF_TORCH.get(type(d), ()))
    return {name: getattr(d, name) for name in names}


def under(parameters: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The parameters whose name begins with `prefix`, without it."""
    return {name[len(prefix) :]: p for name, p in parameters.items() if name.startswith(prefix)}


def check_alike(distributions: Sequence[Distribution], dim: int) -> Distribution:
    """The first of them; all must share its kind, batch shape and event shape, and have room for an axis at `dim`."""
    if not distributions:
        raise ValueError("stack needs at least one distribution, got none")
    first = distributions[0]
    for d in distributions:
        if type(d) is not type(first) or d.batch_shape != first.batch_shape or d.event_shape != first.event_shape:
            raise ValueError(f"stack needs distributions of one kind and shape, got {first} and {d}")
    if not 0 <= dim <= len(first.batch_shape):
        raise ValueError(f"dim must lie between 0 and the batch rank {len(first.batch_shape)}, got {dim}")
    return first
