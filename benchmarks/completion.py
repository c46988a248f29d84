"""The hidden quadrants of MNIST digits given the others: a conditional VAE beside a deterministic network.

    python benchmarks/completion.py train baseline 1    # and 2, 3; then cvae; each a process of its own
    python benchmarks/completion.py score

Sohn et al. 2015, sec. 5.1. 1, 2 or 3 quadrants are observed (the lower left, the left half, all but the lower right).
The published convention, and this benchmark's: pixels are grey values in [0, 1], priced by the cross-entropy of coins,
-x log p - (1 - x) log(1 - p), summed over hidden pixels. That is no density, and no number of this table is a
likelihood of grey levels; `vaekit train mnist --recipe cvae --observed-quadrants 1` uses a likelihood that is one. So
the models here are the recipe's own, built for binary pictures, and shown grey ones.

"cvae, IS" is -log of the average importance weight of --samples draws of q; "shuffled" the same with the observed part
of another digit. The baseline, "direct", has no latent: its figure is exact. Both train for --minutes of CPU time at
most; the baseline stops when its validation loss has not improved for 3 epochs. Runs are kept under
runs/completion-benchmark, are resumed where they were stopped, and are scored once.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import record
import torch
from clock import Clock, finished, spent

import vaekit as vk
from vaekit.conditionals import Bernoulli
from vaekit.data import DataSpec, Domain, Split
from vaekit.evaluation import bound, log_likelihood
from vaekit.models import Model
from vaekit.networks import MLP, Elements, quadrants

RUNS = Path("runs/completion-benchmark")
HIDDEN, LATENT = (500, 500), 50
PLAN = {"batch_size": 100, "lr": 1e-3, "decay": True}
EPOCHS = {"cvae": 24, "baseline": 24}
PATIENCE = {"cvae": 0, "baseline": 3}
PUBLISHED = {  # Pyro's tutorial on cvae; Sohn et al. 2015, table 1, as remembered, not read again
    "1": {"direct": 99.75, "cvae, Monte Carlo": 68.39, "cvae, IS": 63.91, "Pyro direct": 100.4, "Pyro cvae": 71.8},
    "2": {"direct": 62.18, "cvae, Monte Carlo": 45.34, "cvae, IS": 44.73, "Pyro direct": 61.9, "Pyro cvae": 51.0},
    "3": {"direct": 25.99, "cvae, Monte Carlo": 20.96, "cvae, IS": 20.95, "Pyro direct": 25.4, "Pyro cvae": 24.2},
}


def data(folder: str) -> vk.data.Data:
    """Grey digits: 55,000 to train, 5,000 to validate, the 10,000 test digits."""
    return vk.data.open("mnist", folder=folder, seed=0)


def model(kind: str, spec: DataSpec, observed: int, seed: int) -> tuple[Model, Any]:
    """The recipe's model for binary pictures, or its rival without a latent; and what it minimises."""
    binary = replace(spec, domain=Domain.BINARY, levels=None)
    torch.manual_seed(seed)
    if kind == "cvae":
        system = vk.recipe("cvae")(binary, observed_quadrants=observed, latent=LATENT, hidden=HIDDEN)
        return system.model, system.objective
    mask = quadrants(spec.shape, observed)
    elements = Elements(mask)
    likelihood = Bernoulli(MLP(*elements.out_shape, *HIDDEN), spec.shape)
    return vk.Direct(likelihood, context=elements, observed=mask), vk.Distortion()


def place_of(kind: str, observed: int, seed: int) -> Path:
    """Where a run is kept."""
    return RUNS / f"{kind}-{observed}-{seed}"


def train(kind: str, observed: int, folder: str, epochs: int | None, minutes: float, seed: int) -> None:
    """One run, or the rest of it."""
    digits, place = data(folder), place_of(kind, observed, seed)
    made, objective = model(kind, digits.spec, observed, seed)
    if not (place / "run.json").exists():
        made.start_at(digits.train.mean())
    vk.fit(
        made,
        objective,
        digits,
        folder=place,
        resuming=(place / "run.json").exists(),
        epochs=epochs or EPOCHS[kind],
        patience=PATIENCE[kind],
        seed=seed,
        callbacks=[Clock(place, 60 * minutes)],
        **PLAN,
    )


def shuffled(split: Split) -> Split:
    """The same digits, each with the observed part of another."""
    return replace(split, context=split.all()["x"].roll(1, 0))


def score(kind: str, observed: int, seed: int, test: Split, samples: int) -> dict[str, Any]:
    """All figures of one run on the test digits, nats of hidden pixels per digit."""
    place = place_of(kind, observed, seed)
    kept = place / f"score-{samples}-{len(test)}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    made, _ = model(kind, data_spec(place), observed, seed)
    run = vk.load(place, model=made)
    found: dict[str, Any] = {
        "kind": kind,
        "observed": observed,
        "seed": seed,
        "parameters": run.record["parameters"],
        "epochs": len(run.metrics),
        "train_cpu_seconds": spent(place),
        "digits": len(test),
    }
    parts = bound(run.model, test, seed=0)
    if kind == "baseline":
        found |= figure("direct", parts.distortion)
    else:
        assert parts.elbo is not None
        assert parts.rate is not None
        found |= figure("negative_elbo", parts.elbo, -1) | {"rate": parts.rate.mean, "samples": samples}
        found |= figure("is", log_likelihood(run.model, test, samples, seed=0).per_example, -1)
        few = shuffled(test.first(min(1000, len(test))))
        found |= figure("is_shuffled", log_likelihood(run.model, few, samples, seed=0).per_example, -1)
    kept.write_text(json.dumps(found))
    return found


def figure(name: str, values: Any, sign: int = 1) -> dict[str, float]:
    """A mean over digits and its standard error."""
    return {name: sign * values.mean, f"{name}_standard_error": values.standard_error}


def data_spec(place: Path) -> DataSpec:
    """What a run's data were."""
    return DataSpec.from_dict(json.loads((place / "run.json").read_text())["spec"])


def side_by_side(runs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each number of quadrants and seed, how far the conditional VAE is below its rival."""
    rows = []
    for run in runs.values():
        rival = runs.get(f"baseline-{run['observed']}-{run['seed']}")
        if run["kind"] == "cvae" and rival is not None:
            gap = {"gap": rival["direct"] - run["is"]}
            rows.append(
                {"observed": run["observed"], "seed": run["seed"], "direct": rival["direct"], "is": run["is"]} | gap
            )
    return rows


def main() -> None:
    """Train one run, or score all that are trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "score"])
    parser.add_argument("kind", nargs="?", choices=list(EPOCHS))
    parser.add_argument("observed", nargs="?", type=int, choices=[1, 2, 3])
    parser.add_argument("--data-dir", default="../shared/data/mnist")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--images", type=int, default=10_000)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "train":
        return train(given.kind, given.observed, given.data_dir, given.epochs, given.minutes, given.seed)
    test = data(given.data_dir).test
    assert test is not None
    found = {}
    for place in finished(RUNS):
        kind, observed, seed = place.name.split("-")
        found[place.name] = score(kind, int(observed), int(seed), test.first(given.images), given.samples)
        print(
            place.name, {name: round(value, 2) for name, value in found[place.name].items() if isinstance(value, float)}
        )
    settings = {"hidden": HIDDEN, "latent": LATENT, "plan": PLAN, "epochs": EPOCHS, "minutes": given.minutes}
    rows = side_by_side(found)
    print(record.write("completion", {"settings": settings, "runs": found, "gaps": rows, "published": PUBLISHED}))
    return None


if __name__ == "__main__":
    main()
