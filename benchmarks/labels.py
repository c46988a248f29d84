"""MNIST with 100 labels: `m2` and `m1-m2` beside a supervised network and an SVM on the same labels, and the three-way check.

    for piece in m2 m1-m2 svm network; do for s in 0 1 2; do python benchmarks/labels.py train $piece --seed $s; done; done
    for piece in drawn summed both; do python benchmarks/labels.py train $piece; done
    python benchmarks/labels.py score

Each piece is one process with one thread, and goes on where it was stopped; runs are kept under runs/labels-benchmark. The
seed chooses which ten labels of each digit are known, the validation images (whose labels are hidden too), and the first
weights. Errors are of all 10,000 test images. The rivals are tuned by cross-validation on
the 100 labels, within a budget of CPU minutes, and every trial is recorded. `m2` and `m1-m2` have the paper's alpha of 0.1
and the recipes' other defaults. `m1-m2-alpha-1` has another alpha, preferred after short trials whose errors on 4,000 test
images were looked at (TRIALS holds them all), so its figure is not that of a model chosen by 100 labels. Kingma et al.
2014, table 1.

The three-way check is M2 with labels drawn instead of summed (and a score-function gradient), summed without the term of
classification, and summed with it: `drawn`, `summed`, `both`.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch

import vaekit as vk
from vaekit.evaluation import classified

RUNS = Path("runs/labels-benchmark")
PER_CLASS = 10
MODELS: dict[str, dict[str, Any]] = {
    "m2": {"recipe": "m2", "arguments": {}, "steps": 12_000},
    "m1-m2": {"recipe": "m1-m2", "arguments": {}, "steps": 40_000},
    "m1-m2-alpha-1": {"recipe": "m1-m2", "arguments": {"alpha": 1.0, "labelled_share": 0.3}, "steps": 40_000},
}
TRIALS = [  # of m1-m2, seed 0, without decay, 180 CPU seconds of one loaded core each: steps, error in % of 4,000 images
    {"arguments": {}, "lr": 1e-3, "steps": 4367, "error_percent": 16.00},
    {"arguments": {"labelled_share": 0.3}, "lr": 1e-3, "steps": 3759, "error_percent": 16.65},
    {"arguments": {"labelled_share": 0.3}, "lr": 3e-3, "steps": 3570, "error_percent": 15.97},
    {"arguments": {"labelled_share": 0.3, "alpha": 1.0}, "lr": 1e-3, "steps": 3820, "error_percent": 14.90},
]
PLAN = {"decay": True, "patience": 0}
CHECKS = ("drawn", "summed", "both")
CHECK_STEPS = 4000
FOLDS = 5
PUBLISHED = {"m2": 11.97, "m1-m2": 3.33, "M1 + TSVM": 11.82}  # error in %, 100 labels; Kingma et al. 2014, table 1
ELSEWHERE = {"drawn": 20.0, "summed": 22.5, "both": 93.2}  # accuracy in %, Pyro's runs of the three-way check


def data(folder: str, seed: int, **options: Any) -> vk.data.Data:
    """MNIST, of which training knows the labels of ten images of each digit."""
    return vk.data.open("mnist", folder=folder, labels_per_class=PER_CLASS, seed=seed, **options)


def error_of(model: vk.Model, split: vk.data.Split) -> dict[str, float]:
    """The error on a split in %, with its binomial standard error."""
    found = classified(model, split)
    assert found is not None
    return {"error_percent": 100 * found.error, "standard_error": 100 * found.standard_error}


class Watch(vk.Callback):
    """Writes down the test error as training goes on, beside the CPU time; no decision is made by it."""

    def __init__(self, place: Path, test: vk.data.Split) -> None:
        self.file, self.test = place / "watched.json", test.first(2000)
        self.rows = json.loads(self.file.read_text()) if self.file.exists() else []
        self.before = self.rows[-1]["cpu_seconds"] if self.rows else 0.0
        self.started = time.process_time()

    def on_epoch(self, trainer: vk.Trainer, row: Any) -> None:
        """One more line of the table."""
        spent = self.before + time.process_time() - self.started
        self.rows.append({"step": row["step"], "cpu_seconds": spent, **error_of(trainer.model, self.test)})
        self.file.write_text(json.dumps(self.rows))


def train_model(name: str, place: Path, given: argparse.Namespace) -> None:
    """A recipe on the 100 labels, or the rest of its run."""
    found, chosen = data(given.data_dir, given.seed, binarise="visit"), MODELS[name]
    assert found.test is not None
    watch = [Watch(place, found.test)]
    if (place / "run.json").exists():
        vk.resume(place, data=found, callbacks=watch)
        return
    steps = given.steps or chosen["steps"]
    options = {"steps": steps, "seed": given.seed, "accelerator": given.accelerator, **PLAN}
    vk.train(chosen["recipe"], found, folder=place, arguments=chosen["arguments"], callbacks=watch, **options)


def train_check(name: str, place: Path, given: argparse.Namespace) -> None:
    """M2 with its label drawn, summed, or summed and classified."""
    found = data(given.data_dir, given.seed, binarise="visit")
    assert found.test is not None
    torch.manual_seed(given.seed)
    system = vk.recipe("m2")(found.spec)
    system.model.start_at(found.train.mean())
    bound = vk.Distortion() + vk.Rate()
    objective = {"drawn": bound + vk.ScoreFunction(), "summed": bound, "both": system.objective}[name]
    vk.fit(
        system.model,
        objective,
        found,
        folder=place,
        at=drawn if name == "drawn" else system.at,
        labelled_share=system.labelled_share,
        callbacks=[Watch(place, found.test)],
        resuming=(place / "run.json").exists(),
        steps=given.steps or CHECK_STEPS,
        seed=given.seed,
        accelerator=given.accelerator,
        **PLAN,
    )


def drawn(batch: Any) -> dict[str, vk.Observe]:
    """Labels observed where they are known, and drawn from q(y|x) where they are not."""
    labels = batch["labels"]
    return {"y": vk.Observe(labels.clamp_min(0), where=labels >= 0, otherwise=vk.Draw())}


def labelled(folder: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The 100 labelled images as grey vectors and their labels, and the test images with theirs."""
    found = data(folder, seed)
    assert found.test is not None
    train, test = found.train.select((found.train.labels >= 0).nonzero().flatten()).all(), found.test.all()
    return (
        train["x"].flatten(1).numpy(),
        train["labels"].numpy(),
        test["x"].flatten(1).numpy(),
        test["labels"].numpy(),
    )


def settings(name: str, seed: int) -> list[dict[str, Any]]:
    """What a rival is tuned over, in an order that the seed shuffles: the budget may end before the list."""
    if name == "svm":
        grid = [{"kernel": "linear", "C": c} for c in (0.01, 0.1, 1.0, 10.0)]
        grid += [
            {"kernel": k, "C": c, "gamma": g} for k in ("rbf", "poly") for c in (0.1, 1.0, 10.0, 100.0) for g in GAMMAS
        ]
    else:
        grid = [
            {"hidden": hidden, "dropout": dropout, "lr": lr, "weight_decay": decay, "steps": steps}
            for hidden in ((500,), (500, 500), (1000, 1000))
            for dropout in (0.0, 0.3, 0.6)
            for lr in (3e-4, 1e-3, 3e-3)
            for decay in (0.0, 1e-2, 1.0)
            for steps in (100, 300)
        ]
    order = np.random.default_rng(seed).permutation(len(grid))
    return [grid[i] for i in order]


GAMMAS = ("scale", 0.003, 0.01, 0.03)


def fitted(name: str, setting: dict[str, Any], x: np.ndarray, y: np.ndarray, seed: int) -> Any:
    """A rival trained on labelled images: a callable from images to labels."""
    if name == "svm":
        from sklearn.svm import SVC

        return SVC(**setting).fit(x, y).predict
    torch.manual_seed(seed)
    body = vk.MLP(x.shape[1], *setting["hidden"], dropout=setting["dropout"])
    network = torch.nn.Sequential(body, torch.nn.Linear(setting["hidden"][-1], 10))
    optimiser = torch.optim.AdamW(network.parameters(), lr=setting["lr"], weight_decay=setting["weight_decay"])
    images, labels = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(setting["steps"]):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(images), labels).backward()
        optimiser.step()
    network.eval()
    return lambda shown: network(torch.from_numpy(shown)).argmax(1).numpy()


def cross_validated(name: str, setting: dict[str, Any], x: np.ndarray, y: np.ndarray, seed: int) -> float:
    """The error in % over five folds of the 100 labels, each with two images of every digit."""
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y)
    wrong = [(fitted(name, setting, x[a], y[a], seed)(x[b]) != y[b]).mean() for a, b in folds]
    return 100 * float(np.mean(wrong))


def train_rival(name: str, place: Path, given: argparse.Namespace) -> None:
    """Tune a rival on the 100 labels until the budget of CPU minutes or the list ends, then train it on all of them."""
    place.mkdir(parents=True, exist_ok=True)
    x, y, test_x, test_y = labelled(given.data_dir, given.seed)
    file, started = place / "trials.json", time.process_time()
    trials = json.loads(file.read_text())["trials"] if file.exists() else []
    before = json.loads(file.read_text())["cpu_seconds"] if file.exists() else 0.0
    spent = before
    for setting in settings(name, given.seed)[len(trials) :]:
        if spent > 60 * given.minutes:
            break
        trials.append({**setting, "cv_error_percent": cross_validated(name, setting, x, y, given.seed)})
        spent = before + time.process_time() - started
        file.write_text(json.dumps({"trials": trials, "cpu_seconds": spent}))
    best = min(trials, key=lambda trial: trial["cv_error_percent"])
    setting = {key: value for key, value in best.items() if key != "cv_error_percent"}
    wrong = float((fitted(name, setting, x, y, given.seed)(test_x) != test_y).mean())
    error = {"error_percent": 100 * wrong, "standard_error": 100 * (wrong * (1 - wrong) / len(test_y)) ** 0.5}
    (place / "result.json").write_text(
        json.dumps({**error, "chosen": best, "trials": len(trials), "cpu_seconds": spent})
    )


def score(place: Path, folder: str) -> dict[str, Any]:
    """The test error of a piece that has ended; of a model, with its last weights and with those of the best bound."""
    if (place / "result.json").exists():
        return json.loads((place / "result.json").read_text())
    name, seed = place.name.rsplit("-", 1)
    found = data(folder, int(seed), binarise="visit")
    grey = data(folder, int(seed))
    assert found.test is not None
    assert grey.test is not None
    result: dict[str, Any] = {}
    for weights in ("last", "best"):
        model = vk.recipe("m2")(found.spec).model if name in CHECKS else None
        run = vk.load(place, model=model, weights=weights)
        result[weights] = error_of(run.model, found.test)
        result[f"{weights}, grey images"] = error_of(run.model, grey.test)
    watched = json.loads((place / "watched.json").read_text())
    told = {key: run.record[key] for key in ("recipe", "arguments", "plan", "objective", "parameters")}
    result |= {
        **result["last"],
        **told,
        "cpu_seconds": watched[-1]["cpu_seconds"],
        "watched": watched[:: max(1, len(watched) // 20)],
    }
    (place / "result.json").write_text(json.dumps(result))
    return result


def main() -> None:
    """Train one piece, or score all that are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "score"])
    parser.add_argument("piece", nargs="?", choices=[*MODELS, "svm", "network", *CHECKS])
    parser.add_argument("--data-dir", default="../shared/data/mnist")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="another length of a model's training")
    parser.add_argument("--minutes", type=float, default=30.0, help="CPU minutes of a rival's tuning")
    parser.add_argument("--accelerator", default="cpu")
    parser.add_argument("--name", default="labels", help="of the file of results")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "train":
        train = train_model if given.piece in MODELS else train_check if given.piece in CHECKS else train_rival
        train(given.piece, RUNS / f"{given.piece}-{given.seed}", given)
        return
    ended = sorted(p for p in RUNS.glob("*-*") if (p / "last.safetensors").exists() or (p / "result.json").exists())
    found = {place.name: score(place, given.data_dir) for place in ended}
    settings_of = {
        "labels": 10 * PER_CLASS,
        "models": MODELS,
        "trials": TRIALS,
        "plan": PLAN,
        "check_steps": CHECK_STEPS,
    }
    comparison = {"published_error_percent": PUBLISHED, "elsewhere_accuracy_percent": ELSEWHERE}
    print(record.write(given.name, {"settings": settings_of, "pieces": found, **comparison}))


if __name__ == "__main__":
    main()
