"""Geodesics, neighbours, attribute vectors, arithmetic and the plane of two dimensions, of a run's codes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from vaekit.data import Split
from vaekit.distributions import middle_of, representative, width_of
from vaekit.distributions.elements import without_independence
from vaekit.distributions.sphere import is_curved
from vaekit.evaluation.passes import place_of
from vaekit.latent import geodesic, quantile_grid
from vaekit.models import FromPrior, Set
from vaekit.models.inference import Latent
from vaekit.runs import asking
from vaekit.runs import codes as coding
from vaekit.runs.asking import answering, inferred_blank
from vaekit.runs.conditioning import context_of_one

if TYPE_CHECKING:
    from vaekit.runs.run import Run

__all__: list[str] = []

LOOKED_AT, FEWEST = 5000, 2  # examples that vectors and starts are made of; of a label
BLOCK = 1 << 24  # distances held at once


def along_geodesic(run: "Run", first: Split, last: Split, steps: int) -> Tensor:
    """From one example to another on the shortest way under the decoder's metric, in the model's units (steps, *event)."""
    latents = inferred_blank(run).latents
    name, latent = next(iter(latents.items()))
    if len(latents) > 1 or latent.discrete or latent.timed or latent.event_rank != 1 or curved(latent):
        raise ValueError(f"a geodesic needs a model of one latent, a vector of real numbers, got {sorted(latents)}")
    start, end = (coding.encode(run, split, None, 0)[name][0] for split in (first, last))
    codes = coding.encode(run, some_of(run, "train"), None, 0)[name]
    context, place = context_of_one(run, first), place_of(run.model)
    between = coding.context_between(run, first, last, steps)

    def embed(z: Tensor) -> Tensor:
        given = None if context is None else context.expand(len(z), *context.shape[1:]).to(place.device)
        made = run.model.generate(len(z), given, at={name: Set(z.to(place))}, default=FromPrior(0.0))
        d = made.likelihoods["x"].distribution
        told = [representative(d)] + ([d.stddev] if isinstance(without_independence(d), Normal) else [])
        return torch.cat([t.flatten(1).cpu() for t in told], 1)

    with answering(run.model):
        found = geodesic(embed, start, end, steps, codes)
    return coding.decode(run, coding.checked(run, {name: found.path}, None), between)


def neighbours(run: "Run", examples: Split, k: int, split: str, latent: str | None) -> tuple[Tensor, Tensor]:
    """Numbers and distances of the nearest codes, (N, k) each."""
    among = run.split(split)[1]
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= len(among):
        raise ValueError(f"k must be from 1 to {len(among)}, the examples of {split}, got {k!r}")
    there, here = (coding.named(coding.encode(run, part, None, 0), latent).flatten(1) for part in (among, examples))
    found = [torch.cdist(rows, there).topk(k, largest=False) for rows in here.split(max(1, BLOCK // len(there)))]
    return torch.cat([part.indices for part in found]), torch.cat([part.values for part in found])


def attributes(run: "Run", split: str, latent: str | None) -> dict[int, Tensor]:
    """By label the mean code of those that have it, less that of the others."""
    some = some_of(run, split)
    if some.labels is None or run.spec.classes is None:
        raise ValueError(f"attribute vectors need labels, {run.spec.name} has none")
    codes, labels = coding.named(coding.encode(run, some, None, 0), latent), some.labels.cpu()
    if codes.dtype == torch.long or inferred_blank(run).latents[name_of(run, latent)].discrete:
        raise ValueError("attribute vectors need latents of real numbers, these are codes or classes")
    found = {}
    for label in range(run.spec.classes):
        own, others = labels == label, (labels != label) & (labels >= 0)
        if int(own.sum()) >= FEWEST and int(others.sum()) >= FEWEST:
            found[label] = codes[own].mean(0) - codes[others].mean(0)
    return found


def along_attribute(
    run: "Run", example: Split, label: int | str, steps: int, most: float, latent: str | None
) -> Tensor:
    """The example's codes moved along one label's vector, decoded, (steps, *event) in the model's units."""
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    vectors, name = attributes(run, "train", latent), name_of(run, latent)
    number = asking.label_number(run, label)
    if number not in vectors:
        raise ValueError(f"too few of the first {LOOKED_AT:,} training examples have the label {label!r}")
    codes = coding.encode(run, example, None, 0)
    share = torch.linspace(-most, most, steps).reshape(-1, *(1,) * vectors[number].ndim)
    values = {key: z.expand(steps, *z.shape[1:]) for key, z in codes.items()}
    values[name] = values[name] + share * vectors[number]
    return coding.decode(run, coding.checked(run, values, None), repeated(run, example, steps))


def arithmetic(run: "Run", three: Sequence[Split]) -> Tensor:
    """code(a) - code(b) + code(c), decoded in the context of a, (1, *event) in the model's units."""
    latents = inferred_blank(run).latents
    for name, latent in latents.items():
        if latent.discrete:
            raise ValueError(f"codes and classes have no sums: {name} is of such")
    a, b, c = (coding.encode(run, split, None, 0) for split in three)
    shapes = {name: {tuple(codes[name].shape) for codes in (a, b, c)} for name in a}
    if any(len(found) > 1 for found in shapes.values()):
        raise ValueError("the examples must be of one length")
    values = {name: a[name] - b[name] + c[name] for name in a}
    return coding.decode(run, coding.checked(run, values, None), repeated(run, three[0], 1))


def manifold(run: "Run", side: int, dimensions: tuple[int, int] | None, latent: str | None) -> Tensor:
    """The plane of two dimensions at even quantiles of the prior, decoded, (side * side, *event) in the model's units."""
    latents, name = inferred_blank(run).latents, name_of(run, latent)
    prior = latents[name].prior
    size = latents[name].value[0].numel()
    if prior is None or latents[name].discrete or latents[name].timed or curved(latents[name]) or size < 2:
        raise ValueError(f"the plane needs a latent of two or more real numbers under a prior, {name} is not one")
    codes = coding.encode(run, some_of(run, run.split()[0]), None, 0)[name].flatten(1)
    chosen = widest(codes) if dimensions is None else dimensions
    if len(set(chosen)) != 2 or not all(0 <= d < size for d in chosen):
        raise ValueError(f"dimensions must be two different numbers from 0 to {size - 1}, got {chosen}")
    middle, width = spread_of(prior, codes)
    grid = quantile_grid(side)
    z = middle.repeat(len(grid), 1)
    z[:, list(chosen)] = middle[list(chosen)] + width[list(chosen)] * grid
    values = {name: z.reshape(-1, *latents[name].value.shape[1:])}
    context = asking.context_of(run, len(grid), 0 if run.on_labels else None)
    return coding.decode(run, coding.checked(run, values, None), context)


def widest(codes: Tensor) -> tuple[int, int]:
    """The two dimensions whose codes vary most, in their order."""
    first, second = sorted(codes.var(0).topk(2).indices.tolist())
    return first, second


def spread_of(prior: Distribution, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Middle and width (D,) of every dimension under a prior; those of codes (N, D) where it does not say."""
    try:
        middle, width = (t.reshape(-1, codes.shape[1])[0].cpu() for t in (middle_of(prior), width_of(prior)))
    except NotImplementedError:
        return codes.mean(0), codes.std(0)
    return middle, width


def some_of(run: "Run", split: str) -> Split:
    """The first few thousand examples of a split."""
    whole = run.split(split)[1]
    return whole.first(min(LOOKED_AT, len(whole)))


def name_of(run: "Run", latent: str | None) -> str:
    """The latent of that name, the first one without."""
    latents = inferred_blank(run).latents
    return next(iter(latents)) if latent is None else coding.known(latent, latents)


def curved(latent: Latent) -> bool:
    """Whether its values lie on a sphere."""
    return latent.prior is not None and is_curved(latent.prior)


def repeated(run: "Run", example: Split, n: int) -> Tensor | None:
    """An example's context for each of n values."""
    context = context_of_one(run, example)
    return None if context is None else context.expand(n, *context.shape[1:])
