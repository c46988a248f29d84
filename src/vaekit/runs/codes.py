"""Values of a run's latents: read from examples, decoded, led from one example to another, moved one at a time."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vaekit.data import Split
from vaekit.evaluation import bound, latent_use
from vaekit.evaluation.passes import place_of
from vaekit.latent import decoded, encoded, halfway, in_words, spherical, straight, traversal
from vaekit.models import FromPrior, Mean, Set
from vaekit.models.inference import Inference, Latent
from vaekit.runs.asking import answering, inferred_blank, passes, shown
from vaekit.runs.conditioning import context_of_one

if TYPE_CHECKING:
    from vaekit.runs.run import Run

__all__: list[str] = []

Codes = Mapping[str, Tensor]
WAYS = {"spherical": spherical, "straight": straight}
LOOKED_AT = 2000  # held-out examples, from which one learns which dimensions matter


def encode(run: "Run", split: Split, draws: int | None, seed: int) -> dict[str, Tensor]:
    """Every latent by name: means (N, *latent) or draws (draws, N, *latent) of the posterior."""
    if draws is not None and draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    found: dict[str, list[Tensor]] = {}
    with answering(run.model, seed):
        for batch in passes(run, split, seed):
            for name, z in encoded(run.model, batch.data, batch.context, draws=draws, at=batch.at).items():
                found.setdefault(name, []).append(z.cpu())
    return {name: torch.cat(parts, 0 if draws is None else 1) for name, parts in found.items()}


def named(codes: Codes, latent: str | None) -> Tensor:
    """The codes of one latent: the only one, or that of the name."""
    if latent is None and len(codes) > 1:
        raise ValueError(f"the model has several latents, name one with latent=: {in_words(list(codes))}")
    return next(iter(codes.values())) if latent is None else codes[known(latent, codes)]


def known(latent: str, there: Mapping[str, object]) -> str:
    """The name, which must be that of a latent."""
    if latent not in there:
        raise ValueError(f"no latent is named {latent!r}: this model has {in_words(list(there))}")
    return latent


def decode(run: "Run", values: Codes, context: Tensor | None) -> Tensor:
    """The mean of p(x|z) at values that are `checked`, in the model's units (N, *event)."""
    given = None if context is None else context.to(place_of(run.model).device)
    with answering(run.model):
        return decoded(run.model, values, given, length=steps_in(inferred_blank(run).latents, values)).float().cpu()


def steps_in(latents: Mapping[str, Latent], values: Codes) -> int | None:
    """How many steps the values of latents over time have; None where there are none of such."""
    return next((value.shape[1] for name, value in values.items() if latents[name].timed), None)


def checked(run: "Run", z: Tensor | Codes, latent: str | None) -> dict[str, Tensor]:
    """Values by the names of their latents, where and in the type that the model has them; ValueError for others."""
    latents = inferred_blank(run).latents
    given = {named_for(latents, latent): z} if isinstance(z, Tensor) else dict(z)
    if not given:
        raise ValueError(f"values must be given for at least one of the latents {in_words(list(latents))}, got none")
    values = {name: fitting(latents[known(name, latents)], value) for name, value in given.items()}
    if len({len(value) for value in values.values()}) > 1:
        sizes = ", ".join(f"{name} {len(value)}" for name, value in values.items())
        raise ValueError(f"every latent needs as many values as the others, got {sizes}")
    return values


def named_for(latents: Mapping[str, Latent], latent: str | None) -> str:
    """Which latent a lone tensor is for."""
    if latent is None and len(latents) > 1:
        several = in_words(list(latents))
        raise ValueError(
            f"the model has several latents ({several}): say which with latent=, or give values by their names"
        )
    return next(iter(latents)) if latent is None else known(latent, latents)


def fitting(latent: Latent, z: Tensor) -> Tensor:
    """Values (N, *latent) as the model has them; ValueError for another shape, or what is no value of this latent.

    Those of a latent over time may have any number of steps. Flat ones (N, numbers), as a table holds them, are taken too.
    """
    shape, like = tuple(latent.value.shape[1:]), latent.value
    z = unflattened(z, shape, latent.timed)
    if z.ndim != len(shape) + 1 or tuple(z.shape[1 + latent.timed :]) != shape[latent.timed :]:
        wanted = ", ".join(["N", *map(str, shape)])
        raise ValueError(
            f"codes of {latent.name} must have the shape ({wanted}{',' if not shape else ''}), got {tuple(z.shape)}"
        )
    if not bool(torch.isfinite(z).all()):
        raise ValueError(f"codes of {latent.name} must be finite, got NaN or Inf")
    if latent.discrete and not like.is_floating_point() and bool((z != z.round()).any()):
        raise ValueError(f"values of {latent.name} must be whole numbers, as it is discrete")
    values, prior = z.to(like), latent.steps[0].prior
    support = None if prior is None or not latent.discrete else prior.support
    if support is not None and not bool(support.check(values).all()):
        raise ValueError(
            f"values of {latent.name} must be among those that it can have, got {z.flatten()[:5].tolist()}"
        )
    return values


def unflattened(z: Tensor, shape: tuple[int, ...], timed: bool) -> Tensor:
    """Rows of numbers (N, numbers) in the shape of a latent, with as many steps as there are; others as they are."""
    event = shape[timed:]
    size = math.prod(event)
    steps, more = divmod(z.shape[1], size) if z.ndim == 2 else (0, 1)
    if more or not steps or (steps > 1 and not timed) or len(shape) == 1:
        return z
    return z.reshape(len(z), *((steps,) if timed else ()), *event)


def interpolate(run: "Run", first: Split, last: Split, steps: int, path: str) -> Tensor:
    """From the codes of one example to those of another, all latents together, in the model's units (steps, *event).

    What cannot lie between (classes, codes of a codebook) changes halfway.
    """
    if path == "geodesic":
        from vaekit.runs.geometry import along_geodesic

        return along_geodesic(run, first, last, steps)
    if path not in WAYS:
        raise ValueError(f"path must be 'spherical', 'straight' or 'geodesic', got {path!r}")
    latents, ends = inferred_blank(run).latents, [encode(run, split, None, 0) for split in (first, last)]
    ways = {}
    for name, latent in latents.items():
        a, b = ends[0][name][0], ends[1][name][0]
        if a.shape != b.shape:
            raise ValueError(f"the examples must be of one length, {name} has {tuple(a.shape)} and {tuple(b.shape)}")
        ways[name] = halfway(a, b, steps) if latent.discrete else WAYS[path](a, b, steps)
    return decode(run, checked(run, ways, None), context_between(run, first, last, steps))


def context_between(run: "Run", first: Split, last: Split, n: int) -> Tensor | None:
    """The context on the way from one example to another: labels change halfway, numbers evenly; None without one."""
    a, b = context_of_one(run, first), context_of_one(run, last)
    if a is None or b is None:
        return None
    if a.is_floating_point():
        return straight(a, b, n) if n > 1 else a[None]
    return halfway(a, b, n)


def traverse(
    run: "Run",
    example: Split,
    latent: str | None,
    dimensions: Sequence[int] | None,
    values: Tensor,
    follow: bool,
) -> Tensor:
    """One dimension of one latent of an example moved, (dimensions, steps, *event), in the model's units.

    `values` are in standard deviations of the latent's prior, from its mean, given what stands above it in the example.
    The other latents keep the example's codes; with `follow` those that are named after it are the means of their
    priors, given the moved value. A discrete latent takes each of its values in turn, one row of them.
    """
    start = inferred_one(run, example)
    name = busiest_latent(run) if latent is None else known(latent, start.latents)
    moving = start.latents[name]
    if moving.discrete:
        if dimensions is not None:
            raise ValueError(
                f"{name} is discrete and has no dimensions: leave dimensions out to see each of its values"
            )
        rows = [every_value(moving)]
    else:
        chosen = busiest(run, name, 10) if dimensions is None else list(dimensions)
        if not chosen:
            raise ValueError("dimensions must name at least one, got none")
        rows = [moved(moving, d, values) for d in chosen]
    return torch.stack([with_others(run, start, example, name, row, follow) for row in rows])


def with_others(run: "Run", start: Inference, example: Split, name: str, row: Tensor, follow: bool) -> Tensor:
    """What is made of values of one latent beside the example's own codes of the others."""
    names, n = list(start.latents), len(row)
    held = names[: names.index(name)] if follow else [other for other in names if other != name]
    at = {other: Set(start.latents[other].value.expand(n, *start.latents[other].value.shape[1:])) for other in held}
    with answering(run.model):
        context = context_between(run, example, example, n)
        given = None if context is None else context.to(place_of(run.model).device)
        values = {**{other: start.latents[other].value for other in held}, name: row}
        length = steps_in(start.latents, values)
        made = run.model.generate(n, given, at={**at, name: Set(row)}, default=FromPrior(0.0), length=length)
        return shown(made, True)


def inferred_one(run: "Run", example: Split) -> Inference:
    """A walk over one example at the posteriors' means."""
    with answering(run.model):
        batch = next(passes(run, example))
        return run.model.infer(batch.data, batch.context, at=batch.at, default=Mean())


def moved(latent: Latent, dimension: int, values: Tensor) -> Tensor:
    """The latent's value with one dimension at each of `values`, told in standard deviations of its prior."""
    z = latent.value[0]
    rows = traversal(z, dimension, values.to(z), latent.timed)
    where = moments(latent)
    if where is None:
        return rows
    centre, spread = (t.flatten()[dimension] for t in where)
    return traversal(z, dimension, centre + values.to(z) * spread, latent.timed)


def moments(latent: Latent) -> tuple[Tensor, Tensor] | None:
    """Mean and standard deviation (*event) of the latent's prior (at its first step); None where it has none."""
    prior = latent.steps[0].prior
    try:
        return None if prior is None else (prior.mean, prior.stddev)
    except NotImplementedError:
        return None


def every_value(latent: Latent) -> Tensor:
    """All values of a finite latent, (values,); ValueError for one that has too many to be shown."""
    prior = latent.steps[0].prior
    if latent.timed or latent.event_rank or prior is None or not prior.has_enumerate_support:
        raise ValueError(f"{latent.name} is discrete and has no dimensions to move: name another latent")
    return prior.enumerate_support(expand=False).flatten().to(latent.value)


def busiest_latent(run: "Run") -> str:
    """The latent with the highest rate on held-out data, of those that can be moved; the only one where there is one."""
    latents = {name: latent for name, latent in inferred_blank(run).latents.items() if not latent.discrete}
    if not latents:
        raise ValueError("every latent of this model is discrete: name one with latent=")
    if len(latents) == 1:
        return next(iter(latents))
    rates = bound(run.model, looked_at(run), at=run.at).rates
    return max(latents, key=lambda name: rates[name].mean if name in rates else -1.0)


def busiest(run: "Run", latent: str, most: int) -> list[int]:
    """The dimensions of a latent with the highest rate over held-out data, KL by KL, from the highest on.

    Of a latent that has no rate of each dimension, those whose codes vary most.
    """
    split, timed = looked_at(run), inferred_blank(run).latents[latent].timed
    use = latent_use(run.model, split, at=run.at)
    if latent in use:
        told = use[latent].rate.flatten()
    else:
        told = encode(run, split, None, 0)[latent].flatten(0, int(timed)).flatten(1).var(0)
    return told.argsort(descending=True)[:most].tolist()


def looked_at(run: "Run") -> Split:
    """Some held-out examples."""
    split = run.split()[1]
    return split.first(min(LOOKED_AT, len(split)))
