"""The report of a run: one file that needs nothing else, to be read anywhere."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

import torch
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vaekit.data import Data, Domain
from vaekit.evaluation import Aggregate, Holes, aggregate_posterior, holes
from vaekit.report.codes import codes_used
from vaekit.report.columns import is_table, marginals, reconstructed_columns
from vaekit.report.completing import completed
from vaekit.report.exploring import carried, holes_shown, interpolated, manifold, scattered, traversed
from vaekit.report.findings import Evidence, Finding, Weight
from vaekit.report.labelled import labelled
from vaekit.report.levels import added_by_each, told_by_each
from vaekit.report.numbers import in_numbers
from vaekit.report.pictures import evaluated, own_generators
from vaekit.report.running import code, repeated, trained
from vaekit.report.sentences import between_sentences, rewritten, written
from vaekit.report.sequences import filmed, imagined, swapped
from vaekit.report.showing import reconstructed, sampled
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.report.verdict import verdict
from vaekit.report.views import MOST, Views, held_out, looked
from vaekit.training.checkpoint import write_text

__all__ = ["write_report"]

POINTS = 500  # codes at which the terms of the rate are averaged
MISSING = {
    "curves": "curves (the run has no table of epochs)",
    "reconstructions": "reconstructions (examples of this shape cannot be drawn)",
    "samples": "samples (a latent has no prior, or examples of this shape cannot be drawn)",
    "dimensions": "KL per dimension (no latent has a rate for each dimension)",
    "codes": "the plane of codes (no continuous latent of two or more dimensions)",
    "interpolation": "ways between examples (rows of a table and points have no in-between to look at)",
    "traversals": "single dimensions (no continuous latent, or examples of this shape cannot be drawn)",
    "manifold": "the whole latent plane (only for images from two dimensions under a standard normal prior)",
    "holes": "holes (they need a continuous latent with a prior, and at least 20 held-out examples)",
}


def write_report(subject: Subject, path: Path | None = None, seed: int = 0) -> Path:
    """Write the page of a run, report.html in its folder if no path is given; returns where it is.

    What is shown depends on the run and on `seed`. Modes of the model and global generators are as before afterwards.
    """
    target = check_target(subject.path / "report.html" if path is None else Path(path))
    with torch.no_grad(), evaluated(subject.model), own_generators(subject.model, seed):
        views = looked(subject, seed)
        found = holes(subject.model, held_out(subject)[1], latent=views.tested, seed=seed, at=subject.at)
        filled = None if found is None else filling(subject, found.latent, seed)
        sections = {section.key: section for section in shown(subject, views, found, filled) if section is not None}
    findings = verdict(evidence(subject, views, found))
    missing = [said for key, said in MISSING.items() if key not in sections]
    write_text(target, rendered(headed(subject), about(subject), findings, list(sections.values()), missing))
    return target


def check_target(path: Path) -> Path:
    """The path, which must be that of an HTML file in a folder that exists."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"path must end in .html, got {path}")
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"path must name a file in a folder that exists, got {path}")
    return path


def filling(subject: Subject, latent: str, seed: int) -> Aggregate | None:
    """How codes fill the latent that is tested for holes; None where its terms are not known."""
    try:
        return aggregate_posterior(
            subject.model, held_out(subject)[1], latent=latent, n=MOST, points=POINTS, seed=seed, at=subject.at
        )
    except ValueError:  # a posterior that does not factorise, or a prior for each example
        return None


def shown(subject: Subject, views: Views, found: Holes | None, filled: Aggregate | None) -> Iterator[Section | None]:
    """Every section in its place, None for those that this run does not have."""
    tabular, text = is_table(subject.data.spec), bool(subject.data.spec.words)
    yield in_numbers(subject)
    yield trained(subject)
    clips = subject.data.spec.clips
    seen, drawn = (filmed, imagined) if clips else (rewritten, written) if text else (reconstructed, sampled)
    yield reconstructed_columns(subject, views) if tabular else seen(subject, views)
    yield marginals(subject, views) if tabular else drawn(subject, views)
    yield swapped(subject, views)
    yield completed(subject, views)
    yield labelled(subject, views)
    yield told_by_each(subject)
    yield added_by_each(subject, views)
    yield codes_used(subject)
    yield carried(subject, views)
    yield scattered(subject, views)
    yield between_sentences(subject, views) if text else interpolated(subject, views)
    yield None if text else traversed(subject, views)
    yield manifold(subject, views)
    yield holes_shown(subject, views, found, filled)
    yield repeated(subject)


def evidence(subject: Subject, views: Views, found: Holes | None) -> Evidence:
    """The figures for the verdict."""
    figures = subject.evaluation
    return Evidence(
        str(subject.path),
        subject.record,
        subject.rows,
        subject.data.spec,
        len(subject.data.train),
        figures.latents,
        figures.distortion.value,
        None if figures.rate is None else figures.rate.value,
        views.family,
        None if found is None else found.auc,
        0.0 if found is None else found.standard_error,
        None if subject.data.spec.domain is Domain.CATEGORIES else explained(views),
        {name: figure.value for name, figure in figures.rates.items()},
        views.from_below,
    )


def explained(views: Views) -> float | None:
    """1 - mean squared error / variance, over all elements of the held-out examples; None of what are no numbers."""
    x, x_hat = views.batch["x"].double(), views.x_hat
    if x_hat is None or len(x) < 2:
        return None
    if "mask" in views.batch:
        x, x_hat = x[views.batch["mask"]], x_hat[views.batch["mask"]]
    spread = float(x.var(0, correction=0).sum())
    return 1 - float((x - x_hat).square().mean(0).sum()) / spread if spread > 0 else None


def headed(subject: Subject) -> str:
    """The title."""
    return subject.name


def about(subject: Subject) -> str:
    """What the run is, in a line."""
    data: Data = subject.data
    name = subject.record["recipe"] or "a model composed by hand"
    count = subject.record.get("parameters")
    size = f", {count:,} parameters" if count else ""
    return f"{name}{size}, trained for {len(subject.rows)} epochs on {len(data.train):,} examples of {data.spec.describe()}"


def rendered(
    title: str, subtitle: str, findings: Sequence[Finding], sections: Sequence[Section], missing: Sequence[str]
) -> str:
    """The page as HTML."""
    return (
        environment()
        .get_template("page.html")
        .render(
            title=title,
            subtitle=subtitle,
            findings=findings,
            sections=with_advice(sections, findings),
            missing=missing,
        )
    )


def with_advice(sections: Sequence[Section], findings: Sequence[Finding]) -> list[Section]:
    """The sections, with what to try next before the last one."""
    tried = [finding for finding in findings if finding.suggestion]
    if not tried:
        return list(sections)
    exhibits = [
        Exhibit(
            code(finding.command) if finding.command else Markup(), f"{finding.headline} {finding.suggestion}", "strip"
        )
        for finding in tried
    ]
    text = "What the verdict suggests, with the commands as they would be typed. Each changes one thing."
    return [*sections[:-1], Section("next", "What to try next", text, exhibits), *sections[-1:]]


def in_groups(exhibits: Sequence[Exhibit]) -> list[tuple[str, list[Exhibit]]]:
    """Neighbours of one kind together, in order."""
    return [(kind, list(group)) for kind, group in groupby(exhibits, key=lambda exhibit: exhibit.kind)]


@cache
def environment() -> Environment:
    """Templates of the package; everything that is no Markup is escaped."""
    found = Environment(
        loader=PackageLoader("vaekit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["groups"] = in_groups
    found.globals["weights"] = {weight.value: weight.name.lower() for weight in Weight}
    return found
