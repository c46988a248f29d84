"""The tables of disentanglement, from the three records of benchmarks/disentanglement.py."""

from collections.abc import Callable, Sequence
from statistics import mean, stdev
from typing import Any

Table = Callable[[Sequence[str], Sequence[Sequence[Any]]], str]
NAMES = {"mig": "MIG", "factor-vae": "FactorVAE score", "dci": "DCI"}
SHOWN = ("MIG", "FactorVAE score", "beta-VAE score", "SAP", "DCI disentanglement", "DCI completeness", "modularity")
PARTS = ("disentanglement", "completeness", "informativeness")


def speed(record: dict[str, Any], table: Table) -> str:
    """Seconds of each score beside the protocol as loops."""
    rows = []
    for part in record["comparisons"]:
        ours, loops = part["sides"].values()
        seconds = f"{ours['cpu']:.2f}", f"{loops['cpu']:.2f}", f"{loops['cpu'] / ours['cpu']:.0f}"
        rows.append([NAMES[part["score"]], *seconds, f"{ours['value']:.4f}", f"{loops['value']:.4f}"])
    points, values = record["comparisons"][0]["points"], ", ".join(map(str, record["values"]))
    return (
        f"{points:,} points, {record['dimensions']} dimensions, factors of {values} values; one thread, sides in turns. The "
        "loops of DCI are scikit-learn's gradient boosting for each factor; the two FactorVAE scores are of other draws.\n\n"
        + table(
            ["score", "vaekit, CPU s", "the protocol as loops, CPU s", "×", "vaekit's value", "that of loops"], rows
        )
    )


def agree(record: dict[str, Any], table: Table) -> str:
    """DCI of our boosting on bins, beside that of the published one."""
    rows = [
        [row["angle"], *(f"{row[side][p]:.3f}" for p in PARTS for side in ("binned", "published"))]
        for row in record["rows"]
    ]
    head = [f"{p[0].upper()}, {side}" for p in PARTS for side in ("bins", "published")]
    return (
        "Disentanglement, completeness and informativeness of factors that are turned further and further: importances from "
        "our boosting on bins, and from scikit-learn's with its defaults.\n\n" + table(["angle", *head], rows)
    )


def trained(record: dict[str, Any], table: Table) -> str:
    """Scores of recipes, averaged over seeds."""
    settings, rows = record["settings"], []
    for piece, (recipe, arguments) in settings["pieces"].items():
        runs = [run for run in record["runs"].values() if run["piece"] == piece]
        if runs:
            given = ", ".join(f"{name} {value:g}" for name, value in arguments.items())
            minutes = f"{max(run['cpu_seconds'] for run in runs) / 60:.0f}"
            figures = [over_seeds([run["scores"][name] for run in runs]) for name in SHOWN]
            rows.append([f"`{recipe}`{f' ({given})' if given else ''}", len(runs), *figures, minutes])
    plan = settings["plan"]
    return (
        f"`{settings['source']}` at {settings['size']} pixels, {settings['latent']} latents, {plan['steps']:,} steps of "
        f"{plan['batch_size']} pictures; the last weights, means ± standard deviations over seeds.\n\n"
        + table(["recipe", "seeds", *SHOWN, "CPU min"], rows)
    )


def over_seeds(values: Sequence[float]) -> str:
    """The mean, with the standard deviation where there are several."""
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")
