"""How a run went and what it was: the curves of every term, every choice, and the command that repeats it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape
from torch import nn

from vaekit.models.sizes import in_lists, parameter_counts
from vaekit.report.charts import course, course_caption, course_of_several
from vaekit.report.commands import repeats
from vaekit.report.curves import apart, as_table, ordered
from vaekit.report.numbers import table
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.training.metrics import judged_by
from vaekit.training.reading import read_json

__all__ = ["code", "lasted", "repeated", "trained"]


def trained(subject: Subject) -> Section | None:
    """A chart for each term."""
    if not subject.rows:
        return None
    try:
        columns = as_table(subject.rows)
    except ValueError as error:
        return Section("curves", "How training went", f"There are no curves: {error}.")
    judge = judged_by(columns)
    to_the_last = subject.record.get("best_epoch") == 0 and judge is not None
    best = None if judge is None or to_the_last else int(columns[judge].argmin())
    terms = ordered({name.partition("/")[2] for name in columns if "/" in name}, list(columns))
    single, families = apart(terms)
    exhibits = [Exhibit(course(columns, term, best), course_caption(columns, term, best, "nats")) for term in single]
    exhibits += [Exhibit(*course_of_several(columns, family, best)) for family in families]
    least = "" if judge is None else f"the lowest {judge.replace('valid/', 'validation ')}"
    epoch = "" if best is None else f" The vermilion line is epoch {columns['epoch'][best]:.0f}, {least}"
    kept = "" if best is None else ": its weights were kept."
    if to_the_last:
        kept = " Of a game, or of a model that changes on the way, no epoch is the best: the last weights were kept."
    text = (
        "Every term of the objective over the epochs, in training (grey, dashed) and on the validation examples (blue), "
        f"which the model never learns from.{' Single latents are those in validation.' if families else ''}{epoch}{kept}"
    )
    return Section("curves", "How training went", text, exhibits)


def repeated(subject: Subject) -> Section:
    """Everything that was chosen, and the command."""
    text = "Everything that was chosen, by the user or by vaekit. The command below gives the same run again."
    lines = [(name, value) for name, value in facts(subject) if value]
    made = Exhibit(table(("", "what it was"), lines, "facts"), kind="strip")
    return Section("run", "What this run was", text, [made, Exhibit(code(repeats(subject.record)), kind="strip")])


def facts(subject: Subject) -> Iterator[tuple[str, str]]:
    """Name and value of every choice."""
    record = subject.record
    yield "run", str(subject.path.resolve())
    yield from ((f"data: {name}", said) for name, said in subject.data.decisions().items())
    yield "recipe", record["recipe"] or "composed by hand in Python"
    yield "arguments", listed(record["arguments"])
    yield "objective", str(record.get("objective", ""))
    yield "parameters", f"{record['parameters']:,}" if "parameters" in record else ""
    yield "parameters by part", by_part(subject.model)
    plan = dict(record["plan"])
    yield "optimiser", listed(plan.pop("optimiser", {}))
    yield "plan", listed(plan)
    yield "status", str(record["status"])
    yield "epochs", f"{len(subject.rows)}, the best one {record['best_epoch']}" if record.get("best_epoch") else ""
    yield "duration", lasted(record)
    yield "versions", listed(record.get("versions", {}))
    yield from priors(subject.path)


def priors(path: Path) -> Iterator[tuple[str, str]]:
    """The priors that were fitted to the run's codes afterwards: which, with what, and how long that took."""
    for file in sorted((path / "prior").glob("*/run.json")):
        record = read_json(file)
        said = record.get("prior", {})
        with_it = f" with {listed(said['arguments'])}" if said.get("arguments") else ""
        by_label = ", by label" if said.get("classes") is not None else ""
        took = f"; {lasted(record)}" if lasted(record) else ""
        yield f"prior of {file.parent.name}", f"{said.get('prior', '')}{by_label}{with_it}{took} (vaekit fit-prior)"


def by_part(model: nn.Module) -> str:
    """How many numbers each part has; neighbours in a list of modules together."""
    parts = in_lists(parameter_counts(model))
    return ", ".join(f"{name} {count:,}" for name, count in parts.items()) if len(parts) > 1 else ""


def lasted(record: Mapping[str, Any]) -> str:
    """How long training took, where the record says so."""
    seconds = record.get("seconds")
    if not isinstance(seconds, int | float):
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def listed(values: Mapping[str, Any]) -> str:
    """name value, name value; what is not set is left out."""
    return ", ".join(f"{name} {shown(value)}" for name, value in values.items() if value is not None)


def shown(value: Any) -> str:
    """As people write it."""
    if isinstance(value, list | tuple):
        return f"({', '.join(map(str, value))})" if len(value) != 1 else str(value[0])
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def code(command: str) -> Markup:
    """A command to copy."""
    return Markup(f"<pre><code>{escape(command)}</code></pre>")
