"""The pictures of a run, drawn from its model, its data and its table."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vaekit.data import Data, DataSpec, Domain, Split, epoch_order
from vaekit.latent import from_priors, typical, worth_showing
from vaekit.models.choices import Choice, Mean
from vaekit.models.inference import Inference
from vaekit.models.model import Model
from vaekit.models.statistics import LatentStatistics
from vaekit.report.by_level import kl_per_level, level_by_level
from vaekit.report.curves import curves
from vaekit.report.film import film_pairs
from vaekit.report.grids import is_image, reconstructions, samples
from vaekit.report.latents import kl_per_dimension
from vaekit.training.averages import Means
from vaekit.training.step import of_graph
from vaekit.training.validation import rates_of

__all__ = ["draw_pictures", "pictures_of"]

PAIRS, VECTORS, POINTS = 32, 12, 500  # how many examples of images, of vectors, of points in the plane
PER_CLASS, VECTORS_PER_CLASS, CLASSES = 10, 4, 20
FILMS = 4  # clips, frame by frame
LEVELS = 8  # examples, and numbers of latents, in the picture of what each adds
AT_ONCE, MOST = 100, 5000  # examples in a batch, and in all, that the KL of dimensions is averaged over


def draw_pictures(
    model: Model,
    data: Data,
    rows: Sequence[Mapping[str, float]],
    folder: str | Path,
    seed: int = 0,
    marked: bool = True,
) -> list[Path]:
    """Write `pictures_of` this model into a folder, as NAME.png; returns those that it has."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in pictures_of(model, data, rows, seed, marked).items():
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1])
    return paths


def pictures_of(
    model: Model, data: Data, rows: Sequence[Mapping[str, float]], seed: int = 0, marked: bool = True
) -> dict[str, Figure]:
    """By name the curves, reconstructions, samples and kl, those that this model has.

    Examples are of the validation split (else test, else train), chosen by `seed`. Reconstructions and samples show the
    mean of p(x|z), its mode where there is no mean. Without rows there are no curves, without a prior no samples, and
    without a rate for every dimension no KL. Of several latents kl has a bar for each, and levels shows what each adds
    to pictures. The best epoch is `marked` where there is one. Modes of the model and the global generators are as before
    afterwards.
    """
    split = next(part for part in (data.valid, data.test, data.train) if part is not None)
    figures = {"curves": curves(rows, marked=marked)} if rows else {}
    with torch.no_grad(), evaluated(model), own_generators(model, seed):
        return figures | drawn(model, data, split, seed)


def drawn(model: Model, data: Data, split: Split, seed: int) -> dict[str, Figure]:
    """All figures that need the model."""
    order = epoch_order(len(split), 0, seed)
    batch = batch_of(model, split, order[: how_many(data.spec.shape)])
    inference = infer(model, batch)
    figures: dict[str, Figure] = {}
    if data.spec.clips and "x" in inference.likelihoods:
        figures["reconstructions"] = film_pairs(batch["x"][:FILMS].cpu(), typical(inference)[:FILMS].cpu())
    x_hat = typical(inference, "x") if drawable(data.spec) and "x" in inference.likelihoods else None
    if x_hat is not None and x_hat.shape == batch["x"].shape:  # a density that sees nothing reconstructs nothing
        figures["reconstructions"] = reconstructions(batch["x"], x_hat)
        if all(latent.has_prior for latent in inference.latents.values()):
            figures["samples"] = draw_samples(model, data, batch)
    rates, kl = draw_kl(model, split, order[:MOST])
    several = len(inference.latents) > 1 and "samples" in figures and is_image(batch["x"])
    return figures | (draw_levels(model, batch, list(inference.latents), rates) if several else {}) | kl


def draw_levels(
    model: Model, batch: Mapping[str, Tensor], names: Sequence[str], rates: Mapping[str, float]
) -> dict[str, Figure]:
    """What each latent adds to the first few examples."""
    few = {name: t[:LEVELS] for name, t in batch.items()}
    counts = worth_showing([rates.get(name, 0.0) for name in names], LEVELS)
    made = {n: typical(infer(model, few, from_priors(names, n))).cpu() for n in counts}
    return {"levels": level_by_level(few["x"].cpu(), made, names)}


def draw_samples(model: Model, data: Data, batch: Mapping[str, Tensor]) -> Figure:
    """Samples: a row for each of the first classes where the context is a label, else in the batch's context."""
    x, context = batch["x"], batch.get("context")
    if data.spec.context == () and data.spec.classes is not None:
        columns, classes = PER_CLASS if x.ndim > 2 else VECTORS_PER_CLASS, min(CLASSES, data.spec.classes)
        labels = torch.arange(classes, device=x.device).repeat_interleave(columns)
        made = model.generate(len(labels), labels)
        names = [str(label) for label in range(classes)]
        return samples(typical(made, "x"), columns=columns, names=names, data=x)
    n = 2 * how_many(data.spec.shape) if is_image(x) else len(x)
    made = model.generate(n) if context is None else model.generate(len(context), context)
    return samples(typical(made, "x"), data=x)


def draw_kl(model: Model, split: Split, order: Tensor) -> tuple[dict[str, float], dict[str, Figure]]:
    """The rate of each of several latents, nats; and a bar for each, or for every dimension of the only one."""
    statistics, whole, rates = LatentStatistics(), set[str](), Means()
    for rows in order.split(AT_ONCE):
        batch = batch_of(model, split, rows)
        inference = model.infer(of_graph(batch), batch.get("context"))
        statistics.add(inference)
        rates.add(rates_of(inference), len(rows))
        whole |= {name for name in statistics.rate() if not by_dimension(inference, name)}
    found = rates.means()
    if found:
        return found, {"kl": kl_per_level(found, statistics.active())}
    variance = statistics.variance()
    shown = [kl_per_dimension(rate, variance[name]) for name, rate in statistics.rate().items() if name not in whole]
    return {}, {"kl": shown[0]} if shown else {}


def by_dimension(inference: Inference, name: str) -> bool:
    """Whether the rate is a sum over dimensions, as it is not under a mixture prior, say."""
    latent = inference.latents[name]
    rank = latent.event_rank
    return latent.rate_elements.shape[-rank:] == latent.value.shape[-rank:] if rank else True


def infer(model: Model, batch: Mapping[str, Tensor], at: Mapping[str, Choice] | None = None) -> Inference:
    """A walk at the posteriors' means, but for what `at` says."""
    return model.infer(of_graph(batch), batch.get("context"), at=at, default=Mean())


def batch_of(model: Model, split: Split, rows: Tensor) -> dict[str, Tensor]:
    """These examples, with their context, where the model is."""
    device = device_of(model)
    return with_context(model, {name: t.to(device) for name, t in split.batch(rows).items()})


def with_context(model: Model, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The batch and the context that the model finds in it, where it finds its own."""
    context = model.context_of(batch, batch.get("context"))
    return {**batch} if context is None else {**batch, "context": context}


def how_many(shape: tuple[int, ...]) -> int:
    """How many examples of this shape a figure holds well."""
    size = max(shape, default=1)
    if len(shape) == 3 or (len(shape) == 2 and min(shape) > 1):
        return PAIRS if size <= 64 else 8
    return POINTS if shape == (2,) else VECTORS


def drawable(spec: DataSpec) -> bool:
    """Whether examples are images, maps, vectors or series of numbers."""
    return len(spec.shape) <= 3 and spec.domain is not Domain.CATEGORIES


def device_of(model: Model) -> torch.device:
    """Where the parameters are."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))


@contextmanager
def evaluated(model: Model) -> Iterator[None]:
    """Every module in evaluation mode; afterwards each in its own."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def own_generators(model: Model, seed: int) -> Iterator[None]:
    """The global generators under `seed`; afterwards as they were."""
    device = device_of(model)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        yield
