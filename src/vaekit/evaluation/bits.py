"""Bits per dimension: when nats of a likelihood may be said so, and how."""

import math

from vaekit.data import DataSpec, Domain
from vaekit.distributions.elements import without_independence
from vaekit.distributions.given import Given, underlying
from vaekit.models.inference import Inference, Likelihood

__all__ = ["bits_per_dim", "elements", "why_no_bits"]

WHOLE = (Domain.BINARY, Domain.LEVELS, Domain.COUNTS, Domain.CATEGORIES)


def elements(inference: Inference, spec: DataSpec) -> int:
    """How many elements of an example the likelihood prices: all of x but those that are given."""
    likelihood = inference.likelihoods.get("x")
    whole = math.prod(spec.shape)
    inner = None if likelihood is None else without_independence(likelihood.distribution)
    return whole - int(inner.mask.sum()) * whole // inner.mask.numel() if isinstance(inner, Given) else whole


def bits_per_dim(log_likelihood: float, spec: DataSpec, of: int | None = None) -> float:
    """-log2 p(x) over the elements of x, or over the `of` of them that are priced, from nats per example.

    A density of dequantised data, (level + u) / levels, is at most the probability of the level times `levels` on
    average, so log2(levels) is added and what comes out is an upper bound; Theis et al. 2016, sec. 3.1.
    """
    bits = -log_likelihood / ((math.prod(spec.shape) if of is None else of) * math.log(2))
    return bits + math.log2(spec.levels) if spec.dequantise and spec.levels is not None else bits


def why_no_bits(inference: Inference, spec: DataSpec) -> str | None:
    """The reason why this likelihood of these data is no probability of discrete values; None where it is one."""
    likelihood = inference.likelihoods.get("x")
    if spec.words:
        return f"no bits/dim: sentences have other lengths, see the perplexity per {(spec.unit or 'words').removesuffix('s')}"
    if likelihood is None or len(inference.likelihoods) > 1:
        return "no bits/dim: the figures are not of x alone"
    if not spec.dequantise and spec.domain not in WHOLE:
        return f"no bits/dim: these are log-densities of {spec.domain} data and depend on its units"
    if priced(likelihood, spec):
        return None
    family = type(underlying(likelihood.distribution)).__name__
    return (
        f"no bits/dim: {family} is no {'density on [0, 1]' if spec.dequantise else 'probability'} of {spec.describe()}"
    )


def priced(likelihood: Likelihood, spec: DataSpec) -> bool:
    """Whether p(x|z) is a probability of the data's discrete values, or a density of their dequantised ones."""
    p_x = likelihood.distribution
    levels, support = getattr(underlying(p_x), "levels", None), p_x.support
    assert support is not None
    if spec.dequantise:
        return levels is None and not support.is_discrete
    if levels is not None:
        return bool(levels == spec.levels)
    return support.is_discrete and bool(support.check(likelihood.value).all())
