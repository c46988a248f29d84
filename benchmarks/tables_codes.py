"""The tables of codes, collapse and critics: benchmarks/quantisers.py, codes.py, collapse.py and adversaries.py."""

from collections.abc import Callable, Sequence
from statistics import mean
from typing import Any

Table = Callable[[Sequence[str], Sequence[Sequence[Any]]], str]


def quantisers(record: dict[str, Any], table: Table) -> str:
    """Seconds and memory of a lookup and of a step, and their ratios to the fastest rival's."""
    rows = []
    for part in record["comparisons"]:
        rivals = [side for name, side in part["sides"].items() if not name.startswith("vaekit")]
        cpu, memory = min(side["cpu"] for side in rivals), min(side["peak_mib"] for side in rivals)
        for name, side in part["sides"].items():
            ratios = f"{side['cpu'] / cpu:.3f}", f"{side['peak_mib'] / memory:.3f}"
            seconds, peak = f"{side['cpu']:.3f}", f"{side['peak_mib']:.0f}"
            rows.append(
                [f"{part['mode']}, {part['size']:,} codes: {name}", seconds, peak, *ratios, side["other_codes"]]
            )
    bars, first = record["bars"], record["comparisons"][0]
    return (
        f"{record['vectors']:,} vectors of {record['dim']} numbers, one thread, sides in turns, medians of "
        f"{len(next(iter(first['sides'].values()))['raw'])}; × is to the better of the rival's two ways. Memory is the most "
        "that was resident beyond what was before. The last column counts codes that differ from ours among the vectors whose "
        f"nearest code is clear in float64 ({', '.join(clear(part) for part in record['comparisons'][::2])}).\n\n"
        + table(["what", "CPU s", "peak MiB", "× CPU", "× memory", "other codes"], rows)
        + f"\nThe bars: a lookup ≤ {bars['lookup']}, a step of training ≤ {bars['train']:.2f}, and memory of a lookup among "
        f"8,192 codes ≤ {bars['memory']}.\n"
    )


def clear(part: dict[str, Any]) -> str:
    """How many vectors the codes are compared on."""
    return f"{part['vectors_whose_nearest_is_clear']:,} at {part['size']:,}"


def codes(record: dict[str, Any], table: Table) -> str:
    """Codes in use, what keeps them alive, and bits under fitted priors."""
    said = []
    for name, run in record["usage"].items():
        used = f"{run['used']} of {run['of']} codes ({100 * run['share']:.1f} %)"
        said.append(
            f"CIFAR-10, `{run['recipe']}` with its defaults, {name}, {record['settings']['usage']['steps']:,} steps: {used} "
            f"are used by the test images, perplexity {run['perplexity']:.0f} (bar: 95 % of 512).\n"
        )
    if record["dead"]:
        rows = [
            [
                name,
                f"{run['used']} of {run['of']}",
                f"{100 * run['share']:.1f} %",
                f"{run['perplexity']:.0f}",
                f"{run['distortion_nats']:.1f}",
            ]
            for name, run in record["dead"].items()
        ]
        said += [
            f"What keeps codes alive: MNIST, {record['settings']['dead']['steps']:,} steps, usage and distortion on test "
            "digits. A bad start: normal draws with a standard deviation of 10, and no k-means.\n",
            table(["codebook", "codes used", "share", "perplexity", "distortion, nats"], rows),
        ]
    return "\n".join([*said, bits(record, table)] if record["bits"] else said)


def bits(record: dict[str, Any], table: Table) -> str:
    """Bits per dimension of 8-bit MNIST, and the codes' length beside the uniform one."""
    runs = record["bits"]
    uniform = next((run["rate_nats"] for name, run in runs.items() if name.startswith("vq-vae")), None)
    rows = []
    for name, run in runs.items():
        bound = f"{run['bits_per_dim_bound']:.4f} ± {run['standard_error']:.4f}"
        estimate = f"{run['bits_per_dim']:.4f}" if "bits_per_dim" in run else ""
        coded = uniform is not None and not name.startswith(("flat", "vq-vae"))
        saved = f"{100 * (1 - run['rate_nats'] / uniform):.1f} %" if coded else ""
        rate = f"{'≤ ' if run['rate_is_a_bound'] else ''}{run['rate_nats']:.1f}"
        minutes = f"{run['cpu_seconds'] / 60:.0f}"
        rows.append([label(name), f"{run['distortion_nats']:.1f}", rate, saved, bound, estimate, minutes])
    images = next(iter(runs.values()))["images"]
    head = [
        "model",
        "distortion, nats",
        "rate, nats",
        "shorter than uniform",
        "bits/dim, −ELBO (± se)",
        "importance-sampled",
    ]
    return (
        f"Bits of 8-bit MNIST under the same discretised logistic likelihood, {images:,} test digits. The codes of one "
        "VQ-VAE under priors fitted afterwards: a code's length is exact, for maskgit a bound. Bar: 20 % shorter.\n\n"
        + table([*head, "CPU min"], rows)
    )


def label(name: str) -> str:
    """What a run is, for its row."""
    kind, _, seed = name.partition(", ")
    said = {"vq-vae": "`vq-vae`, uniform prior", "flat": "flat `conv-vae`"}
    return f"{said.get(kind, f'`vq-vae` with `{kind}` prior')}, {seed}"


def collapse(record: dict[str, Any], table: Table) -> str:
    """What each remedy buys: means over seeds, and the gain over the plain model of the same seed."""
    parts = [
        "`text-vae` with and without each remedy, "
        f"{record['settings']['plan']['steps']:,} updates, means over seeds of the test sentences. −log p̂(x) takes "
        f"{record['settings']['samples']} importance samples. The gain is over the plain model of the same seed (± the "
        "standard error of one seed's, the greatest); a remedy buys likelihood where every seed's gain is beyond two standard "
        "errors.\n"
    ]
    for corpus in ("generated", "ptb"):
        runs = [run for run in record["runs"].values() if run["corpus"] == corpus]
        if not runs:
            continue
        rows = []
        for remedy in record["settings"]["remedies"]:
            mine = [run for run in runs if run["remedy"] == remedy]
            if mine:
                rows.append(remedied(remedy, mine))
        head = [
            "remedy",
            "seeds",
            "KL, nats",
            "mutual information",
            "active units",
            "−log p̂(x), nats",
            "gain, nats",
            "",
            "CPU min",
        ]
        parts += [CORPORA[corpus].format(**record["truth"]), table(head, rows)]
    return "\n".join(parts)


CORPORA = {
    "generated": "Sentences of ten words generated from a known latent of two dimensions; under the truth −log p(x) is "
    "{nll_nats:.2f} ± {nll_standard_error:.2f} nats, and −log p(x|z) {distortion_floor_nats:.2f}.\n",
    "ptb": "Sentences of the Penn treebank (its validation part trains, its test part is scored).\n",
}


def remedied(remedy: str, runs: Sequence[dict[str, Any]]) -> list[Any]:
    """A row of the table of collapse."""
    kl, information, nll = (
        mean(run[key] for run in runs) for key in ("kl_nats", "mutual_information_nats", "nll_nats")
    )
    gains = [run for run in runs if "gain_nats" in run]
    gain = (
        f"{mean(run['gain_nats'] for run in gains):+.2f} ± {max(run['gain_standard_error'] for run in gains):.2f}"
        if gains
        else ""
    )
    told = {run["verdict"]: sum(other["verdict"] == run["verdict"] for other in runs) for run in runs}
    verdict = ", ".join(words if n == len(runs) else f"{words} ({n})" for words, n in told.items())
    units, minutes = ", ".join(str(run["active_units"]) for run in runs), max(run["cpu_seconds"] for run in runs) / 60
    return [remedy, len(runs), f"{kl:.3f}", f"{information:.3f}", units, f"{nll:.2f}", gain, verdict, f"{minutes:.0f}"]


def adversaries(record: dict[str, Any], table: Table) -> str:
    """Eight normals in the plane, and reconstructions of digits."""
    plane, digits = [], []
    for name, run in record["runs"].items():
        minutes = f"{run['cpu_seconds'] / 60:.0f}"
        if "modes" in run:
            rates = [f"{run[k]:.2f}" if k in run else "" for k in ("rate_of_data_nats", "rate_of_draws_nats")]
            distance = f"{run['jensen_shannon_distance']:.3f}"
            near, told = f"{100 * run['within_three_sd']:.1f} %", f"{100 * run['told_apart']:.1f} %"
            plane.append([f"`{name}`", f"{run['modes']} of 8", near, distance, told, *rates, minutes])
        else:
            right = f"{100 * run['accuracy_of_rebuilt']:.1f} %"
            share = f"{run['fine_energy_share']:.3f}"
            digits.append([f"`{name}`", share, right, f"{run['squared_error']:.2f}", minutes])
    parts = []
    if plane:
        real = next(run for run in record["runs"].values() if "modes" in run)
        other = f"{real['jensen_shannon_of_data']:.3f}", f"{100 * real['told_apart_of_data']:.1f} %"
        plane.append(["other data", "8 of 8", "", *other, "", "", ""])
        head = [
            "run-seed",
            "modes hit",
            "within 3 sd",
            "Jensen–Shannon distance",
            "told from data",
            "rate of data, nats",
        ]
        parts += [
            "Eight normals on a ring, as many draws as data. The distance is between histograms on a grid, 0 to 1; a new "
            "network says of held-out points which are drawn (half right: it cannot).\n",
            table([*head, "of draws", "CPU min"], plane),
        ]
    if digits:
        any_run = next(run for run in record["runs"].values() if "fine_energy_share" in run)
        parts += [
            "Reconstructed test digits of MNIST: energy above half the Nyquist frequency as a share of the originals', and "
            f"how often a classifier names them rightly (the originals: {100 * any_run['accuracy_of_data']:.1f} %).\n",
            table(["run-seed", "fine energy", "named rightly", "squared error", "CPU min"], digits),
        ]
    return "\n".join(parts)
