"""MNIST, binarised at every visit: how many of five levels a ladder keeps in use, beside a plain stack of the same size.

    for kind in ladder stack "stack, plain"; do python benchmarks/ladder.py train "$kind"; done
    python benchmarks/ladder.py score

All have the latents 64-32-16-8-4 and hidden layers of 512-256-128-64-64 of Sønderby et al. 2016. `ladder` and
`stack` are trained alike, with batch norm and a warm-up of the rate; `stack, plain` has neither, as in their baseline.
Each training is one process with one thread, goes on where it was stopped, and is scored by itself with `score KIND`.
A level is in use where its rate exceeds 0.1 nats and some of its units are active. Runs are kept in runs/ladder-benchmark.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import record
import torch
from clock import Clock, finished, spent, told

import vaekit as vk
from vaekit.evaluation import bound, latent_use, log_likelihood

RUNS = Path("runs/ladder-benchmark")
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "ladder": ("ladder-vae", {}),
    "stack": ("stack-vae", {}),
    "stack, plain": ("stack-vae", {"batch_norm": False, "annealing_steps": 0}),
}
PLAN = {"batch_size": 100, "lr": 1e-3, "decay": True, "patience": 0, "accelerator": "cpu"}
IN_USE = 0.1  # nats


def data(folder: str) -> vk.data.Data:
    """60,000 training images binarised afresh at every visit; one binarisation of the 10,000 test images."""
    return vk.data.open("mnist", folder=folder, binarise="visit", valid=0, seed=0)


def place_of(kind: str, epochs: int, seed: int) -> Path:
    """Where a run is kept."""
    return RUNS / f"{kind.replace(', ', '-')}-{epochs}-{seed}"


def train(kind: str, folder: str, epochs: int, seed: int) -> None:
    """Train into runs/, or go on there."""
    place, (recipe, options) = place_of(kind, epochs, seed), KINDS[kind]
    clock = [Clock(place)]
    if (place / "run.json").exists():
        vk.resume(place, callbacks=clock)
    else:
        vk.train(
            recipe, data(folder), folder=place, arguments=options, epochs=epochs, seed=seed, callbacks=clock, **PLAN
        )


def score(place: Path, samples: int, images: int) -> dict[str, Any]:
    """Rate and active units of every level and the bound over the test set, and an estimate over a part of it."""
    kept = place / f"score-{samples}-{images}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    run = vk.load(place, weights="last")
    test = run.data.test
    assert test is not None
    found, use = bound(run.model, test, seed=0), latent_use(run.model, test, draws=10, seed=0)
    assert found.elbo is not None
    estimate = log_likelihood(run.model, test.first(images), samples, seed=0)
    levels = {
        name: {"rate_nats": rate.mean, "active_units": use[name].active, "units": use[name].dimensions}
        for name, rate in found.rates.items()
    }
    scored = {
        **told(run),
        "train_cpu_seconds": spent(place),
        "levels": levels,
        "levels_in_use": sum(level["rate_nats"] > IN_USE and level["active_units"] > 0 for level in levels.values()),
        "negative_elbo_nats": -found.elbo.mean,
        "distortion_nats": found.distortion.mean,
        "nll_nats": -estimate.mean,
        "nll_standard_error": estimate.standard_error,
        "samples": samples,
        "images": images,
    }
    kept.write_text(json.dumps(scored))
    return scored


def main() -> None:
    """Train one kind, or score those that are trained and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "score"])
    parser.add_argument("kind", nargs="?", choices=KINDS)
    parser.add_argument("--data-dir", default="../shared/data/mnist")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--images", type=int, default=1000)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "train":
        return train(given.kind, given.data_dir, given.epochs, given.seed)
    of = "*" if given.kind is None else given.kind.replace(", ", "-")
    places = finished(RUNS, f"{of}-{given.epochs}-*")
    scored = {place.name: score(place, given.samples, given.images) for place in places}
    for name, run in scored.items():
        rates = "  ".join(
            f"{z} {level['rate_nats']:.2f} ({level['active_units']})" for z, level in run["levels"].items()
        )
        print(f"{name}: NLL {run['nll_nats']:.2f}, -ELBO {run['negative_elbo_nats']:.2f}; {rates}")
    if given.kind is None:
        print(record.write("ladder", {"runs": scored, "in_use_nats": IN_USE}))
    return None


if __name__ == "__main__":
    main()
