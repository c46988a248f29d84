"""What a model takes held-out examples for, where one of its latents is a label, and what it makes of each label."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from markupsafe import Markup
from torch import Tensor

from vaekit.data import Split
from vaekit.evaluation import Classified, classified
from vaekit.latent import typical
from vaekit.models import Set
from vaekit.report.grids import range_of
from vaekit.report.images import picture, small
from vaekit.report.numbers import table
from vaekit.report.pictures import device_of, own_generators
from vaekit.report.showing import THUMBNAIL, class_names, shows_images, strip
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.report.views import Views, held_out

__all__ = ["labelled"]

EXAMPLES, WRONG = 2000, 12  # held-out examples that are judged, and mistakes that are shown
MATRIX, ROWS, PER_CLASS = 12, 20, 10  # classes that a matrix holds, lines and samples of each


@dataclass(frozen=True)
class Judged:
    """Held-out examples with labels, and what the model takes them for."""

    split: Split
    found: Classified
    names: Sequence[str]


def labelled(subject: Subject, views: Views) -> Section | None:
    """Mistakes by label, the surest of them, and samples of every label; None for a model without one."""
    role, split = held_out(subject)
    split = split.first(min(EXAMPLES, len(split)))
    found = classified(subject.model, split)
    exhibits = [] if found is None else list(mistakes(Judged(known(split), found, class_names(subject.data.spec))))
    if subject.model.obeys_label and shows_images(subject.data.spec):
        exhibits += of_each_label(subject, views.batch["x"])
    if not exhibits:
        return None
    return Section("labels", "Which label it gives", said(role, found, subject.model.obeys_label), exhibits)


def said(role: str, found: Classified | None, obeys: bool) -> str:
    """What the exhibits are."""
    judged = (
        ""
        if found is None
        else (
            f"The likeliest label under q(y|x) is wrong for {100 * found.error:.1f} ± {100 * found.standard_error:.1f} % of "
            f"{len(found.labels):,} {role} examples, whose labels were not observed. Below the counts, its surest mistakes. "
        )
    )
    return judged + (
        "Samples are drawn with the label set, and the same noise for everything else in every row." if obeys else ""
    )


def known(split: Split) -> Split:
    """The examples whose label is known."""
    assert split.labels is not None
    return split.select((split.labels >= 0).nonzero().flatten())


def mistakes(judged: Judged) -> Iterator[Exhibit]:
    """The matrix of labels, or the commonest mistakes where there are too many labels for one; then the surest."""
    confusion = judged.found.confusion()
    if len(confusion) <= MATRIX:
        yield Exhibit(
            matrix(confusion, judged.names), "examples of each label (rows), by the label given (columns)", "strip"
        )
    elif lines := commonest(confusion, judged.names):
        yield Exhibit(table(("label", "taken for", "examples"), lines, "columns"), "the commonest mistakes", "strip")
    x = judged.split.batch(torch.arange(1), torch.Generator().manual_seed(0))["x"]
    if x.ndim == 4:
        yield from surest(judged)


def matrix(confusion: Int[Tensor, "C C"], names: Sequence[str]) -> Markup:
    """Counts in a table: right ones in bold, a dot for none."""
    lines = [
        (name, *(cell(int(n), i == j) for j, n in enumerate(row)))
        for i, (name, row) in enumerate(zip(names, confusion, strict=True))
    ]
    return table(("", *names), lines, "columns")


def cell(n: int, right: bool) -> Markup:
    """One count."""
    return Markup("<b>{}</b>").format(f"{n:,}") if right else Markup("{}").format(f"{n:,}" if n else "·")


def commonest(confusion: Int[Tensor, "C C"], names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Label, what it was taken for, and how often, the most frequent first."""
    wrong = confusion.clone().fill_diagonal_(0).flatten()
    order = wrong.argsort(descending=True, stable=True)[:ROWS].tolist()
    size = len(names)
    return [(names[i // size], names[i % size], f"{int(wrong[i]):,}") for i in order if wrong[i]]


def surest(judged: Judged) -> Iterator[Exhibit]:
    """The mistakes that the model is surest of."""
    likeliest, given = judged.found.probabilities.max(1)
    wrong = (given != judged.found.labels).nonzero().flatten()
    for row in wrong[likeliest[wrong].argsort(descending=True, stable=True)[:WRONG]].tolist():
        x = judged.split.batch(torch.tensor([row]), torch.Generator().manual_seed(0))["x"].cpu()
        own, taken = judged.names[int(judged.found.labels[row])], judged.names[int(given[row])]
        alt = f"a mistake: {own}, taken for {taken}"
        said = f"{own}, taken for {taken} ({100 * float(likeliest[row]):.0f} %)"
        yield Exhibit(picture(small(x, THUMBNAIL), 1, alt, between=range_of(x)), said, "tile")


def of_each_label(subject: Subject, x: Float[Tensor, "N *event"]) -> Iterator[Exhibit]:
    """A strip of samples for each of the first labels, the same draws of everything else in every strip."""
    name = subject.model.label
    assert name is not None
    for label, called in list(enumerate(class_names(subject.data.spec)))[:ROWS]:
        labels = torch.full((PER_CLASS,), label, device=device_of(subject.model))
        with own_generators(subject.model, 0):
            made = typical(subject.model.generate(PER_CLASS, at={name: Set(labels)})).cpu().float()
        yield Exhibit(strip(made, f"samples of label {called}", x), called, "strip")
