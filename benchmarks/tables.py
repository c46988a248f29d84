"""The tables of docs/benchmarks.md, made from the files under benchmarks/results: `python benchmarks/tables.py`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tables_codes
import tables_deep
import tables_diagnostics
import tables_disentanglement
import tables_family
import tables_geometry
import tables_labels
import tables_priors
import tables_sequences

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"


def main() -> None:
    """Write the page; a benchmark without a record is said to have none."""
    parts = [INTRODUCTION.format(devices=devices())]
    for name, title, command, write in SECTIONS:
        path = HERE / "results" / f"{name}.json"
        body = write(json.loads(path.read_text())) if path.is_file() else "Not recorded yet.\n"
        parts.append(f"## {title}\n\n`{command}`\n\n{body}")
    PAGE.write_text("\n".join(parts))
    print(PAGE)


INTRODUCTION = """# Benchmarks

Made by `python benchmarks/tables.py` from the records under `benchmarks/results/`, which also hold every raw figure, the
settings, versions, threads and load. {devices}
"""


def devices() -> str:
    """Which records were made on a GPU."""
    records = {name: HERE / "results" / f"{name}.json" for name, *_ in SECTIONS}
    on = [name for name, path in records.items() if path.is_file() and "NVIDIA" in path.read_text()]
    return f"Made on a GPU: {', '.join(on)}." if on else "None of these figures was made on a GPU."


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table, first column left and the others right."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def mnist(record: dict[str, Any]) -> str:
    """Negative log-likelihoods, and the paired gain of IWAE."""
    rows = []
    for name, run in record["runs"].items():
        nll = f"{run['nll_nats']:.2f} ± {run['nll_standard_error']:.2f}"
        cpu = f"{sum(run['train_cpu_seconds']) / 60:.0f}"
        rows.append([name, run["plan"]["epochs"], nll, f"{run['negative_elbo_nats']:.2f}", run["active_units"], cpu])
    head = [
        "run (recipe-epochs-seed)",
        "epochs",
        "−log p̂(x), nats (± standard error)",
        "−ELBO",
        "active of 50",
        "CPU min",
    ]
    any_run = next(iter(record["runs"].values()))
    said = [
        "MNIST binarised afresh at every visit, one fixed binarisation of the test set, the IWAE paper's one-layer network "
        "(425,284 parameters), batch 100, Adam 1.5e-3 with cosine decay. The estimate takes "
        f"{any_run['samples']:,} samples of each of {any_run['images']:,} test images; it is an upper bound of the true "
        "figure on average. The bar was 89.0.\n",
        table(head, rows),
    ]
    said += [f"`{name}`: {run['note']}\n" for name, run in record["runs"].items() if "note" in run]
    for pair in record["paired"]:
        gain = f"{pair['gain_nats']:.3f} ± {pair['standard_error']:.3f}"
        said.append(f"Image by image, `{pair['b']}` is better than `{pair['a']}` by {gain} nats (± standard error).\n")
    published = ", ".join(f"{name} {nats}" for name, nats in record["published"].items())
    said.append(f"Published after 3,280 epochs of batches of 20 (Burda et al. 2016, table 1): {published}.\n")
    return "\n".join(said)


def linear_gaussian(record: dict[str, Any]) -> str:
    """The trained linear VAE beside the closed form, every attempt."""
    rows = []
    for kind in ("synthetic", "mnist"):
        for attempt in record[kind]:
            closed, ours, settings = attempt["closed_form"], attempt["trained"], attempt["settings"]
            rows.append(
                [
                    f"{kind}, {settings['latent']} latents",
                    settings["epochs"],
                    f"{closed['log_likelihood']:.4f}",
                    f"{ours['elbo_exact']:.4f}",
                    f"{attempt['gap']:.4f}",
                    attempt["wanted_gap"],
                    f"{closed['noise_variance']:.6f}",
                    f"{ours['noise_variance']:.6f}",
                    f"{ours['largest_principal_angle_degrees']:.2f}°",
                ]
            )
    head = ["data", "epochs", "closed form", "ELBO", "gap", "wanted", "σ², closed form", "σ²", "largest angle"]
    tests = [a for a in record["mnist"] if "log_likelihood_test" in a["closed_form"]]
    told = ""
    if tests:
        last = tests[-1]
        told = (
            f"\nMNIST/255, test images: closed form {last['closed_form']['log_likelihood_test']:+.3f} nats per image, the "
            f"last attempt's ELBO {last['trained']['elbo_exact_test']:+.3f}.\n"
        )
    return (
        "A linear VAE against probabilistic PCA (Tipping & Bishop 1999), nats per example on the training data. Every "
        "attempt is a row; the angle is the largest between the two principal subspaces.\n\n" + table(head, rows) + told
    )


def speed(record: dict[str, Any]) -> str:
    """Training and log-likelihood, as ratios of medians."""
    before = record["before"]
    load = ", ".join(f"{x:.1f}" for x in before["load"])
    said = [
        f"{before['machine']}, {before['threads']} thread, load {load} at the start; sides take turns, and these are "
        "medians of CPU seconds. 784-512-16-512-784, grey MNIST priced by cross-entropy, Adam at 1e-3.\n"
    ]
    for part in record["training"]:
        first = next(iter(part["sides"].values()))
        rows = [
            [name, f"{side['cpu']:.3f}", f"{side['wall']:.3f}", f"{side['cpu'] / first['cpu']:.3f}", len(side["raw"])]
            for name, side in part["sides"].items()
        ]
        said.append(f"Training, batch {part['batch']}, {part['images']:,} images an epoch:\n")
        said.append(table(["side", "CPU s/epoch", "wall s/epoch", "× hand-written", "epochs timed"], rows))
    weighing = record.get("likelihood")
    if weighing:
        rows = [
            [name, f"{1000 * side['cpu'] / weighing['images']:.1f}"]
            + [f"{ratio:.2f}" for ratio in side["ratios"].values()]
            for name, side in weighing["sides"].items()
        ]
        rivals = [f"× {rival}" for rival in next(iter(weighing["sides"].values()))["ratios"]]
        said.append(f"Log-likelihood, {weighing['samples']:,} samples of each of {weighing['images']} images:\n")
        said.append(table(["side", "CPU ms/image", *rivals], rows))
    said += [repeats(record["repeats"])] if "repeats" in record else []
    said.append(
        "The bars: training ≤ 1.03 eager, and compiled ≤ 0.9 (batch 100) and ≤ 1.0 (batch 512), against the eager loop by "
        "hand; log-likelihood ≤ 0.6 of pythae, and ≤ 1.9 (eager) and ≤ 1.3 (compiled) of the bare decoder.\n"
    )
    return "\n".join(said)


def repeats(runs: Sequence[dict[str, Any]]) -> str:
    """The same comparison in other processes: CPU seconds by hand, and ratios to it."""
    rows = []
    for run in runs:
        row = [run["what"]]
        for cpu in run["cpu"].values():
            hand = cpu["hand-written loop"]
            row += [f"{hand:.2f}", f"{cpu['vaekit'] / hand:.2f}", f"{cpu['vaekit, compiled'] / hand:.2f}"]
        rows.append(row)
    sides = ["by hand, s", "× vaekit", "× compiled"]
    head = ["run", *(f"{side} (b {batch})" for batch in runs[0]["cpu"] for side in sides)]
    told = (
        "The loop by hand is faster or slower from process to process by more than the bars allow for (glibc's memory falls "
        "out differently), so every quiet run is here:\n"
    )
    return told + "\n" + table(head, rows)


def streaming(record: dict[str, Any]) -> str:
    """Pictures per second from a folder, and what streaming costs in memory and waiting."""
    medians, memory, training = record["medians"], record["memory"], record["training"]
    turns = len(record["turns_with_warm_up_first"]["streamed"]) - 1
    loads = [turn["load"] for side in record["turns_with_warm_up_first"].values() for turn in side]
    rows = [[side, f"{medians[side]:,.0f}"] for side in ("decoded alone", "streamed")]
    count, side = record["pictures"]["count"], record["pictures"]["side"]
    earlier = [f"{run['medians']['ratio']:.2f} ({run['what']})" for run in record.get("earlier_runs", [])]
    others = f"Earlier runs gave {' and '.join(earlier)}. " if earlier else ""
    return (
        f"{count:,} JPEGs of {side}x{side} pixels, in shuffled batches of {record['batch']}, against a plain loop that "
        f"decodes them with Pillow; medians of {turns} turns each, load {min(loads):.1f} to {max(loads):.1f}.\n\n"
        + table(["", "pictures/s"], rows)
        + f"\nRatio {medians['ratio']:.2f} (bar {record['bar']}). {others}Decoded, the set is "
        f"{memory['decoded_set']:.0f} MiB; the process held {memory['opened']:.0f} MiB after opening the folder and "
        f"{memory['epoch 2']:.0f} MiB after two epochs. A conv-vae that trained on {training['pictures']:,} of them "
        f"waited {100 * training['share_waiting']:.1f}% of its time for data.\n"
    )


def newcomer(record: dict[str, Any]) -> str:
    """Seconds of whole commands, and the page of an MNIST run."""
    rows = [
        [what, f"`{' '.join(flow['command'])}`", f"{flow['seconds']:.0f}", f"{flow['load']:.1f}"]
        for what, flow in record["flows"].items()
    ]
    page = record["mnist"]["report"]
    seconds = sorted(page["opening_seconds"])
    return (
        "Wall seconds of whole commands, the start of Python included, on two cores.\n\n"
        + table(["a newcomer's", "command", "s", "load"], rows)
        + f"\nThe bar is {record['bars']['seconds']} s each. The report of an MNIST run weighs "
        f"{page['megabytes']:.2f} MB (bar {record['bars']['megabytes']}) and opens in headless Chromium in "
        f"{seconds[len(seconds) // 2]:.2f} s, median of {len(seconds)} (bar {record['bars']['opening_seconds']}).\n"
    )


def completion(record: dict[str, Any]) -> str:
    """Hidden quadrants: the conditional VAE beside the network without a latent, and the published figures."""
    rows = []
    for gap in record["gaps"]:
        of, seed = gap["observed"], gap["seed"]
        rival, run = (record["runs"][f"{kind}-{of}-{seed}"] for kind in ("baseline", "cvae"))
        told = record["published"][str(of)]
        rows.append(
            [
                f"{of}, seed {seed}",
                f"{rival['direct']:.2f} ± {rival['direct_standard_error']:.2f}",
                f"{run['negative_elbo']:.2f}",
                f"{run['is']:.2f} ± {run['is_standard_error']:.2f}",
                f"{gap['gap']:.1f}",
                f"{run['is_shuffled']:.0f}",
                f"{rival['train_cpu_seconds'] / 60:.1f} / {run['train_cpu_seconds'] / 60:.1f}",
                f"{told['direct']} / {told['cvae, IS']}",
            ]
        )
    head = [
        "quadrants observed",
        "no latent",
        "−ELBO",
        "IS",
        "gap",
        "IS, shuffled",
        "CPU min",
        "published, NN / CVAE-IS",
    ]
    any_run = next(run for run in record["runs"].values() if run["kind"] == "cvae")
    return (
        f"Nats of the hidden pixels per test digit ({any_run['digits']:,} of them), grey values priced by the cross-entropy "
        "of coins: the published convention, which is no density of grey levels. IS: importance-sampled with "
        f"{any_run['samples']} draws of q; shuffled: with the observed part of another digit. No latent: the same network "
        "without one, exact. The bar: 25 nats below it where one quadrant is observed. Published: Sohn et al. 2015, table "
        "1.\n\n" + table(head, rows)
    )


def captions(record: dict[str, Any]) -> str:
    """Pictures from captions: nats under right and wrong ones, and how often a caption is obeyed."""
    rows = []
    for name, run in record["runs"].items():
        for of, what in (("test", "combinations seen in training"), ("held_out", "combinations never seen")):
            shares = [f"{100 * run[f'{of}: {part} right']:.1f}" for part in ("colour", "shape", "row", "column", "all")]
            nll, wrong = (f"{run[key]:.1f}" for key in (f"nll of {of}", f"nll of {of}, wrong captions"))
            rows.append([f"`{name}`, {what}", nll, wrong, *shares])
    head = [
        "run",
        "−log p̂(x given its caption)",
        "another's caption",
        "colour, %",
        "shape",
        "row",
        "column",
        "all right",
    ]
    return (
        "Coloured shapes of 16x16 with captions of up to four words, read by cross-attention. Nats per picture with 100 "
        "draws; then the share of pictures drawn to full captions that have what was asked for, told by the nearest of all "
        f"pictures that can be drawn (of real ones it reads {100 * record['reader']:.1f} % right).\n\n"
        + table(head, rows)
    )


SECTIONS = [
    ("newcomer", "The first two minutes", "python benchmarks/newcomer.py", newcomer),
    ("streaming", "A folder of JPEGs", "python benchmarks/streaming.py", streaming),
    ("mnist", "MNIST: log-likelihood", "python benchmarks/mnist.py train vae; ... train iwae; ... score", mnist),
    (
        "family",
        "MNIST: posteriors, priors and objectives of one network",
        "python benchmarks/family.py train; ... score",
        lambda record: tables_family.family(record, table),
    ),
    ("linear_gaussian", "The linear-Gaussian case", "python benchmarks/linear_gaussian.py", linear_gaussian),
    (
        "diagnostics",
        "Annealing and the aggregate posterior, against closed forms",
        "python benchmarks/diagnostics.py",
        lambda record: tables_diagnostics.diagnostics(record, table),
    ),
    (
        "geometry",
        "Geodesics of a ring",
        "python benchmarks/geometry.py",
        lambda record: tables_geometry.geometry(record, table),
    ),
    (
        "fitted_prior",
        "Priors fitted afterwards, and noise of gradients",
        "python benchmarks/fitted_prior.py",
        lambda record: tables_priors.fitted(record, table),
    ),
    ("speed", "Speed", "python benchmarks/speed.py", speed),
    (
        "completion",
        "Hidden quadrants of MNIST",
        "python benchmarks/completion.py train KIND QUADRANTS; ... score",
        completion,
    ),
    ("captions", "Pictures from captions", "python benchmarks/captions.py train --seed SEED; ... score", captions),
    (
        "labels",
        "A hundred labels",
        "python benchmarks/labels.py train PIECE --seed SEED; ... score",
        lambda record: tables_labels.labels(record, table),
    ),
    (
        "ladder",
        "A ladder and a stack of five latents",
        "python benchmarks/ladder.py train KIND; ... score",
        lambda record: tables_deep.ladder(record, table),
    ),
    (
        "hierarchy",
        "Deep hierarchies against a flat model",
        "python benchmarks/hierarchy.py train NAME; ... score",
        lambda record: tables_deep.hierarchy(record, table),
    ),
    (
        "sequences",
        "Content and motion",
        "python benchmarks/sequences.py train --seed SEED; ... score; ... memory --seed SEED",
        lambda record: tables_sequences.sequences(record, table),
    ),
    (
        "sizes",
        "The papers' deep hierarchies, counted",
        "python benchmarks/sizes.py",
        lambda record: tables_deep.sizes(record, table),
    ),
    (
        "deep_gpu",
        "Deep hierarchies on a GPU",
        "python benchmarks/deep_gpu.py steps; ... mnist RECIPE",
        lambda record: tables_deep.deep_gpu(record, table),
    ),
    (
        "disentanglement_speed",
        "Disentanglement: how fast its scores are",
        "python benchmarks/disentanglement.py speed",
        lambda record: tables_disentanglement.speed(record, table),
    ),
    (
        "disentanglement_agree",
        "Disentanglement: DCI on bins and as published",
        "python benchmarks/disentanglement.py agree",
        lambda record: tables_disentanglement.agree(record, table),
    ),
    (
        "disentanglement",
        "Disentanglement of recipes",
        "python benchmarks/disentanglement.py train; ... score",
        lambda record: tables_disentanglement.trained(record, table),
    ),
    (
        "quantisers",
        "Looking codes up",
        "python benchmarks/quantisers.py",
        lambda record: tables_codes.quantisers(record, table),
    ),
    (
        "codes",
        "Codes in use, and their bits under a fitted prior",
        "python benchmarks/codes.py usage; ... dead; ... bits; ... score",
        lambda record: tables_codes.codes(record, table),
    ),
    (
        "collapse",
        "Collapse on text, and its remedies",
        "python benchmarks/collapse.py train; ... score",
        lambda record: tables_codes.collapse(record, table),
    ),
    (
        "adversaries",
        "Critics",
        "python benchmarks/adversaries.py train; ... score",
        lambda record: tables_codes.adversaries(record, table),
    ),
]


if __name__ == "__main__":
    main()
