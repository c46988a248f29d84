"""Figures of an evaluation as a table."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

from vaekit.evaluation import Evaluation, Figure
from vaekit.evaluation.figure import NATS
from vaekit.report.subject import Exhibit, Section, Subject

__all__ = ["in_numbers", "table"]


def in_numbers(subject: Subject) -> Section:
    """Every figure with its standard error, unit and meaning."""
    evaluation = subject.evaluation
    text = (
        f"Measured on {evaluation.examples:,} held-out examples of {evaluation.data}; "
        "± is one standard error over them. A nat is 1.44 bits."
    )
    body = table(("", "value", "unit", "what it is"), list(rows(subject)), "figures")
    return Section("numbers", "In numbers", text, [Exhibit(body, kind="strip")], evaluation.notes)


def rows(subject: Subject) -> Iterator[tuple[str, ...]]:
    """Name, value, unit and meaning of every figure."""
    told = subject.evaluation.profile()
    for name, figure in {**subject.evaluation.figures(), **subject.quality}.items():
        if not (told and name.startswith("rate of ")):
            yield name, str(figure), figure.unit, figure.what
    yield from ((f"rate of {line.name}", line.value, NATS, line.use) for line in told)
    yield from () if told else uses(subject.evaluation)


def uses(evaluation: Evaluation) -> Iterator[tuple[str, ...]]:
    """How much of every latent is used."""
    for name, use in evaluation.latents.items():
        yield f"active units of {name}", f"{use.active}", f"of {use.dimensions} dimensions", use.verdict


def table(head: Sequence[str], lines: Sequence[Sequence[object]], kind: str) -> Markup:
    """Rows of text, or of Markup, under their headings."""
    cells = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "".join(f"<tr>{row_of(head, line)}</tr>" for line in lines)
    return Markup(f'<table class="{escape(kind)}"><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>')


def row_of(head: Sequence[str], line: Sequence[object]) -> str:
    """A line's cells: the first names it; each knows its column, for narrow screens."""
    first, *rest = (escape(cell) for cell in line)
    cells = "".join(f'<td data-name="{escape(title)}">{cell}</td>' for title, cell in zip(head[1:], rest, strict=True))
    return f'<th scope="row">{first}</th>{cells}'


def apart(a: Figure, b: Figure) -> bool:
    """Whether two figures differ by more than two standard errors of their difference, taken as independent."""
    errors = [e or 0.0 for e in (a.standard_error, b.standard_error)]
    return abs(a.value - b.value) > 2 * float(sum(e**2 for e in errors)) ** 0.5
