"""The tables of benchmarks/labels.py, for `tables.py`."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

Table = Callable[[Sequence[str], Sequence[Sequence[Any]]], str]
NAMES = {
    "svm": "SVM, labelled images alone",
    "network": "supervised network, labelled images alone",
    "m2": "`m2`",
    "m1-m2": "`m1-m2`",
}
CHECKS = {
    "drawn": "labels drawn, score-function gradient",
    "summed": "labels summed, no classification term",
    "both": "labels summed, with it: `m2`",
}


def labels(record: dict[str, Any], table: Table) -> str:
    """Errors of every seed beside the published ones, the trials, and the three-way check."""
    return "\n".join([errors(record, table), trials(record, table), checks(record, table)])


def errors(record: dict[str, Any], table: Table) -> str:
    """Test errors by model and seed."""
    rows = []
    for kind, name in NAMES.items():
        found = {key: piece for key, piece in record["pieces"].items() if key.rsplit("-", 1)[0] == kind}
        if not found:
            continue
        figures = [piece["error_percent"] for piece in found.values()]
        spread = f" ± {statistics.stdev(figures):.2f}" if len(figures) > 1 else ""
        minutes = [piece["cpu_seconds"] / 60 for piece in found.values()]
        published = record["published_error_percent"].get(kind, "")
        each = ", ".join(f"{figure:.2f}" for figure in figures)
        rows.append([name, each, f"{statistics.mean(figures):.2f}{spread}", f"{max(minutes):.0f}", published])
    return (
        f"MNIST, {record['settings']['labels']} labels, ten of each digit, chosen by the seed with the first weights. Error on "
        "the 10,000 test images in %; the mean over seeds has their standard deviation. A rival's minutes are those of its "
        "tuning.\n\n"
        + table(["model", "error of each seed", "mean", "CPU min at most", "published (Kingma et al. 2014)"], rows)
    )


def trials(record: dict[str, Any], table: Table) -> str:
    """What settings were tried, and the error on validation images when each trial ended."""
    rows = []
    for name, trial in record["settings"]["trials"].items():
        last, plan = trial["validation"][-1], trial["plan"]
        minutes = f"{trial['cpu_seconds'] / 60:.0f}"
        told = (
            trial["recipe"],
            in_words(trial["arguments"]),
            f"{plan['optimiser']['lr']:g}",
            f"{last['step']:,}",
            minutes,
        )
        rows.append([name, *told, f"{last['error_percent']:.2f}"])
    if not rows:
        return ""
    return "Settings that were tried, on seed 0, some of them stopped before their end:\n\n" + table(
        ["trial", "recipe", "arguments", "lr", "steps", "CPU min", "validation error, %"], rows
    )


def in_words(arguments: dict[str, Any]) -> str:
    """Arguments without those that all trials share."""
    shown = {name: value for name, value in arguments.items() if name not in ("labelled_share", "likelihood")}
    written = {name: "x".join(map(str, v)) if isinstance(v, list) else v for name, v in shown.items()}
    return ", ".join(f"{name} {value}" for name, value in written.items())


def checks(record: dict[str, Any], table: Table) -> str:
    """The three-way check: accuracies beside those of another package's runs."""
    rows = []
    for kind, name in CHECKS.items():
        piece = record["pieces"].get(f"{kind}-0")
        if piece is not None:
            here = f"{100 - piece['error_percent']:.1f}"
            rows.append([name, here, record["elsewhere_accuracy_percent"][kind]])
    return "What makes the labels of unlabelled images right, accuracy in %:\n\n" + table(
        ["M2 with", "here", "Pyro's runs"], rows
    )
