"""What a model reconstructs and what it dreams, where an example is an image, a map, a series or a point."""

from collections.abc import Sequence

import torch
from markupsafe import Markup
from torch import Tensor

from vaekit.data import DataSpec
from vaekit.latent import typical
from vaekit.report.grids import is_image, range_of
from vaekit.report.images import picture, small
from vaekit.report.pictures import device_of
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.report.vectors import curve, fan, points, rows_of
from vaekit.report.views import Views

__all__ = ["class_names", "reconstructed", "sampled", "shows_images", "strip"]

PAIRS, CURVES, POINTS = 24, 6, 400
PER_CLASS, CLASSES, SERIES = 10, 20, 6
THUMBNAIL = 96  # pixels of an image's longer side, where many are shown


def shows_images(spec: DataSpec) -> bool:
    """Whether examples are images or maps."""
    return len(spec.shape) == 3 or (len(spec.shape) == 2 and min(spec.shape) > 1)


def reconstructed(subject: Subject, views: Views) -> Section | None:
    """Held-out examples beside what the model makes of them."""
    x, x_hat = views.batch["x"], views.x_hat
    if x_hat is None or len(subject.data.spec.shape) > 3:
        return None
    text = (
        f"Examples of the {views.role} split, chosen by the seed alone, and the mean of p(x|z) at the mean of q(z|x): "
        "what the latent keeps of each."
    )
    if shows_images(subject.data.spec):
        exhibits = pairs(x[:PAIRS], x_hat[:PAIRS])
        return Section(
            "reconstructions", "What it reconstructs", f"{text} Each original stands above its copy.", exhibits
        )
    if subject.data.spec.shape == (2,):
        exhibits = [Exhibit(points(x[:POINTS], x_hat[:POINTS], joined=True), "originals dark, reconstructions blue")]
    else:
        both = zip(rows_of(x[:CURVES]), rows_of(x_hat[:CURVES]), strict=True)
        exhibits = [Exhibit(curve(*pair, i), f"example {i + 1}, original grey") for i, pair in enumerate(both)]
    return Section("reconstructions", "What it reconstructs", text, exhibits)


def pairs(x: Tensor, x_hat: Tensor) -> list[Exhibit]:
    """Every original above its reconstruction; large ones in a strip of their own."""
    between, large = range_of(x), max(x.shape[-2:]) > THUMBNAIL
    shown = PAIRS if not large else 8
    return [
        Exhibit(
            picture(torch.stack([a, b]), 1, f"example {i + 1}: original above, reconstruction below", between=between),
            kind="tile",
        )
        for i, (a, b) in enumerate(zip(x[:shown], x_hat[:shown], strict=True))
    ]


def sampled(subject: Subject, views: Views) -> Section | None:
    """Draws from the prior, a row for each class where the context is a label."""
    spec, x = subject.data.spec, views.batch["x"]
    if not views.priors or views.x_hat is None or len(spec.shape) > 3:
        return None
    text = "New examples: z drawn from the prior, and the mean of p(x|z) there. Nothing is picked by hand."
    if spec.context == () and spec.classes is not None:
        heading = "What it generates, class by class"
        return Section("samples", heading, text, by_class(subject, class_names(spec), x))
    made = generated(subject, n_samples(spec), views.context)
    return Section("samples", "What it generates", text, examples(made, x))


def n_samples(spec: DataSpec) -> int:
    """How many samples a page holds well."""
    if shows_images(spec):
        return 64 if max(spec.shape) <= 32 else 36
    return POINTS if spec.shape == (2,) else SERIES


def generated(subject: Subject, n: int, context: Tensor | None) -> Tensor:
    """The typical x of `n` draws, in the contexts of held-out examples where the model takes one."""
    given = None if context is None else context[:n].to(device_of(subject.model))
    return typical(subject.model.generate(n, given)).cpu().float()


def by_class(subject: Subject, names: Sequence[str], x: Tensor) -> list[Exhibit]:
    """A strip of samples for each of the first classes."""
    exhibits = []
    for label, name in list(enumerate(names))[:CLASSES]:
        made = generated(subject, PER_CLASS, torch.full((PER_CLASS,), label))
        if shows_images(subject.data.spec):
            exhibits.append(Exhibit(strip(made, f"samples of class {name}", x), name, "strip"))
        elif subject.data.spec.shape == (2,):
            many = generated(subject, POINTS, torch.full((POINTS,), label))
            exhibits.append(Exhibit(points(x[:POINTS], many, joined=False), f"{name}: samples blue, data dark"))
        else:
            exhibits.append(Exhibit(fan(made[:SERIES], f"samples of class {name}", even=True), name))
    return exhibits


def examples(made: Tensor, x: Tensor) -> list[Exhibit]:
    """Samples of a model without classes."""
    if is_image(made):
        shown = small(made, THUMBNAIL)
        columns = round(len(shown) ** 0.5)
        return [Exhibit(picture(shown, columns, f"{len(shown)} samples", between=range_of(x)), kind="strip")]
    if made.shape[1:] == (2,):
        return [Exhibit(points(x[:POINTS], made, joined=False), "held-out data dark, samples blue")]
    return [Exhibit(curve(None, values, i), f"sample {i + 1}") for i, values in enumerate(rows_of(made))]


def strip(images: Tensor, alt: str, like: Tensor, columns: int | None = None) -> Markup:
    """Images in one row, on the range of `like`."""
    return picture(small(images, THUMBNAIL), columns or len(images), alt, between=range_of(like))


def class_names(spec: DataSpec) -> Sequence[str]:
    """What the labels are called: their names, else their numbers."""
    return spec.label_names or [str(label) for label in range(spec.classes or 0)]
