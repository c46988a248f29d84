"""One pass over a split: examples in order, the model in evaluation mode, noise under a seed of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from vaekit.data import Split
from vaekit.models.choices import Choice
from vaekit.models.inference import Inference
from vaekit.models.model import Model
from vaekit.training.memory import keep_freed_memory
from vaekit.training.noise import seed_at, seed_generators
from vaekit.training.step import ASIDE, Choices

__all__: list[str] = []

DATA, DRAWS = 0, 1  # streams of random numbers: those of the data's own noise do not depend on how much the model draws


@dataclass(frozen=True)
class Batch:
    """Some examples as the model takes them: its data, its context, and what happens at its latents."""

    data: Mapping[str, Tensor]
    context: Tensor | None
    at: Mapping[str, Choice] | None


@contextmanager
def evaluating(model: Model) -> Iterator[None]:
    """No gradients, every module in evaluation mode, the global generators lent; afterwards all is as before."""
    modes = [(module, module.training) for module in model.modules()]
    device = place_of(model).device
    keep_freed_memory()
    with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
        model.eval()
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training


def batches(model: Model, split: Split, size: int, seed: int, at: Choices | None) -> Iterator[Batch]:
    """The split's examples, `size` at a time, on the model's device and in its precision.

    Before each batch the global generators are seeded from `seed` and the batch's first row. Noise that belongs to the
    data (a split that is binarised at every visit) depends on `seed` alone.
    """
    place, noise = place_of(model), torch.Generator().manual_seed(seed_at(seed, DATA))
    split = split.to(place.device)
    for rows in split.ahead(torch.arange(len(split)).split(size)):
        batch = {name: fitted(t, place) for name, t in split.batch(rows, noise).items()}
        data = {name: t for name, t in batch.items() if name not in ASIDE}
        seed_generators(seed_at(seed, DRAWS, int(rows[0])), place.device)
        yield Batch(data, model.context_of(data, batch.get("context")), None if at is None else at(batch))


def walks(
    model: Model, split: Split, draws: int, seed: int, batch_size: int, at: Choices | None
) -> Iterator[Inference]:
    """An inference with `draws` draws of every example, batch by batch; to be used up inside `evaluating`."""
    for batch in batches(model, split, batch_size, seed, at):
        yield model.infer(batch.data, batch.context, samples=draws, at=batch.at)


def place_of(model: Model) -> Tensor:
    """A tensor with the device and the precision of the model's weights."""
    floating = (t for t in chain(model.parameters(), model.buffers()) if t.is_floating_point())
    return next(floating, torch.empty(()))


def fitted(t: Tensor, place: Tensor) -> Tensor:
    """Floats in the precision of `place`."""
    return t.to(place.dtype) if t.is_floating_point() else t


def check_split(split: Split) -> None:
    """A split to be evaluated must hold an example."""
    if len(split) == 0:
        raise ValueError("split must hold at least one example, got none")


def check_count(name: str, value: int) -> None:
    """A ValueError unless `value` is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
