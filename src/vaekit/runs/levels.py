"""Latents from the top on: a temperature for each, and examples rebuilt from the top few alone."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vaekit.data import Split
from vaekit.evaluation import bound
from vaekit.latent import from_priors, in_words, worth_showing
from vaekit.models import FromPrior, Mean
from vaekit.models.choices import Choice
from vaekit.priors import PriorOverCodes
from vaekit.runs.asking import answering, latents_of, passes, shown

if TYPE_CHECKING:
    from vaekit.runs.run import Run

__all__ = ["Temperature"]

Temperature = float | Sequence[float] | Mapping[str, float]


def tempered_latents(
    run: "Run", temperature: Temperature, top_k: int | None = None, top_p: float | None = None
) -> dict[str, Choice]:
    """Every latent from its prior at its temperature: one for all, one for each from the top on, or by name (else 1).

    `top_k` and `top_p` are of all latents.
    """
    names = list(latents_of(run))
    if isinstance(temperature, Mapping):
        unknown = [name for name in temperature if name not in names]
        if unknown:
            raise ValueError(f"temperature names {unknown[0]!r}, this model has the latents {in_words(names)}")
        each = {name: temperature.get(name, 1.0) for name in names}
    elif isinstance(temperature, Sequence):
        if len(temperature) != len(names):
            raise ValueError(
                f"temperature must be one number, or one for each of the {len(names)} latents "
                f"({in_words(names)}), got {len(temperature)}"
            )
        each = dict(zip(names, temperature, strict=True))
    else:
        each = dict.fromkeys(names, temperature)
    for name, prior in run.model.own_priors().items():
        if each.get(name) == 0 and isinstance(prior, PriorOverCodes):
            raise ValueError(
                f"temperature of {name} must be above 0, as codes have no mean: take top_k 1 for the likeliest"
            )
    return {name: FromPrior(checked(float(value)), top_k, top_p) for name, value in each.items()}


def checked(temperature: float) -> float:
    """A finite temperature of at least 0."""
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature must be at least 0, got {temperature}")
    return temperature


def reconstruct(
    run: "Run", split: Split, context: Tensor | None, levels: int | None, temperature: float, seed: int
) -> Tensor:
    """The mean of p(x|z) with the first `levels` latents at their posteriors' means, the rest from their priors."""
    if context is not None and len(context) != len(split):
        raise ValueError(f"context must have a row for each of the {len(split)} examples, got {len(context)}")
    if levels is None and temperature != 0:
        raise ValueError(
            f"temperature is that of the latents below levels: give levels too, got temperature {temperature}"
        )
    below = {} if levels is None else from_priors(list(latents_of(run)), levels, checked(temperature))
    found, done = [], 0
    with answering(run.model, seed):
        for batch in passes(run, split, seed):
            size = len(next(iter(batch.data.values())))
            given = batch.context if context is None else context[done : done + size]
            at = {**(batch.at or {}), **below}
            found.append(shown(run.model.infer(batch.data, given, at=at, default=Mean()), True))
            done += size
    return torch.cat(found)


def by_level(run: "Run", split: Split, most: int) -> dict[int, Tensor]:
    """Reconstructions from the top 1, 2, ... latents, by how many: up to `most` of them that tell about equally much."""
    if most < 2:
        raise ValueError(f"most must be at least 2, got {most}")
    names = list(latents_of(run))
    if len(names) == 1:
        raise ValueError(f"this model has one level, {names[0]}: there is nothing to take apart")
    rates = bound(run.model, split, at=run.at).rates
    counts = worth_showing([rates[name].mean if name in rates else 0.0 for name in names], most)
    return {n: reconstruct(run, split, None, n, 0.0, 0) for n in counts}
