"""From values of a latent to what the model makes of them, and back."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vaekit.distributions import representative
from vaekit.models import Draw, FromPrior, Mean, Set
from vaekit.models.choices import Choice
from vaekit.models.inference import Inference, Record
from vaekit.models.model import Data, Model

__all__ = ["blanked", "completed", "decoded", "encoded", "typical"]


def typical(inference: Inference, name: str = "x") -> Tensor:
    """The mean of a likelihood; its mode where it has no mean (categories), what it drew where it has neither.

    Zero at the steps of a sequence that do not exist.
    """
    likelihood = inference.likelihoods[name]
    return existing(inference, representative(likelihood.distribution), likelihood)


def existing(inference: Inference, t: Tensor, of: Record) -> Tensor:
    """t (..., B, T, *event) with zeros at the steps that the data's mask leaves out; those ahead of the data stay."""
    mask = inference.data.get("mask")
    if mask is None or not of.timed:
        return t
    whole = F.pad(mask, (0, t.shape[t.ndim - of.event_rank - 1] - mask.shape[1]), value=True)
    return torch.where(whole.reshape(*whole.shape, *(1,) * of.event_rank), t, 0)


def blanked(batch: Mapping[str, Tensor]) -> Tensor:
    """x of a batch, (B, T, *event) with zeros at the steps that its mask leaves out."""
    x, mask = batch["x"], batch.get("mask")
    return x if mask is None else torch.where(mask.reshape(*mask.shape, *(1,) * (x.ndim - 2)), x, 0)


def decoded(
    model: Model,
    z: Tensor | Mapping[str, Tensor],
    context: Tensor | None = None,
    latent: str = "z",
    *,
    length: int | None = None,
) -> Tensor:
    """What the model typically makes of these values of a latent, or of several by name: (N, *latent) to (N, *event).

    A latent that is not named is the mean of its prior (its mode, where it is discrete), given those above it.
    `context` has a row for each value; `length` is how many steps sequences take.
    """
    values = {latent: z} if isinstance(z, Tensor) else z
    n = len(next(iter(values.values())))
    if context is not None and len(context) != n:
        raise ValueError(f"context must have a row for each of the {n} values, got {len(context)}")
    at = {name: Set(value) for name, value in values.items()}
    return typical(model.generate(n, context, at=at, default=FromPrior(0.0), length=length))


def encoded(
    model: Model,
    data: Data,
    context: Tensor | None = None,
    *,
    draws: int | None = None,
    at: Mapping[str, Choice] | None = None,
) -> dict[str, Tensor]:
    """Every latent by name: the mean of its posterior (N, *latent), or `draws` draws of it (draws, N, *latent).

    Zero at the steps of a sequence that do not exist.
    """
    if draws is None:
        inference = model.infer(data, context, at=at, default=Mean())
    else:
        inference = model.infer(data, context, at=at, samples=draws, default=Draw())
    return {name: existing(inference, latent.value, latent) for name, latent in inference.latents.items()}


def completed(model: Model, context: Tensor, n: int, mean: bool = True) -> Tensor:
    """`n` events in each context, at other values of the latents from their priors: (N, n, *event).

    Typical ones, or with `mean` False draws of x. Of a model that completes examples, those are its contexts.
    """
    made = model.generate(n * len(context), context.repeat_interleave(n, 0))
    return (typical(made) if mean else made.likelihoods["x"].value).unflatten(0, (len(context), n))
