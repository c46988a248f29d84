"""MNIST, binarised at every visit: `nvae` and `vdvae` beside the flat `conv-vae` at equal parameters and CPU-minutes.

    python benchmarks/hierarchy.py train nvae --minutes 20
    python benchmarks/hierarchy.py train vdvae --minutes 20
    python benchmarks/hierarchy.py train "conv-vae as vdvae, lr 0.001" --minutes 20
    ...
    python benchmarks/hierarchy.py score

A run is one process with one thread, which stops once it has used its CPU-minutes; `list` names all of them. The flat
model has within a few per cent of a hierarchy's parameters, is trained at three learning rates, and the best one by
the held-out bound is compared. Learning rates decay over as many steps as fit the budget, by the time of the first
seconds' steps. Figures: -log p(x) by importance sampling, image by image on the same test images.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch
from clock import Clock, told

import vaekit as vk
from vaekit.evaluation import bound, latent_use, log_likelihood

RUNS = Path("runs/hierarchy-benchmark")
BATCH = 100
RATES = (5e-4, 1e-3, 2e-3)
CLOSE = 0.03  # parameters of a rival may differ by this share
WARMED = 0.3  # of the steps: nvae's rate is weighed in over them
MATCHED: dict[str, dict[str, Any]] = {  # the flat rival of each, with slightly more parameters
    "nvae": {"channels": (16, 32, 64), "latent": 32},
    "vdvae": {"channels": (12, 24, 32), "latent": 24},
}


def runs() -> dict[str, dict[str, Any]]:
    """Every run: its recipe, arguments and what its plan has of its own."""
    found: dict[str, dict[str, Any]] = {name: {"recipe": name, "arguments": {}, "plan": {}} for name in MATCHED}
    for name, sizes in MATCHED.items():
        for lr in RATES:
            plan = {"lr": lr, "decay": True}
            found[f"conv-vae as {name}, lr {lr:g}"] = {"recipe": "conv-vae", "arguments": sizes, "plan": plan}
    return found


def data(folder: str | None) -> vk.data.Data:
    """55,000 training images binarised afresh at every visit, 5,000 held out; one binarisation of the test images."""
    return vk.data.open("mnist", folder=folder, binarise="visit", seed=0)


def train(name: str, place: Path, given: argparse.Namespace) -> None:
    """Time the first steps, plan as many as fit, and train until the budget is spent."""
    chosen, digits = runs()[name], data(given.data_dir)
    arguments, plan = {**chosen["arguments"], **given.arguments}, {**chosen["plan"], **given.plan}
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder) / "timing"
        timing = Clock(aside, min(20.0, 3.0 * given.minutes))
        fit_one(chosen["recipe"], digits, aside, arguments, plan, timing, given.seed, 1_000_000)
    seconds = timing.limit / timing.steps
    steps = int(60 * given.minutes / seconds)
    if "annealing_steps" in vk.recipe(chosen["recipe"]).options:
        arguments["annealing_steps"] = max(1, int(WARMED * steps))
    budget = Clock(place, 60 * given.minutes)
    run = fit_one(chosen["recipe"], digits, place, arguments, plan, budget, given.seed, steps)
    spent = {"minutes": given.minutes, "cpu_seconds": budget.seconds, "steps": budget.steps, "planned_steps": steps}
    (place / "spent.json").write_text(json.dumps({**spent, "name": name, "timed_seconds_per_step": seconds}))
    print(name, run.record["parameters"], spent)


def fit_one(
    recipe: str,
    digits: vk.data.Data,
    folder: Path,
    arguments: dict[str, Any],
    plan: dict[str, Any],
    budget: Clock,
    seed: int,
    steps: int,
) -> vk.Run:
    """One run of a recipe under a budget, without early stopping."""
    fixed = {"batch_size": BATCH, "patience": 0, "steps": steps, "seed": seed}
    return vk.train(recipe, digits, folder=folder, arguments=arguments, callbacks=[budget], **{**fixed, **plan})


def score(place: Path, samples: int, images: int) -> dict[str, Any]:
    """The estimate on the test images, kept per image for paired comparisons, and the bounds."""
    kept = place / f"score-{samples}-{images}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    run, spent = vk.load(place, weights="last"), json.loads((place / "spent.json").read_text())
    assert run.data.test is not None
    assert run.data.valid is not None
    test, started = run.data.test.first(images), time.perf_counter()
    estimate = log_likelihood(run.model, test, samples, seed=0)
    seconds = time.perf_counter() - started
    np.save(place / f"log_p-{samples}-{images}.npy", estimate.per_example.values.numpy())
    bounds = {"held_out": bound(run.model, run.data.valid, seed=0), "test": bound(run.model, test, seed=0)}
    found = {
        **spent,
        **told(run),
        "images": images,
        "samples": samples,
        "nll_nats": -estimate.mean,
        "nll_standard_error": estimate.standard_error,
        **{f"negative_elbo_{split}_nats": -b.elbo.mean for split, b in bounds.items() if b.elbo is not None},
        "rates_nats": {latent: rate.mean for latent, rate in bounds["test"].rates.items()},
        "active": {name: [use.active, use.dimensions] for name, use in latent_use(run.model, test).items()},
        "score_wall_seconds": seconds,
    }
    kept.write_text(json.dumps(found))
    return found


def paired(name: str, scores: dict[str, dict[str, Any]], seed: int) -> dict[str, Any] | None:
    """How much higher log p is under the hierarchy than under the best flat rival, image by image."""
    rivals = [key for key in scores if key.startswith(f"conv-vae as {name},") and scores[key]["seed"] == seed]
    mine = next((key for key in scores if scores[key]["name"] == name and scores[key]["seed"] == seed), None)
    if mine is None or not rivals:
        return None
    best = min(rivals, key=lambda key: scores[key]["negative_elbo_held_out_nats"])
    gain = scores[mine]["log_p"] - scores[best]["log_p"]
    return {
        "hierarchy": name,
        "rival": scores[best]["name"],
        "seed": seed,
        "gain_nats": gain.mean(),
        "standard_error": gain.std(ddof=1) / len(gain) ** 0.5,
    }


def score_all(folder: Path, minutes: float, samples: int, images: int) -> None:
    """Score what was trained for so many minutes, and write it down."""
    scores: dict[str, dict[str, Any]] = {}
    for place in sorted(p.parent for p in folder.glob(f"*-{minutes:g}-*/spent.json")):
        found = score(place, samples, images)
        log_p = np.load(place / f"log_p-{samples}-{images}.npy")
        scores[f"{found['name']}, seed {found['plan']['seed']}"] = {
            **found,
            "seed": found["plan"]["seed"],
            "log_p": log_p,
        }
        print(place.name, f"{found['nll_nats']:.2f}", flush=True)
    seeds = sorted({found["seed"] for found in scores.values()})
    pairs = [pair for name in MATCHED for seed in seeds if (pair := paired(name, scores, seed)) is not None]
    for pair in pairs:
        mine, rival = (scores[f"{pair[which]}, seed {pair['seed']}"]["parameters"] for which in ("hierarchy", "rival"))
        if abs(rival - mine) > CLOSE * mine:
            raise SystemExit(f"{pair['hierarchy']} has {mine:,} parameters and its rival {rival:,}: not a match")
    shown = {key: {k: v for k, v in found.items() if k != "log_p"} for key, found in scores.items()}
    print(record.write("hierarchy", {"runs": shown, "paired": pairs}))


def main() -> None:
    """Train one run, or score all that are trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["list", "train", "score"])
    parser.add_argument("name", nargs="?", choices=runs())
    parser.add_argument("--data-dir", default="../shared/data/mnist")
    parser.add_argument("--folder", type=Path, default=RUNS)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--arguments", type=json.loads, default={}, help="other arguments of the recipe, for a trial")
    parser.add_argument("--plan", type=json.loads, default={}, help="other fields of the plan, for a trial")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "train":
        given.arguments = {key: tuple(v) if isinstance(v, list) else v for key, v in given.arguments.items()}
        place = given.folder / f"{given.name.replace(',', '').replace(' ', '-')}-{given.minutes:g}-{given.seed}"
        train(given.name, place, given)
    elif given.what == "score":
        score_all(given.folder, given.minutes, given.samples, given.images)
    else:
        print("\n".join(runs()))


if __name__ == "__main__":
    main()
