"""The tables of benchmarks/sequences.py, for `tables.py`."""

from collections.abc import Callable
from typing import Any

Table = Callable[..., str]
COLOURS = ("shirt", "trousers", "hair", "skin")
NAMED = (*COLOURS, "content", "motion")


def sequences(record: dict[str, Any], table: Table) -> str:
    """What judges of real clips say of swapped ones, what each latent gives away, and the bound beside a memoryless VAE."""
    judged = {"the judges themselves, on real clips": record["judges"]}
    runs = dict(sorted(record.get("runs", {}).items(), key=lambda row: told_apart(row[1])))
    for name, run in runs.items():
        if run is list(runs.values())[-1]:
            judged[f"`{name}`, reconstructed"] = run["reconstructed"]
        shown = run["swapped"] if run is list(runs.values())[-1] else {"mean": run["swapped"]["mean"]}
        judged |= {f"`{name}`, swapped: {said(how)}": found for how, found in shown.items()}
    for name, found in record.get("fresh", {}).items():
        judged[f"`{name}`, swapped, of 3,000 clips on which nothing was chosen"] = found
    rows = [[what, *(percent(found[n]) for n in NAMED)] for what, found in judged.items()]
    parts = [
        "Sprites of 8 frames; the colours of a swapped clip should be those of one held-out clip (all four right: content), "
        "its motion that of another. Shares of 600 swapped clips that are named so:\n",
        table(["", *COLOURS, "content", "motion"], rows),
    ]
    if record.get("runs"):
        parts += [leaks(record, table), lengths(record, table)]
    return "\n".join(parts + ([memory(record["memory"], table)] if "memory" in record else []))


def told_apart(run: dict[str, Any]) -> float:
    """The share of swapped clips that have the right content, or motion, whichever is less."""
    return min(run["swapped"]["mean"][name] for name in ("content", "motion"))


def said(how: str) -> str:
    """A way to give the latents their values, in words."""
    return {"mean": "posteriors' means", "drawn": "draws from the posteriors"}.get(how, how)


def percent(share: float) -> str:
    """A share of one."""
    return f"{100 * share:.1f} %"


def leaks(record: dict[str, Any], table: Table) -> str:
    """The probe's accuracies beside chance."""
    rows = []
    for name, run in record["runs"].items():
        for latent in ("chance", "content", "motion"):
            of = "chance" if latent == "chance" else f"`{name}`, {latent}"
            rows.append([of, *(percent(run["leak"][latent][n]) for n in (*COLOURS, "motion"))])
    unique = [row for i, row in enumerate(rows) if row not in rows[:i]]
    told = "A linear probe on the posterior means of one latent, on clips that it has not seen:\n\n"
    return told + table(["latent", *COLOURS, "motion"], unique)


def lengths(record: dict[str, Any], table: Table) -> str:
    """Costs and bounds of the runs."""
    rows = [
        [
            f"`{name}`",
            f"{run['parameters']:,}",
            f"{run['train_cpu_seconds'] / 60:.0f}",
            f"{run['negative_elbo_nats']:.1f}",
            f"{run['rates_nats']['content']:.1f}",
            f"{run['rates_nats']['motion']:.1f}",
        ]
        for name, run in record["runs"].items()
    ]
    return table(["run", "parameters", "CPU min", "−ELBO, nats/clip", "rate of content", "rate of motion"], rows)


def memory(runs: dict[str, Any], table: Table) -> str:
    """vrnn beside a conv-vae that sees every frame alone."""
    rows = []
    for run in runs.values():
        for name in ("vrnn", "frames"):
            one = run[name]
            bound = f"{one['negative_elbo_nats_per_clip']:.1f} ± {one['standard_error']:.1f}"
            what = "vrnn" if name == "vrnn" else "conv-vae of single frames"
            rows.append([what, run["seed"], run["steps"], f"{one['parameters']:,}", bound])
    told = f"Held-out clips of {next(iter(runs.values()))['data']}, as many frames in every step:\n\n"
    return told + table(["model", "seed", "steps", "parameters", "−ELBO, nats/clip (± standard error)"], rows)
