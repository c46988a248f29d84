"""Questions to a trained model, answered batch by batch in evaluation mode under a seed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vaekit.data import Split
from vaekit.evaluation import bound, latent_use, log_likelihood
from vaekit.evaluation.passes import Batch, batches, evaluating, place_of
from vaekit.latent import encoded, straight, typical
from vaekit.models import Mean, Model
from vaekit.models.inference import Inference

if TYPE_CHECKING:
    from vaekit.runs.run import Run

__all__: list[str] = []

AT_ONCE = 500


@contextmanager
def answering(model: Model, seed: int = 0) -> Iterator[None]:
    """No gradients, evaluation mode, the global generators under `seed`; afterwards all is as before."""
    with evaluating(model):
        torch.manual_seed(seed)
        yield


def passes(run: "Run", split: Split, seed: int = 0) -> Iterator[Batch]:
    """The split in batches as the model takes them; to be used up inside `answering`."""
    yield from batches(run.model, split, AT_ONCE, seed, run.at)


def shown(inference: Inference, mean: bool) -> Tensor:
    """What a walk generated: the mean of p(x|z), or the draw."""
    return (typical(inference) if mean else inference.likelihoods["x"].value).float().cpu()


def reconstruct(run: "Run", split: Split, context: Tensor | None) -> Tensor:
    """The mean of p(x|z) at the posteriors' means (N, *event), in the model's units."""
    if context is not None and len(context) != len(split):
        raise ValueError(f"context must have a row for each of the {len(split)} examples, got {len(context)}")
    found, done = [], 0
    with answering(run.model):
        for batch in passes(run, split):
            given = batch.context if context is None else context[done : done + AT_ONCE]
            found.append(shown(run.model.infer(batch.data, given, at=batch.at, default=Mean()), True))
            done += AT_ONCE
    return torch.cat(found)


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


def named(codes: Mapping[str, Tensor], latent: str | None) -> Tensor:
    """The codes of one latent: the only one, or that of the name."""
    if latent is None and len(codes) > 1:
        raise ValueError(f"the model has several latents, name one: {', '.join(codes)}")
    if latent is not None and latent not in codes:
        raise ValueError(f"no latent is named {latent!r}: this model has {', '.join(codes)}")
    return next(iter(codes.values())) if latent is None else codes[latent]


def latent_name(run: "Run", latent: str | None) -> str:
    """The latent's name, and whether the model has it, from a walk of one row without data."""
    names = list(latents_of(run))
    if latent is None and len(names) > 1:
        raise ValueError(f"the model has several latents, name one: {', '.join(names)}")
    return names[0] if latent is None else latent


def latents_of(run: "Run") -> dict[str, tuple[int, ...]]:
    """The shape of every latent by its name, from a walk over a blank example."""
    return {name: tuple(latent.value.shape[1:]) for name, latent in inferred_blank(run).latents.items()}


def inferred_blank(run: "Run") -> Inference:
    """A walk over one blank example."""
    spec, place = run.spec, place_of(run.model)
    context = None if spec.context is None else torch.zeros(1, *spec.context, device=place.device)
    given = context.long() if context is not None and run.on_labels else context
    blank = torch.zeros(1, *spec.shape, dtype=place.dtype, device=place.device)
    with answering(run.model):
        return run.model.infer({"x": blank}, given, default=Mean())


def check_codes(run: "Run", z: Tensor) -> None:
    """Raise unless z is (N, *latent)."""
    shape = latents_of(run)[latent_name(run, None)]
    if z.ndim < 1 or tuple(z.shape[1:]) != shape:
        raise ValueError(f"codes must have the shape (N, {', '.join(map(str, shape))}), got {tuple(z.shape)}")
    if not bool(torch.isfinite(z).all()):
        raise ValueError("codes must be finite, got NaN or Inf")


def like_weights(model: Model, t: Tensor) -> Tensor:
    """The tensor where the model is, in its precision."""
    place = place_of(model)
    return t.to(place.device, place.dtype)


def context_of(run: "Run", n: int, label: int | str | None) -> Tensor | None:
    """The context of `n` samples: one label for all, or every class in turn; None for a model without one."""
    if not run.on_labels:
        if label is not None:
            raise ValueError("this run is not conditioned on labels: leave label out")
        if run.spec.context is not None:
            raise ValueError(f"this model needs a context of shape (n, {', '.join(map(str, run.spec.context))})")
        return None
    classes = run.spec.classes
    assert classes is not None
    device = place_of(run.model).device
    if label is None:
        return torch.arange(n, device=device) % classes
    return torch.full((n,), label_number(run, label), device=device)


def label_number(run: "Run", label: int | str) -> int:
    """A label's number, from its number or its name."""
    names, classes = run.spec.label_names or (), run.spec.classes
    assert classes is not None
    if str(label) in names:
        return names.index(str(label))
    number = int(label) if str(label).lstrip("-").isdigit() else None
    if number is None or not 0 <= number < classes:
        known = f" or one of {', '.join(names)}" if names else ""
        raise ValueError(f"label must lie between 0 and {classes - 1}{known}, got {label}")
    return number


def one_of(run: "Run", example: Any, argument: str, label: int | str | None) -> Split:
    """One example as a split: a number of the held-out examples, or something to be read."""
    if isinstance(example, int):
        split = run.split()[1]
        if not 0 <= example < len(split):
            raise ValueError(f"{argument} must be the number of one of {len(split)} held-out examples, got {example}")
        return run.read(split.select(torch.tensor([example])), label=label)
    split = run.read(example, label=label)
    if len(split) != 1:
        raise ValueError(f"{argument} must hold one example, got {len(split)}")
    return split


def labelled(run: "Run", split: Split, label: int | str) -> Split:
    """The split with one label for all of its examples."""
    if not run.on_labels:
        raise ValueError("this run is not conditioned on labels: leave label out")
    return replace(split, labels=torch.full((len(split),), label_number(run, label), device=split.device))


def check_prior(run: "Run") -> None:
    """Raise ValueError where a latent has no prior to draw from."""
    blank = inferred_blank(run)
    without = [name for name, latent in blank.latents.items() if latent.prior is None]
    if without:
        raise ValueError(
            f"this model has no prior over {without[0]}, so it cannot generate: it encodes, reconstructs and interpolates; "
            "the recipe vae has one"
        )


def between(first: Split, last: Split, n: int) -> Tensor | None:
    """The context on the way from one example to another: labels change halfway, numbers evenly; None without one."""
    if first.context is None or last.context is None:
        return None
    ends = first.context[:1], last.context[:1]
    if ends[0].is_floating_point():
        return straight(ends[0][0].float(), ends[1][0].float(), n) if n > 1 else ends[0].float()
    early = (n + 1) // 2
    return torch.cat(
        [ends[0].long().expand(early, *ends[0].shape[1:]), ends[1].long().expand(n - early, *ends[1].shape[1:])]
    )


def busiest(run: "Run", most: int) -> list[int]:
    """The dimensions of the latent whose posterior means vary most over held-out data, from the most on."""
    split = run.split()[1].first(2000) if len(run.split()[1]) > 2000 else run.split()[1]
    use = latent_use(run.model, split, at=run.at)
    if use:
        variance = next(iter(use.values())).variance.flatten()
    else:
        variance = named(encode(run, split, None, 0), None).flatten(1).var(0)
    return variance.argsort(descending=True)[:most].tolist()


def score(run: "Run", split: Split, samples: int, seed: int) -> dict[str, Tensor]:
    """Nats of every example, (N,) each in float64."""
    parts = bound(run.model, split, seed=seed, at=run.at)
    columns = {"distortion": parts.distortion.values}
    if parts.rate is None or parts.elbo is None:
        return columns
    columns |= {"rate": parts.rate.values, "elbo": parts.elbo.values}
    if parts.coded:
        return columns
    found = log_likelihood(run.model, split, samples, seed=seed, at=run.at)
    return {"log_likelihood": found.per_example.values, **columns}
