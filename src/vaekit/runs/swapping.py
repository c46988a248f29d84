"""Some latents of one example with the rest of another: content from here, motion from there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vaekit.data import Split
from vaekit.evaluation.passes import Batch
from vaekit.latent import exchanged
from vaekit.models import Mean
from vaekit.models.inference import Inference
from vaekit.runs.asking import answering, inferred_blank, passes

if TYPE_CHECKING:
    from vaekit.runs.run import Run

__all__: list[str] = []

Latents = str | Sequence[str] | None


def swap(run: "Run", first: Split, second: Split, latent: Latents) -> Tensor:
    """Row by row the named latents of `first` with all others of `second`, each from its own example: (N, *event).

    All at their posteriors' means, in the model's units.
    """
    names, found = taken(run, latent), []
    with answering(run.model):
        for a, b in zip(passes(run, first), passes(run, second), strict=True):
            found.append(exchanged(run.model, walked(run, a), walked(run, b), names).float().cpu())
    return torch.cat(found)


def walked(run: "Run", batch: Batch) -> Inference:
    """A walk at the posteriors' means."""
    return run.model.infer(batch.data, batch.context, at=batch.at, default=Mean())


def every_pair(run: "Run", split: Split, latent: Latents) -> Tensor:
    """The named latents of each example (rows) with the others of each (columns): (N, N, *event)."""
    n = len(split)
    rows, columns = torch.arange(n).repeat_interleave(n), torch.arange(n).repeat(n)
    return swap(run, split.select(rows), split.select(columns), latent).unflatten(0, (n, n))


def taken(run: "Run", latent: Latents) -> tuple[str, ...]:
    """Which latents come from the first example: those that are named, else the model's first one."""
    there = list(inferred_blank(run).latents)
    if len(there) < 2:
        raise ValueError(f"swap needs a model with several latents, this one has {', '.join(there) or 'none'}")
    names = (there[0],) if latent is None else (latent,) if isinstance(latent, str) else tuple(latent)
    unknown = [name for name in names if name not in there]
    if unknown:
        raise ValueError(f"no latent is named {unknown[0]!r}: this model has {', '.join(there)}")
    if not names or set(names) == set(there):
        raise ValueError(
            f"latent must name some of {', '.join(there)} and leave others, got {', '.join(names) or 'none'}"
        )
    return names


def some_of(run: "Run", examples: Any) -> Split:
    """Held-out examples by their numbers, or something to be read."""
    numbers = isinstance(examples, Sequence) and not isinstance(examples, str) and len(examples) > 0
    if not (numbers and all(isinstance(i, int) for i in examples)):
        return run.read(examples)
    split = run.split()[1]
    wrong = [i for i in examples if not 0 <= i < len(split)]
    if wrong:
        raise ValueError(f"examples must be numbers of {len(split)} held-out examples, got {wrong[0]}")
    return run.read(split.select(torch.tensor(examples)))
