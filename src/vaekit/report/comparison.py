"""Runs side by side on one page."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from markupsafe import Markup, escape

from vaekit.evaluation import Figure
from vaekit.evaluation.profile import MOST
from vaekit.recipes import recipe
from vaekit.report.beside import courses, latents_of_each, rates_and_distortions, samples_of_each, through_each
from vaekit.report.commands import repeats
from vaekit.report.numbers import apart, table
from vaekit.report.page import check_target, rendered
from vaekit.report.pictures import evaluated, own_generators
from vaekit.report.running import code, lasted, shown
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.training.checkpoint import write_text

__all__ = ["write_comparison"]

HIGHER, LOWER = ("ELBO", "log-likelihood"), ("bits/dim (bound)", "bits/dim")  # figures in which one run can be best
TOLD = ("recipe", "on_labels")


def write_comparison(subjects: Sequence[Subject], path: Path, seed: int = 0) -> Path:
    """Write one page that shows runs beside each other; returns where it is.

    Raises ValueError for fewer than two runs, for examples of different shapes, and for a path that cannot be.
    """
    if len(subjects) < 2:
        raise ValueError(f"subjects must be at least two runs, got {len(subjects)}")
    shapes = sorted({subject.data.spec.shape for subject in subjects})
    if len(shapes) > 1:
        raise ValueError(f"subjects must be runs on examples of one shape, got {' and '.join(map(str, shapes))}")
    target = check_target(path)
    named = dict(zip(distinct(subjects), subjects, strict=True))
    with torch.no_grad():
        sections = [section for section in all_sections(named, seed) if section is not None]
    names = " · ".join(named) if len(named) <= 4 else f"{len(named)} runs"
    subtitle = f"{len(named)} runs on {subjects[0].data.spec.describe()}"
    write_text(target, rendered(names, subtitle, [], sections, []))
    return target


def distinct(subjects: Sequence[Subject]) -> list[str]:
    """Names of the folders, or whole paths where two are alike; numbered where these are, too."""
    names = [subject.name for subject in subjects]
    if len(set(names)) < len(names):
        names = [str(subject.path) for subject in subjects]
    return [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]


def all_sections(named: Mapping[str, Subject], seed: int) -> Iterator[Section | None]:
    """Every section in its place."""
    yield in_a_table(named)
    yield rates_and_distortions(named)
    yield latents_of_each(named)
    yield courses(named)
    with ExitStack() as lent:
        for subject in named.values():
            lent.enter_context(evaluated(subject.model))
            lent.enter_context(own_generators(subject.model, seed))
        pictured = [through_each(named, seed), samples_of_each(named)]
    yield from pictured
    yield what_differs(named)


def in_a_table(named: Mapping[str, Subject]) -> Section:
    """Every figure of every run, the best in bold where it is better beyond doubt."""
    figures = {name: {**s.evaluation.summary(), **s.quality} for name, s in named.items()}
    kinds = list(dict.fromkeys(kind for found in figures.values() for kind in found))
    units = {kind: next(f[kind].unit for f in figures.values() if kind in f) for kind in kinds}
    best = {kind: best_of({n: f[kind] for n, f in figures.items() if kind in f}, kind) for kind in kinds}
    uses = list(dict.fromkeys(latent for s in named.values() for latent in s.evaluation.latents))
    uses = uses if len(uses) <= MOST else []
    lines = []
    for name, subject in named.items():
        cells = [marked(str(figures[name][k]), best[k] == name) if k in figures[name] else "–" for k in kinds]
        lines.append((name, *cells, *(active(subject, u) for u in uses), *([] if uses else [active_in_all(subject)])))
    last = [f"active units of {u}" for u in uses] or ["active units"]
    head = ("run", *(f"{kind}, {units[kind]}" for kind in kinds), *last)
    text = (
        "Held-out examples; ± is one standard error over them. Bold: best by more than two standard errors of the "
        "difference, which is cautious where all runs saw the same examples."
    )
    return Section("numbers", "In numbers", text, [scrolling(table(head, lines, "runs"))], list(warnings(named)))


def what_differs(named: Mapping[str, Subject]) -> Section:
    """What was chosen differently, and the command of every run."""
    told = differing(named)
    lines = [(name, *(told_of(subject, key) for key in told)) for name, subject in named.items()]
    commands = [Exhibit(code(repeats(subject.record)), name, "strip") for name, subject in named.items()]
    text = "Everything that was not chosen alike, and the commands that give the runs again."
    return Section("run", "What these runs were", text, [scrolling(table(("run", *told), lines, "runs")), *commands])


def scrolling(content: Markup) -> Exhibit:
    """A table that moves by itself where the page is too narrow for it."""
    return Exhibit(Markup('<div class="scroll">{}</div>').format(content), kind="strip")


def best_of(figures: Mapping[str, Figure], kind: str) -> str | None:
    """The run that is best in this figure and apart from every other by two standard errors; None without one."""
    if kind not in HIGHER + LOWER or len(figures) < 2:
        return None
    first, *others = sorted(figures, key=lambda name: figures[name].value, reverse=kind in HIGHER)
    return first if all(apart(figures[first], figures[other]) for other in others) else None


def marked(words: str, best: bool) -> Markup:
    """In bold where it is best."""
    return Markup("<strong>{}</strong>").format(words) if best else escape(words)


def active(subject: Subject, latent: str) -> str:
    """Active units of a latent, and of how many."""
    use = subject.evaluation.latents.get(latent)
    return "–" if use is None else f"{use.active} of {use.dimensions}"


def active_in_all(subject: Subject) -> str:
    """Active units of all latents together, and of how many."""
    found = subject.evaluation.latents.values()
    return f"{sum(u.active for u in found):,} of {sum(u.dimensions for u in found):,}" if found else "–"


def differing(named: Mapping[str, Subject]) -> list[str]:
    """What was chosen differently: recipe, arguments of the recipes, fields of the plans and of the data."""
    chosen = [choices(subject) for subject in named.values()]
    keys = dict.fromkeys(key for found in chosen for key in found)
    given = {key: {str(found[key]) for found in chosen if key in found} for key in keys}
    partly = {key for key in keys if any(key not in found for found in chosen)}
    return [key for key in keys if key == "recipe" or len(given[key]) > 1 or (key in partly and not usual(key, named))]


def usual(key: str, named: Mapping[str, Subject]) -> bool:
    """Whether every run whose recipe has this option left it at its default."""
    runs = [subject.record for subject in named.values() if key in subject.record["arguments"]]
    known = [(recipe(run["recipe"]).options[key].default, run["arguments"][key]) for run in runs if run["recipe"]]
    return all(default == (tuple(value) if isinstance(value, list) else value) for default, value in known)


def choices(subject: Subject) -> dict[str, Any]:
    """Everything that a user chooses in one run, by name."""
    record = subject.record
    plan = {k: v for k, v in record["plan"].items() if k not in ("optimiser", "checkpoint_seconds")}
    own = {
        "recipe": record["recipe"] or "by hand",
        **record["arguments"],
        **plan,
        **record["plan"].get("optimiser", {}),
    }
    return {**own, "parameters": record.get("parameters"), "duration": lasted(record) or None}


def told_of(subject: Subject, key: str) -> str:
    """One choice in words."""
    value = choices(subject).get(key)
    return "–" if value is None else f"{value:,}" if key == "parameters" else shown(value)


def warnings(named: Mapping[str, Subject]) -> Iterator[str]:
    """Why figures may not be comparable."""
    sources = [{k: v for k, v in s.record["data"].items() if k not in TOLD} for s in named.values()]
    told = dict.fromkeys(key for source in sources for key in source)
    differ = [key for key in told if len({str(source[key]) for source in sources if key in source}) > 1]
    if differ:
        yield (
            f"Careful: these runs were not opened on the same data (they differ in {', '.join(differ)}), "
            "so figures may differ for that alone."
        )
    sizes = {subject.evaluation.examples for subject in named.values()}
    if len(sizes) > 1:
        yield f"Careful: the runs were evaluated on different numbers of examples ({', '.join(map(str, sorted(sizes)))})."
    priced = {
        subject.evaluation.bits_per_dim_bound is not None for subject in named.values() if subject.evaluation.elbo
    }
    if len(priced) > 1:
        yield "Careful: some likelihoods are densities and others probabilities of pixel levels: their nats are not comparable."
    for name, subject in named.items():
        for note in subject.evaluation.notes:
            yield f"{name}: {note}."
