"""How good reconstructions and samples look: PSNR, SSIM and Fréchet distances, each beside what the data reach."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from vaekit.data import Data, Domain, Split
from vaekit.evaluation.comparing import Compared, Features, are_pictures, compared, is_drawn, moments_of, rows_of
from vaekit.evaluation.features import ClassifierFeatures, classifier_features
from vaekit.evaluation.figure import Figure
from vaekit.evaluation.frechet import Moments
from vaekit.evaluation.inception import Inception
from vaekit.evaluation.passes import check_count, evaluating
from vaekit.models.model import Model
from vaekit.training.step import Choices

__all__ = ["Quality", "quality"]

WINDOW = 11
DIGITS = {"dB": 2, "of 1": 4}


@dataclass(frozen=True, eq=False)
class Quality:
    """Reconstructions and samples against `examples` of the split called `split`; what does not exist is None.

    `distance` is what the Fréchet distances are called, "FID" only with Inception. `floor` is that between examples of
    the data alone: what a perfect model would come near. `accuracy` is that of the classifier whose features were
    taken. `notes` say what a reader must know, and why figures are missing.
    """

    data: str
    split: str
    examples: int
    seed: int
    distance: str
    psnr: Figure | None
    ssim: Figure | None
    reconstructions: Figure | None
    samples: Figure | None
    floor: Figure | None
    accuracy: Figure | None
    notes: tuple[str, ...]

    def figures(self) -> dict[str, Figure]:
        """Those that exist, by name."""
        named = {
            "reconstruction PSNR": self.psnr,
            "reconstruction SSIM": self.ssim,
            f"reconstruction {self.distance}": self.reconstructions,
            f"sample {self.distance}": self.samples,
            f"{self.distance} of the data": self.floor,
            "classifier accuracy": self.accuracy,
        }
        return {name: figure for name, figure in named.items() if figure is not None}

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON has it."""
        return {
            "data": self.data,
            "split": self.split,
            "examples": self.examples,
            "seed": self.seed,
            "figures": {name: figure.to_dict() for name, figure in self.figures().items()},
            "notes": list(self.notes),
        }

    def table(self) -> Table:
        """For people: every number with its unit and what it is."""
        title = f"{self.data} ({self.split}), {self.examples:,} examples, seed {self.seed}"
        table = Table(title=title, caption="\n".join(self.notes))
        for column in ("", "value", "unit", "what it is"):
            table.add_column(column, justify="right" if column == "value" else "left")
        for name, figure in self.figures().items():
            table.add_row(name, written(figure), figure.unit, figure.what)
        return table

    def __str__(self) -> str:
        console = Console(width=120, color_system=None)
        with console.capture() as text:
            console.print(self.table())
        return text.get().rstrip()


def quality(
    model: Model,
    data: Data,
    *,
    split: str | None = None,
    features: Features | None = None,
    n: int = 10_000,
    seed: int = 0,
    at: Choices | None = None,
) -> Quality:
    """PSNR and SSIM of reconstructions, and the Fréchet distances of reconstructions and of samples from the data.

    Up to `n` examples of the split ("test", else "valid", else "train"), drawn under `seed`. A reconstruction is the
    mean of p(x|z) at the posterior's mean, a sample the mean of p(x|z) at a draw from the prior, with the context of
    the held-out examples where the model is conditioned; of binary data, both are draws of x where features are taken.
    PSNR and SSIM are of pictures with values in [0, 1], to which means are cut.

    `features` maps examples as the model sees them, pictures (N, C, H, W) in [0, 1], to floats (N, F): `Inception` for
    FID, or any callable (a module gets them where its weights are, others on the CPU). Without it, a classifier is
    trained here on the data's labels (`classifier_features`, the same one for every `seed`).
    `at` makes, of a batch, what happens at latents in reconstructions.

    Distances of different features, or of different numbers of examples, cannot be compared: few examples lie apart by
    chance (`frechet_bias`). Compare with the floor, which is measured in the same way.
    """
    check_count("n", n)
    name, held = split_of(data, split)
    check_asked(data, features)
    with evaluating(model):
        compared(model, held, data.spec, features, 1, seed, at)  # the caller's mistakes, before any work
        taken, why_none = (features, None) if features is not None else own_features(data)
        found = compared(model, held, data.spec, taken, n, seed, at)
        floor = None if taken is None else floor_of(data, name, found.data, taken, seed)
    return Quality(
        data.spec.name,
        name,
        min(n, len(held)),
        seed,
        "FID" if isinstance(taken, Inception) else "Fréchet distance",
        averaged(found.psnr, "dB"),
        averaged(found.ssim, "of 1"),
        distance(taken, found.reconstructions, found.data, f"{shown(data)} at the mean of q(z|x)"),
        distance(taken, found.samples, found.data, f"{shown(data)} at z from the prior"),
        floor,
        taken.accuracy if isinstance(taken, ClassifierFeatures) else None,
        tuple(notes_on(data, found, why_none)),
    )


def split_of(data: Data, name: str | None) -> tuple[str, Split]:
    """A split by name; without one, the test split, else the validation split, else the training split."""
    splits: Mapping[str, Split | None] = {"test": data.test, "valid": data.valid, "train": data.train}
    there = {role: split for role, split in splits.items() if split is not None and len(split) > 0}
    if name is not None and name not in there:
        raise ValueError(f"split must be one of {', '.join(there)}, got {name!r}")
    chosen = name or next(iter(there))
    return chosen, there[chosen]


def check_asked(data: Data, features: Features | None) -> None:
    """Numbers to compare, and something to see them with."""
    if data.spec.domain is Domain.CATEGORIES:
        raise ValueError(f"quality compares numbers, got {data.spec.describe()}")
    if data.spec.ragged:
        raise ValueError(f"quality compares whole examples, got sequences of several lengths: {data.spec.describe()}")
    if features is not None and not callable(features):
        raise ValueError(f"features must be a callable from x (N, ...) to floats (N, F), got {features!r}")
    if isinstance(features, Inception) and not are_pictures(data.spec):
        raise ValueError(f"Inception needs pictures with values in [0, 1], got {data.spec.describe()}")


def own_features(data: Data) -> tuple[ClassifierFeatures | None, str | None]:
    """The classifier of the data's labels, or why there is none."""
    if data.spec.classes is None or data.spec.classes < 2:
        return None, "no Fréchet distance: no features were given, and the data have no labels to learn some from"
    return classifier_features(data), None


def floor_of(data: Data, name: str, held: Moments, features: Features, seed: int) -> Figure | None:
    """Training examples against the held-out ones, as many; where training is the split, two halves of its examples."""
    rows = rows_of(data.train, held.count, seed)
    if name != "train":
        return distance(features, moments_of(data.train.select(rows), features, seed), held, "training examples")
    mixed = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))]
    first, second = (data.train.select(half) for half in mixed.tensor_split(2))
    halves = moments_of(first, features, seed), moments_of(second, features, seed)
    return distance(features, *halves, "one half of the examples")


def distance(features: Features | None, ours: Moments, theirs: Moments, what: str) -> Figure | None:
    """The Fréchet distance as a figure that says what it is of; None where there are too few examples for one."""
    if features is None or min(ours.count, theirs.count) < 2:
        return None
    name = getattr(features, "title", own_title)(ours.count)
    against = f"{what} against {theirs.count:,} {'of the other' if 'half' in what else 'held-out examples'}"
    return Figure(ours.distance(theirs), "squared feature units", f"{name}: {against}")


def own_title(samples: int) -> str:
    """What a Fréchet distance of features of the caller's own is called."""
    return f"Fréchet distance (the caller's features), {samples:,} examples"


def shown(data: Data) -> str:
    """What is put through the features for a model."""
    return "draws of x" if is_drawn(data.spec) else "mean of p(x|z)"


def averaged(figures: list[Tensor], unit: str) -> Figure | None:
    """The mean over examples with its standard error, nan of one example."""
    if not figures:
        return None
    values = torch.cat(figures)
    error = float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    what = f"mean of p(x|z) at the mean of q(z|x), average of {len(values):,} examples"
    return Figure(float(values.mean()), unit, what, error)


def notes_on(data: Data, found: Compared, why_none: str | None) -> Iterator[str]:
    """What a reader must know of the figures, and why some are missing."""
    if not are_pictures(data.spec):
        yield f"no PSNR and no SSIM: examples are no pictures with values in [0, 1], but {data.spec.describe()}"
    elif min(data.spec.shape[1:]) < WINDOW:
        yield f"SSIM is seen through a window smaller than its {WINDOW} pixels, since the pictures are"
    if why_none is not None:
        yield why_none
    elif found.data.count < 2:
        yield "no Fréchet distance: it needs at least 2 examples"
    else:
        yield from notes_on_distances(data, found)


def notes_on_distances(data: Data, found: Compared) -> Iterator[str]:
    """On how far the distances can be read."""
    count, features = found.data.count, len(found.data.mean)
    if found.without_prior:
        yield f"no distance of samples: {' and '.join(found.without_prior)} has no prior to draw from"
    if is_drawn(data.spec):
        yield "the data are binary: distances are of draws of x, since grey means are unlike them at any quality"
    if count <= features:
        yield (
            f"{count:,} examples are too few for {features:,} features: covariances are singular, and distances far "
            f"above what more examples would show; take several times {features:,}"
        )
        return
    yield (
        f"two sets of {count:,} examples alike lie apart by chance, as those of the data do: compare distances of equal "
        "numbers of examples and of the same features only"
    )


def written(figure: Figure) -> str:
    """The value and its error with as many digits as the unit deserves."""
    if figure.unit not in DIGITS:
        return f"{figure.value:.3g}"
    digits, error = DIGITS[figure.unit], figure.standard_error
    value = f"{figure.value:.{digits}f}"
    return value if error is None or math.isnan(error) else f"{value} ± {error:.{digits}f}"
