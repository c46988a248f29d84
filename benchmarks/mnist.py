"""MNIST, binarised at every visit, with the IWAE paper's one-layer network: -log p(x) of `vae` beside `iwae`.

    python benchmarks/mnist.py train vae && python benchmarks/mnist.py train iwae && python benchmarks/mnist.py score

Training resumes where it was stopped; runs are kept under runs/mnist-benchmark. Burda et al. 2016, sec. 5 and table 1.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import record
import torch

import vaekit as vk
from vaekit.evaluation import bound, latent_use, log_likelihood

RUNS = Path("runs/mnist-benchmark")
NETWORK = {"latent": 50, "hidden": (200, 200), "activation": "tanh"}
PLAN = {"batch_size": 100, "lr": 1.5e-3, "decay": True}
RECIPES = {"vae": {}, "iwae": {"samples": 5}}
PUBLISHED = {"vae": 86.76, "iwae, samples 5": 85.54, "iwae, samples 50": 84.78}  # Burda et al. 2016, table 1


def data(folder: str) -> vk.data.Data:
    """60,000 training images binarised afresh at every visit; one binarisation of the 10,000 test images."""
    return vk.data.open("mnist", folder=folder, binarise="visit", valid=0, seed=0)


def train(recipe: str, folder: str, epochs: int, seed: int) -> None:
    """Train into runs/, or go on there."""
    place, started = RUNS / f"{recipe}-{epochs}-{seed}", time.process_time()
    if (place / "run.json").exists():
        vk.resume(place)
    else:
        vk.train(
            recipe,
            data(folder),
            folder=place,
            arguments={**NETWORK, **RECIPES[recipe]},
            epochs=epochs,
            seed=seed,
            **PLAN,
        )
    spent = place / "cpu_seconds.json"
    before = json.loads(spent.read_text()) if spent.exists() else []
    spent.write_text(json.dumps([*before, time.process_time() - started]))


def score(place: Path, samples: int, images: int) -> dict:
    """The estimate on the test images, kept per image for paired comparisons."""
    kept = place / f"score-{samples}-{images}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    run = vk.load(place, weights="last")
    test = run.data.test
    assert test is not None
    test, started = test.first(images), time.perf_counter()
    estimate = log_likelihood(run.model, test, samples, seed=0)
    seconds = time.perf_counter() - started
    np.save(place / "log_p.npy", estimate.per_example.values.numpy())
    elbo = bound(run.model, test, seed=0).elbo
    assert elbo is not None
    (use,) = latent_use(run.model, test).values()
    found = {
        "recipe": run.record["recipe"],
        "arguments": run.record["arguments"],
        "plan": run.record["plan"],
        "parameters": run.record["parameters"],
        "train_cpu_seconds": json.loads((place / "cpu_seconds.json").read_text()),
        "images": images,
        "samples": samples,
        "nll_nats": -estimate.mean,
        "nll_standard_error": estimate.standard_error,
        "negative_elbo_nats": -elbo.mean,
        "active_units": use.active,
        "score_wall_seconds": seconds,
    }
    kept.write_text(json.dumps(found))
    return found


def paired(a: Path, b: Path) -> dict:
    """How much higher log p is under `b`, image by image."""
    gain = np.load(b / "log_p.npy") - np.load(a / "log_p.npy")
    return {"a": a.name, "b": b.name, "gain_nats": gain.mean(), "standard_error": gain.std(ddof=1) / len(gain) ** 0.5}


def main() -> None:
    """Train one recipe, or score all that are trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "score"])
    parser.add_argument("recipe", nargs="?", choices=RECIPES)
    parser.add_argument("--data-dir", default="../shared/data/mnist")
    parser.add_argument("--epochs", type=int, default=190)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--images", type=int, default=10_000)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "train":
        return train(given.recipe, given.data_dir, given.epochs, given.seed)
    places = sorted(p.parent for p in RUNS.glob(f"*-{given.epochs}-*/last.safetensors"))
    found = {p.name: score(p, given.samples, given.images) for p in places}
    for place in places:
        if (place / "note.txt").exists():
            found[place.name]["note"] = (place / "note.txt").read_text().strip()
    pairs = [
        paired(a, RUNS / a.name.replace("vae", "iwae"))
        for a in places
        if a.name.startswith("vae") and (RUNS / a.name.replace("vae", "iwae")) in places
    ]
    print(record.write("mnist", {"runs": found, "paired": pairs, "published": PUBLISHED}))
    return None


if __name__ == "__main__":
    main()
