"""What a conditioned run is given: contexts of samples and of new examples, and examples to be completed."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import vaekit.data
from vaekit.data import Split, context_for
from vaekit.evaluation.passes import place_of
from vaekit.latent import completed
from vaekit.runs.asking import AT_ONCE, answering, context_of, labelled, passes

if TYPE_CHECKING:
    from vaekit.runs.run import Run

__all__: list[str] = []


def contexts(run: "Run", context: Any) -> Tensor:
    """Rows of context where the model is: for one that completes, examples as they are read; else as the data's were."""
    place = place_of(run.model)
    if run.on_labels:
        rows = torch.as_tensor(context)
    elif run.model.known() is None:
        rows = context_for(context, run.spec)
    else:
        rows = run.read(context).all()["x"]
    return rows.to(place.device, place.dtype) if rows.is_floating_point() else rows.to(place.device)


def for_samples(run: "Run", n: int | None, context: Any, label: int | str | None) -> tuple[int, Tensor | None]:
    """How many samples, and the context of each: rows of `context` in turn, one label, or every class in turn.

    Without n, one for each row of the context, or one.
    """
    if n is not None and n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if context is None:
        return n or 1, context_of(run, n or 1, label)
    if label is not None:
        raise ValueError("label and context must not both be given")
    rows = contexts(run, context)
    turns = torch.arange(len(rows) if n is None else n, device=rows.device) % len(rows)
    return len(turns), rows[turns]


def read(run: "Run", examples: Any, labels: Any, label: int | str | None, context: Any, lengths: Any) -> Split:
    """New examples, as `Run.read` says."""
    if isinstance(examples, Split):
        if lengths is not None:
            raise ValueError("lengths must be given with new examples, got them for a split, which has its own")
        split = examples
    else:
        split = vaekit.data.read(examples, run.spec, labels=labels, lengths=lengths)
    if label is not None:
        split = labelled(run, split, label)
    if not run.on_labels:
        return in_context(run, split, context)
    if split.labels is None:
        raise ValueError(
            "this model is conditioned on labels: give label=, one for all, or labels=, a column or an .npy file"
        )
    return split.conditioned_on_labels()


def in_context(run: "Run", split: Split, context: Any) -> Split:
    """New examples with their context: the one that is given, else their own.

    Raises ValueError where the model needs one and there is none, or where they are not as many.
    """
    if context is not None:
        rows = contexts(run, context)
        if len(rows) != len(split):
            raise ValueError(f"context must have a row for each of the {len(split)} examples, got {len(rows)}")
        return replace(split, context=rows.to(split.device))
    if run.spec.context and split.context is None:
        size = ", ".join(map(str, run.spec.context))
        raise ValueError(
            f"this model needs a context of shape ({size}) beside every example: give an .npz of x and context"
        )
    return split


def context_of_one(run: "Run", example: Split) -> Tensor | None:
    """The context of a single example, without a batch axis; None for a model that takes none."""
    with answering(run.model):
        context = next(passes(run, example)).context
    return None if context is None else context[0]


def complete(run: "Run", split: Split, n: int, seed: int, mean: bool) -> Tensor:
    """`n` completions of every example (N, n, *event), in the model's units: the observed part as it is, the rest drawn.

    Each is the mean of p(x|z), or a draw of x, at another z from the prior that the observed part gives.
    """
    if run.model.known() is None:
        raise ValueError("this model completes nothing: it was not trained to be given a part of each example")
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    found = []
    with answering(run.model, seed):
        for batch in passes(run, split, seed):
            assert batch.context is not None
            for rows in batch.context.split(max(1, AT_ONCE // n)):
                found.append(completed(run.model, rows, n, mean).float().cpu())
    return torch.cat(found)
