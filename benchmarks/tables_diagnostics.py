"""The tables of benchmarks/diagnostics.py: annealing and the aggregate posterior against closed forms."""

from collections.abc import Callable, Sequence
from typing import Any

Table = Callable[[Sequence[str], Sequence[Sequence[Any]]], str]


def diagnostics(record: dict[str, Any], table: Table) -> str:
    """Both parts."""
    return annealing(record["annealing"], table) + "\n" + aggregate(record["aggregate"], table)


def annealing(part: dict[str, Any], table: Table) -> str:
    """How far each bound lies from log p(x), by steps."""
    rows = []
    for name, found in part["found"].items():
        if "gap" not in found:
            rows.append([name, f"{found['below']:+.3f}", "", "", ""])
            continue
        off, gap = (f"{found[a]:+.3f} ± {found[b]:.3f}" for a, b in (("below", "error"), ("gap", "gap_error")))
        rows.append([name, off, gap, f"{100 * found['acceptance']:.0f} %", f"{found['seconds']:.0f}"])
    return (
        f"x in 20 dimensions from 5, exactly normal; {part['examples']} examples, {part['chains']} chains each, one busy "
        "thread; q is the prior. Nats per example: the lower bound less log p(x), and the gap between both bounds on generated "
        "examples.\n\n" + table(["estimate", "less log p(x)", "gap", "accepted", "s"], rows)
    )


def aggregate(part: dict[str, Any], table: Table) -> str:
    """How far each estimate of each term lies from its closed form."""
    rows = []
    for name, case in part.items():
        about = f"{name}: D = {case['dimensions']}, v = {case['variance']:g}"
        rows.append([f"**{about}**", *(f"**{value:.3f}**" for value in case["closed_form"])])
        rows += [
            [kind, *(f"{bias:+.2f} ± {error:.2f}" for bias, error in zip(*found.values(), strict=True))]
            for kind, found in case["off"].items()
        ]
    return (
        "x ~ N(0, I) and q(z|x) = N(W x, v I). In bold the closed forms, below them how far estimates are off (± standard "
        "error), nats: the full sum over 10,000 examples, and minibatches of B of them, weighted and stratified (Chen et al. "
        "2018). log 10,000 is 9.21: what information lies above it no estimate from so many can see, and total correlation is "
        "too high by as much. Weighted minibatches are of use as gradients, not as values.\n\n"
        + table(["", "I(x; z)", "total correlation", "dimension-wise KL"], rows)
    )
