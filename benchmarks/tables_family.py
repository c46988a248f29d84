"""The table of benchmarks/family.py: one network under many posteriors, priors and objectives."""

from collections.abc import Callable, Sequence
from statistics import mean
from typing import Any

Table = Callable[[Sequence[str], Sequence[Sequence[Any]]], str]


def family(record: dict[str, Any], table: Table) -> str:
    """Means over seeds, the spread of the seeds, and each seed's figure."""
    settings, rows = record["settings"], []
    for piece in settings["pieces"]:
        runs = [run for run in record["runs"].values() if run["piece"] == piece]
        if runs:
            each = [run["nll_nats"] for run in runs]
            active = [run["active_units"] for run in runs if run["active_units"] is not None]
            rows.append(
                [
                    piece,
                    len(runs),
                    f"{mean(each):.2f}",
                    " ".join(f"{value:.2f}" for value in each),
                    f"{mean(run['negative_elbo_nats'] for run in runs):.2f}",
                    f"{mean(active):.1f}" if active else "",
                    f"{mean(run['cpu_seconds'] for run in runs) / 60:.0f}",
                ]
            )
    head = ["recipe", "seeds", "−log p̂(x), nats", "each seed", "−ELBO, nats", "active units", "CPU min"]
    return (
        f"MNIST binarised at every visit, two layers of 200, {settings['plan']['epochs']} epochs; {settings['images']:,} test "
        f"images, {settings['samples']:,} importance samples. A sphere of d dimensions lies in d + 1 numbers.\n\n"
        + table(head, rows)
    )
