"""MNIST, binarised at every visit: posteriors, priors and objectives of one flat model beside each other.

    python benchmarks/family.py train                     # every piece, three seeds: hours; goes on where it was stopped
    python benchmarks/family.py train --piece vamp-vae --seed 0
    python benchmarks/family.py score

One network for all, the one of Burda et al. 2016 (two layers of 200, tanh), 60 epochs of batches of 100. With 40 latent
dimensions: `vae`, `iwae` (5 draws), `vamp-vae`, `iaf-vae`, `flow-prior-vae`, `energy-prior-vae`, and `wae-mmd` with noise,
so that it has a likelihood. With d = 2, 5, 10 and 20: `sphere-vae`, a point of the sphere of d dimensions in d + 1 numbers,
beside a normal latent of d numbers (Davidson et al. 2018, table 1, where the sphere is better for small d).

Scored are -log p(x) by 1,000 importance samples of test images binarised once, the bound, and active units.
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

RUNS = Path("runs/family-benchmark")
NETWORK: dict[str, Any] = {"hidden": (200, 200), "activation": "tanh"}
WIDE, LOW = 40, (2, 5, 10, 20)
PLAN = {"batch_size": 100, "lr": 1.5e-3, "decay": True, "epochs": 60, "patience": 0}
PIECES: dict[str, tuple[str, dict[str, Any]]] = {
    "vae": ("vae", {"latent": WIDE}),
    "iwae": ("iwae", {"latent": WIDE, "samples": 5}),
    "vamp-vae": ("vamp-vae", {"latent": WIDE, "inputs": 500}),
    "iaf-vae": ("iaf-vae", {"latent": WIDE}),
    "flow-prior-vae": ("flow-prior-vae", {"latent": WIDE}),
    "energy-prior-vae": ("energy-prior-vae", {"latent": WIDE}),
    "wae-mmd": ("wae-mmd", {"latent": WIDE, "deterministic": False}),
    **{f"sphere, d={d}": ("sphere-vae", {"latent": d + 1}) for d in LOW},
    **{f"normal, d={d}": ("vae", {"latent": d}) for d in LOW},
}
MNIST, SAMPLES, IMAGES = "../shared/data/mnist", 1000, 2000


def images() -> vk.data.Data:
    """60,000 training images binarised afresh at every visit; one binarisation of the 10,000 test images."""
    return vk.data.open("mnist", folder=MNIST, binarise="visit", valid=0, seed=0)


def place_of(piece: str, seed: int) -> Path:
    """The folder of a run."""
    return RUNS / f"{piece.replace(', ', '-').replace('=', '')}-{seed}"


def train(piece: str, seed: int) -> None:
    """One run, or the rest of it."""
    place, (recipe, arguments) = place_of(piece, seed), PIECES[piece]
    clock = [Clock(place)]
    if not (place / "run.json").exists():
        vk.train(recipe, images(), folder=place, arguments={**NETWORK, **arguments}, seed=seed, callbacks=clock, **PLAN)
    elif json.loads((place / "run.json").read_text())["status"] != "finished":
        vk.resume(place, callbacks=clock)


def score(place: Path) -> dict[str, Any]:
    """-log p(x), the bound and active units, of a run's last weights."""
    kept = place / f"score-{SAMPLES}-{IMAGES}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    run = vk.load(place, weights="last")
    assert run.data.test is not None
    test = run.data.test.first(IMAGES)
    estimate, parts = log_likelihood(run.model, test, SAMPLES, seed=0), bound(run.model, test, seed=0)
    use = latent_use(run.model, test, seed=0)
    assert parts.elbo is not None
    found = {
        **told(run),
        "nll_nats": -estimate.mean,
        "standard_error": estimate.standard_error,
        "negative_elbo_nats": -parts.elbo.mean,
        "active_units": use["z"].active if "z" in use else None,
        "cpu_seconds": spent(place),
    }
    kept.write_text(json.dumps(found))
    return found


def main() -> None:
    """Train a piece, or all, or score what is trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "score"])
    parser.add_argument("--piece", choices=PIECES)
    parser.add_argument("--seed", type=int)
    given = parser.parse_args()
    torch.set_num_threads(1)
    seeds = [0, 1, 2] if given.seed is None else [given.seed]
    if given.what == "train":
        for seed in seeds:
            for piece in PIECES if given.piece is None else [given.piece]:
                train(piece, seed)
        return
    done = set(finished(RUNS))
    runs: dict[str, Any] = {}
    for piece in PIECES:
        for seed in seeds:
            if place_of(piece, seed) in done:
                runs[f"{piece}, seed {seed}"] = {"piece": piece, "seed": seed, **score(place_of(piece, seed))}
                print(piece, seed, runs[f"{piece}, seed {seed}"]["nll_nats"], flush=True)
    settings = {"plan": PLAN, "network": NETWORK, "samples": SAMPLES, "images": IMAGES, "pieces": PIECES}
    print(record.write("family", {"settings": settings, "runs": runs}))


if __name__ == "__main__":
    main()
