"""One pass that puts held-out examples beside their reconstructions and beside samples of the model."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vaekit.data import DataSpec, Domain, Split
from vaekit.distributions import representative
from vaekit.evaluation.frechet import Moments
from vaekit.evaluation.passes import DATA, Batch, batches
from vaekit.evaluation.pictures import psnr, ssim
from vaekit.models.choices import Mean
from vaekit.models.inference import Inference
from vaekit.models.model import Model
from vaekit.training.noise import seed_at
from vaekit.training.step import Choices

__all__ = ["Features"]

Features = Callable[[Tensor], Tensor]
UNIT = (Domain.BINARY, Domain.LEVELS, Domain.UNIT)
ROWS, AT_ONCE = 2, 250


@dataclass
class Compared:
    """What a pass has collected: figures of each example, and the moments of features by what they are features of.

    `features` None: none are taken. `samples` is left out where the model has no prior for `without_prior`.
    """

    spec: DataSpec
    features: Features | None
    psnr: list[Tensor] = field(default_factory=list)
    ssim: list[Tensor] = field(default_factory=list)
    data: Moments = field(default_factory=Moments)
    reconstructions: Moments = field(default_factory=Moments)
    samples: Moments = field(default_factory=Moments)
    without_prior: tuple[str, ...] = ()

    def add(self, model: Model, batch: Batch) -> None:
        """One batch: its examples, their reconstructions, and as many samples with the same context."""
        inference = model.infer(batch.data, batch.context, default=Mean(), at=batch.at)
        x, mean = batch.data["x"].float(), within(self.spec, mean_of(inference).float().expand_as(batch.data["x"]))
        if are_pictures(self.spec):
            self.psnr.append(psnr(mean, x).double().cpu())
            self.ssim.append(ssim(mean, x).double().cpu())
        if self.features is None:
            return
        self.data.add(seen(self.features, x))
        self.reconstructions.add(seen(self.features, mean.bernoulli() if is_drawn(self.spec) else mean))
        self.without_prior = tuple(name for name, latent in inference.latents.items() if not latent.has_prior)
        if not self.without_prior:
            self.samples.add(seen(self.features, self._sampled(model, batch, len(x))))

    def _sampled(self, model: Model, batch: Batch, n: int) -> Float[Tensor, "B *event"]:
        shown = model.generate(n, batch.context).likelihoods["x"]
        x = (
            shown.value.float()
            if is_drawn(self.spec)
            else within(self.spec, representative(shown.distribution).float())
        )
        return x.expand(n, *self.spec.shape)


def compared(
    model: Model, split: Split, spec: DataSpec, features: Features | None, n: int, seed: int, at: Choices | None
) -> Compared:
    """A pass over up to `n` examples of a split; to be made inside `evaluating`."""
    found = Compared(spec, features)
    for batch in batches(model, split.select(rows_of(split, n, seed)), AT_ONCE, seed, at):
        found.add(model, batch)
    return found


def moments_of(split: Split, features: Features, seed: int) -> Moments:
    """The moments of features of a split's examples."""
    found, noise = Moments(), torch.Generator().manual_seed(seed_at(seed, DATA))
    for rows in split.ahead(torch.arange(len(split)).split(AT_ONCE)):
        found.add(seen(features, split.batch(rows, noise)["x"].float()))
    return found


def rows_of(split: Split, n: int, seed: int) -> Int[Tensor, " N"]:
    """All rows of a split in order, or `n` of them drawn without replacement under the seed, in order."""
    if n >= len(split):
        return torch.arange(len(split))
    generator = torch.Generator().manual_seed(seed_at(seed, ROWS))
    return torch.randperm(len(split), generator=generator)[:n].sort().values


def mean_of(inference: Inference) -> Float[Tensor, "B *event"]:
    """E[x | z] of every example, averaged over enumerated values under their measure; a draw where x has no mean."""
    if "x" not in inference.likelihoods:
        raise ValueError(f"quality needs a model with a likelihood of 'x', got {sorted(inference.likelihoods)}")
    p_x, axes = inference.likelihoods["x"].distribution, inference.axes
    mean = representative(p_x)
    if axes.log_measure is None:
        return mean
    event = mean.shape[len(axes.shape) :]
    weight = axes.log_measure.to(mean).exp().expand(axes.shape)
    return (weight.reshape(*axes.shape, *(1,) * len(event)) * mean).flatten(0, -len(event) - 2).sum(0)


def seen(features: Features, x: Float[Tensor, "N *event"]) -> Float[Tensor, "N F"]:
    """Features of examples, made where the weights are, else on the CPU. Raises ValueError where they are not floats (N, F)."""
    weights = next(features.parameters(), None) if isinstance(features, nn.Module) else None
    found = features(x.to("cpu" if weights is None else weights.device))
    if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(x) or not found.is_floating_point():
        came = f"{found.dtype} {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"features must map x (N, ...) to floats (N, F), got {came} from x {tuple(x.shape)}")
    return found


def within(spec: DataSpec, x: Tensor) -> Tensor:
    """Values cut to [0, 1] where the data are: a normal's mean may leave it, a picture on a screen does not."""
    return x.clamp(0, 1) if spec.domain in UNIT else x


def are_pictures(spec: DataSpec) -> bool:
    """Whether examples are (C, H, W) with values in [0, 1]."""
    return len(spec.shape) == 3 and spec.domain in UNIT


def is_drawn(spec: DataSpec) -> bool:
    """Whether features are taken of draws of x: grey means of binary data are not like the data at any quality."""
    return spec.domain is Domain.BINARY
