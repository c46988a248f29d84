"""The tables of the hierarchies: the ladder, their sizes, MNIST at equal CPU-minutes, and a GPU's steps."""

from collections.abc import Callable, Sequence
from typing import Any

Table = Callable[[Sequence[str], Sequence[Sequence[Any]]], str]


def sizes(record: dict[str, Any], table: Table) -> str:
    """Numbers trained, part by part, beside the published ones."""
    parts = ("bottom_up", "start", "levels", "decoder")
    rows, told = [], []
    for name, model in record["models"].items():
        split = [f"{model['by_part'][part]:,}" for part in parts]
        rows.append([name, *split, f"{model['total']:,}", f"{model['released_code']:,}", model["published"] or "none"])
        reasons = "; ".join(f"{why} ({count:+,})" for why, count in model["differences"].items())
        told.append(f"- {name}: {reasons}.")
    head = ["model", "way up", "start", "way down", "decoder", "total", "released code", "published"]
    return (
        "The papers' configurations (`vaekit.recipes.nvae.PUBLISHED`, `vaekit.recipes.vdvae.PUBLISHED`), built on the meta "
        "device. NVAE is counted without normalising flows.\n\n"
        + table(head, rows)
        + "\nThe whole difference from the released code:\n\n"
        + "\n".join(told)
        + "\n"
    )


def ladder(record: dict[str, Any], table: Table) -> str:
    """The rate and active units of every level, and the estimates."""
    rows = []
    for name, run in record["runs"].items():
        levels = [f"{level['rate_nats']:.2f} ({level['active_units']})" for level in run["levels"].values()]
        nll = f"{run['nll_nats']:.2f} ± {run['nll_standard_error']:.2f}"
        cpu = f"{run['train_cpu_seconds'] / 60:.0f}"
        rows.append([f"`{name}`", *levels, run["levels_in_use"], f"{run['negative_elbo_nats']:.2f}", nll, cpu])
    any_run = next(iter(record["runs"].values()))
    sizes = ", ".join(f"{name} {level['units']}" for name, level in any_run["levels"].items())
    heads = [f"{name}, nats (active)" for name in any_run["levels"]]
    return (
        "MNIST binarised afresh at every visit, five latents from the top down "
        f"({sizes} units), networks of the same sizes (run: kind-epochs-seed). A level is in use where its rate exceeds "
        f"{record['in_use_nats']} nats and some of its units are active. The estimate takes {any_run['samples']} samples of "
        f"each of {any_run['images']:,} test images.\n\n"
        + table(["run", *heads, "levels in use", "−ELBO", "−log p̂(x), nats (± standard error)", "CPU min"], rows)
    )


def hierarchy(record: dict[str, Any], table: Table) -> str:
    """-log p(x) of every run, and the paired gain over the best flat rival."""
    rows = []
    for name, run in record["runs"].items():
        nll = f"{run['nll_nats']:.2f} ± {run['nll_standard_error']:.2f}"
        elbo = f"{run['negative_elbo_test_nats']:.2f}"
        cpu = f"{run['cpu_seconds'] / 60:.1f}"
        rows.append([name, f"{run['parameters']:,}", f"{run['steps']:,}", cpu, elbo, nll])
    any_run = next(iter(record["runs"].values()))
    said = [
        "MNIST binarised afresh at every visit, batches of 100, one thread, every run stopped by its CPU time. The estimate "
        f"takes {any_run['samples']} samples of each of {any_run['images']:,} test images.\n",
        table(["run", "parameters", "steps", "CPU min", "−ELBO", "−log p̂(x), nats (± standard error)"], rows),
    ]
    for pair in record["paired"]:
        gain = f"{pair['gain_nats']:.2f} ± {pair['standard_error']:.2f}"
        said.append(
            f"Image by image, `{pair['hierarchy']}` is better than the flat model that the held-out bound chose "
            f"(`{pair['rival']}`, seed {pair['seed']}) by {gain} nats (± standard error).\n"
        )
    return "\n".join(said)


def deep_gpu(record: dict[str, Any], table: Table) -> str:
    """Seconds and memory of a step at the published CIFAR-10 size, and what ten minutes of MNIST give."""
    rows = []
    for name, way in record["steps"].items():
        if "failed" in way:
            rows.append([name, "", "", "", way["failed"]])
            continue
        milliseconds, first = f"{1000 * way['median_step_seconds']:.1f}", f"{way['first_step_seconds']:.1f}"
        memory = "" if way["peak_memory_gib"] is None else f"{way['peak_memory_gib']:.1f}"
        rows.append([name, milliseconds, f"{way['pictures_per_second']:.0f}", memory, first])
    said = [f"On {record['machine']['device']}.\n"]
    if rows:
        batch = next(iter(record["steps"].values()))["batch"]
        head = [f"way (batches of {batch})", "ms a step", "pictures/s", "GiB", "first step, s"]
        said += ["The published CIFAR-10 size, 32x32x3 random pictures, median of the last steps.\n", table(head, rows)]
    for name, run in record["mnist"].items():
        said.append(
            f"MNIST, {name}: −log p̂(x) {run['nll_nats']:.2f} ± {run['nll_standard_error']:.2f} nats ({run['samples']} "
            f"samples, {run['images']:,} test images), −ELBO {run['negative_elbo_nats']:.2f}, {run['parameters']:,} "
            f"parameters, {run['steps']:,} steps in {run['training_wall_seconds']:.0f} s.\n"
        )
    return "\n".join(said)
