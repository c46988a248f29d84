"""Questions to a trained model, answered batch by batch in evaluation mode under a seed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vaekit.data import Domain, Split, blank_context
from vaekit.distributions import has_mean
from vaekit.evaluation import bound, log_likelihood
from vaekit.evaluation.passes import Batch, batches, evaluating, place_of
from vaekit.latent import blanked, typical
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
    x = (typical(inference) if mean else inference.likelihoods["x"].value).cpu()
    return x.float() if x.is_floating_point() else x


def sampled(inference: Inference, mean: bool) -> Tensor:
    """What a walk generated: the mean of p(x|z) where that is asked for and there is one, or the draw."""
    return shown(inference, mean and has_mean(inference.likelihoods["x"].distribution))


def latents_of(run: "Run") -> dict[str, tuple[int, ...]]:
    """The shape of every latent by its name, from a walk over a blank example."""
    return {name: tuple(latent.value.shape[1:]) for name, latent in inferred_blank(run).latents.items()}


def inferred_blank(run: "Run") -> Inference:
    """A walk over one blank example."""
    spec, place = run.spec, place_of(run.model)
    context = blank_context(spec, 1)
    given = None if context is None else context.to(place.device)
    dtype = torch.long if spec.domain is Domain.CATEGORIES else place.dtype
    blank = torch.zeros(1, *spec.shape, dtype=dtype, device=place.device)
    with answering(run.model):
        return run.model.infer({"x": blank}, given, default=Mean())


def context_of(run: "Run", n: int, label: int | str | None) -> Tensor | None:
    """The context of `n` samples: one label for all, or every class in turn; None for a model without one."""
    if not run.on_labels:
        if label is not None:
            raise ValueError("this run is not conditioned on labels: leave label out")
        if run.model.known() is not None:
            raise ValueError("this model completes examples: give context=, the examples, or ask it to complete some")
        if run.spec.context is not None:
            raise ValueError(
                f"this model needs a context of shape (n, {', '.join(map(str, run.spec.context))}): give context="
            )
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


def originals(run: "Run", split: Split) -> Tensor:
    """Examples as the model sees them, in the data's units: (N, *event), blank behind the end of a sequence."""
    return run.spec.restore(blanked(split.batch(torch.arange(len(split)))).float().cpu())


def labelled(run: "Run", split: Split, label: int | str) -> Split:
    """The split with one label for all of its examples."""
    if not run.on_labels:
        raise ValueError("this run is not conditioned on labels: leave label out")
    return replace(split, labels=torch.full((len(split),), label_number(run, label), device=split.device))


def check_prior(run: "Run") -> None:
    """Raise ValueError where a latent has no prior to draw from."""
    blank = inferred_blank(run)
    unfitted = [name for name, prior in run.model.own_priors().items() if not prior.fitted]
    if unfitted:
        raise ValueError(
            f"no prior is fitted to the codes of {unfitted[0]} yet, so this run cannot generate: "
            f"vaekit fit-prior {run.path}"
        )
    without = [name for name, latent in blank.latents.items() if not latent.has_prior]
    if without:
        raise ValueError(
            f"this model has no prior over {without[0]}, so it cannot generate: it encodes, reconstructs and interpolates"
        )


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
