"""How a model with codes uses them."""

import numpy as np
from markupsafe import Markup
from torch import Tensor

from vaekit.evaluation.passes import evaluating, walks
from vaekit.models.code_statistics import CodeStatistics, Usage
from vaekit.report.style import number
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.report.svg import Chart
from vaekit.report.views import held_out

__all__ = ["codes_used"]

EXAMPLES, POINTS = 2000, 256


def codes_used(subject: Subject) -> Section | None:
    """How often every code comes up, from the commonest to the rarest; None for a model without codes."""
    role, split = held_out(subject)
    split, statistics = split.first(min(EXAMPLES, len(split))), CodeStatistics()
    with evaluating(subject.model):
        for inference in walks(subject.model, split, 1, 0, 100, subject.at):
            statistics.add(inference)
    counts = statistics.counts()
    if not counts:
        return None
    text = (
        f"How often each code comes up among those of {len(split):,} {role} examples, from the commonest to the rarest, 1 "
        "being as often as if all were alike. Perplexity is how many codes used evenly would be as uncertain."
    )
    usage = statistics.usage()
    exhibits = [Exhibit(frequencies(found), said(name, usage[name])) for name, found in counts.items()]
    return Section("codes-used", "Which codes it uses", text, exhibits)


def said(name: str, usage: Usage) -> str:
    """The figures of one latent."""
    digits = "" if usage.digits == 1 else f" of {usage.digits} digits"
    return (
        f"{name}: {usage.used:,} of {usage.size:,} codes{digits} come up, {usage.dead:,} do not; "
        f"perplexity {number(usage.perplexity)}"
    )


def frequencies(counts: list[Tensor]) -> Markup:
    """One line for each digit, of up to 256 points."""
    shares = [np.sort((c.double() * len(c) / c.sum()).numpy())[::-1] for c in counts]
    chart = Chart((0, 100), (0.0, max(1.2, 1.05 * max(float(s[0]) for s in shares))))
    chart.grid(whole=(True, False))
    chart.named("codes, from the commonest on, %")
    for share in shares[:8]:
        places = np.unique(np.linspace(0, len(share) - 1, min(POINTS, len(share))).round().astype(int))
        chart.line(100 * places / max(1, len(share) - 1), share[places], "model")
    return chart.svg(f"frequency of codes: the commonest {number(float(shares[0][0]))} times an even share")
