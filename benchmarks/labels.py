"""MNIST with 100 labels: `m2` and `m1-m2` beside a supervised network and an SVM on the same labels, and the three-way check.

    for piece in m2 m1-m2 svm network; do for s in 0 1 2; do python benchmarks/labels.py train $piece --seed $s; done; done
    for piece in drawn summed both; do python benchmarks/labels.py train $piece; done
    python benchmarks/labels.py score

Each piece is one process with one thread, and goes on where it was stopped; runs are kept under runs/labels-benchmark. The
seed chooses which ten labels of each digit are known, the 5,000 validation images, and the first weights. Training never
sees the labels of validation images. Settings of every model are chosen by them, as in the field, and by nothing else: a
rival's within --minutes of CPU time for each seed, those of `m2` and `m1-m2` on seed 0 (`train m2 --trial NAME --arguments JSON
--plan JSON`); what was found for `m2` is the recipe's default now. Every trial is recorded. Errors are of all 10,000 test
images, which are looked at once, at the end. Kingma et al. 2014, table 1.

The three-way check is M2 with labels drawn instead of summed (and a score-function gradient), summed without the term of
classification, and summed with it: `drawn`, `summed`, `both`.
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch
from clock import Clock, finished, spent, told

import vaekit as vk
from vaekit.evaluation import classified

RUNS, TRIALS = Path("runs/labels-benchmark"), Path("runs/labels-trials")
PER_CLASS = 10
MODELS: dict[str, dict[str, Any]] = {
    "m2": {"recipe": "m2", "arguments": {}, "plan": {"lr": 5e-3}, "steps": 16_000},
    "m1-m2": {"recipe": "m1-m2", "arguments": {}, "plan": {}, "steps": 20_000},
}
PLAN = {"decay": True, "patience": 0}
CHECK_PLAN = PLAN | {"lr": 5e-3}
CHECKS = ("drawn", "summed", "both")
CHECK_STEPS = 16_000
PUBLISHED = {"m2": 11.97, "m1-m2": 3.33, "M1 + TSVM": 11.82}  # error in %, 100 labels; Kingma et al. 2014, table 1
ELSEWHERE = {"drawn": 20.0, "summed": 22.5, "both": 93.2}  # accuracy in %, Pyro's runs of the three-way check


def data(folder: str, seed: int, **options: Any) -> vk.data.Data:
    """MNIST, of which training knows the labels of ten images of each digit."""
    return vk.data.open("mnist", folder=folder, labels_per_class=PER_CLASS, seed=seed, **options)


def validation(folder: str, seed: int, binarise: str | None = "visit") -> vk.data.Split:
    """The images that training holds out, with their labels."""
    found = vk.data.open("mnist", folder=folder, seed=seed, binarise=binarise).valid
    assert found is not None
    return found


def error_of(model: vk.Model, split: vk.data.Split) -> dict[str, float]:
    """The error on a split in %, with its binomial standard error."""
    found = classified(model, split)
    assert found is not None
    return {"error_percent": 100 * found.error, "standard_error": 100 * found.standard_error}


class Watch(vk.Callback):
    """Writes down the error on the validation images as training goes on, beside the CPU time."""

    def __init__(self, place: Path, clock: Clock, shown: vk.data.Split) -> None:
        self.file, self.clock, self.shown = place / "watched.json", clock, shown
        self.rows = json.loads(self.file.read_text()) if self.file.exists() else []

    def on_epoch(self, trainer: vk.Trainer, row: Any) -> None:
        """One more line of the table."""
        error = error_of(trainer.model, self.shown)
        self.rows.append({"step": row["step"], "cpu_seconds": self.clock.seconds, **error})
        self.file.write_text(json.dumps(self.rows))


def watching(place: Path, given: argparse.Namespace) -> list[vk.Callback]:
    """The clock, which may end a trial, and the errors."""
    clock = Clock(place, 60 * given.minutes if given.trial else math.inf)
    return [clock, Watch(place, clock, validation(given.data_dir, given.seed))]


def train_model(name: str, place: Path, given: argparse.Namespace) -> None:
    """A recipe on the 100 labels, or the rest of its run."""
    found, chosen = data(given.data_dir, given.seed, binarise="visit"), MODELS[name]
    callbacks = watching(place, given)
    if (place / "run.json").exists():
        vk.resume(place, data=found, callbacks=callbacks)
        return
    options = {"steps": given.steps or chosen["steps"], "seed": given.seed, "accelerator": given.accelerator}
    plan, arguments = {**options, **PLAN, **chosen["plan"], **given.plan}, {**chosen["arguments"], **given.arguments}
    vk.train(chosen["recipe"], found, folder=place, arguments=arguments, callbacks=callbacks, **plan)


def train_check(name: str, place: Path, given: argparse.Namespace) -> None:
    """M2 with its label drawn, summed, or summed and classified."""
    found = data(given.data_dir, given.seed, binarise="visit")
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
        callbacks=watching(place, given),
        resuming=(place / "run.json").exists(),
        steps=given.steps or CHECK_STEPS,
        seed=given.seed,
        accelerator=given.accelerator,
        **CHECK_PLAN,
    )


def drawn(batch: Any) -> dict[str, vk.Observe]:
    """Labels observed where they are known, and drawn from q(y|x) where they are not."""
    labels = batch["labels"]
    return {"y": vk.Observe(labels.clamp_min(0), where=labels >= 0, otherwise=vk.Draw())}


def labelled(folder: str, seed: int) -> list[np.ndarray]:
    """Grey vectors and labels: of the 100 labelled images, of the validation images, and of the test images."""
    found = data(folder, seed)
    assert found.test is not None
    known = found.train.select((found.train.labels >= 0).nonzero().flatten())
    parts = [known, validation(folder, seed, binarise=None), found.test]
    return [t for part in parts for t in (part.all()["x"].flatten(1).numpy(), part.all()["labels"].numpy())]


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


def train_rival(name: str, place: Path, given: argparse.Namespace) -> None:
    """Fit a rival at one setting after the other until the budget of CPU minutes or the list ends; the best is tested."""
    place.mkdir(parents=True, exist_ok=True)
    x, y, valid_x, valid_y, test_x, test_y = labelled(given.data_dir, given.seed)
    file, started, trials, best = place / "trials.json", time.process_time(), [], None
    for setting in settings(name, given.seed):
        spent = time.process_time() - started
        if spent > 60 * given.minutes:
            break
        made = fitted(name, setting, x, y, given.seed)
        trials.append({**setting, "validation_error_percent": 100 * float((made(valid_x) != valid_y).mean())})
        if best is None or trials[-1]["validation_error_percent"] < best[0]["validation_error_percent"]:
            best = trials[-1], made
    assert best is not None
    spent = time.process_time() - started
    file.write_text(json.dumps({"trials": trials, "cpu_seconds": spent}))
    wrong = float((best[1](test_x) != test_y).mean())
    error = {"error_percent": 100 * wrong, "standard_error": 100 * (wrong * (1 - wrong) / len(test_y)) ** 0.5}
    (place / "result.json").write_text(json.dumps({**error, "chosen": best[0], "trials": trials, "cpu_seconds": spent}))


def score(place: Path, folder: str) -> dict[str, Any]:
    """The test error of a piece that has ended, with its last weights."""
    if (place / "result.json").exists():
        return json.loads((place / "result.json").read_text())
    name, seed = place.name.rsplit("-", 1)
    found = data(folder, int(seed), binarise="visit")
    assert found.test is not None
    model = vk.recipe("m2")(found.spec).model if name in CHECKS else None
    run = vk.load(place, model=model, weights="last")
    result = {**error_of(run.model, found.test), **told(run), "objective": run.record["objective"], **course(place)}
    (place / "result.json").write_text(json.dumps(result))
    return result


def course(place: Path) -> dict[str, Any]:
    """How the error on the validation images fell, in about twenty rows, and what training took."""
    rows = json.loads((place / "watched.json").read_text())
    return {"cpu_seconds": spent(place), "validation": [*rows[:: max(1, len(rows) // 20)], rows[-1]]}


def tried(place: Path) -> dict[str, Any]:
    """What a trial had of its own, and how far it came."""
    run = json.loads((place / "run.json").read_text())
    return {key: run[key] for key in ("recipe", "arguments", "plan")} | course(place)


def main() -> None:
    """Train one piece, or score all that are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "score"])
    parser.add_argument("piece", nargs="?", choices=[*MODELS, "svm", "network", *CHECKS])
    parser.add_argument("--data-dir", default="../shared/data/mnist")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="another length of a model's training")
    parser.add_argument("--minutes", type=float, default=30.0, help="CPU minutes of a rival's tuning, or of a trial")
    parser.add_argument("--trial", default="", help="a name: a model's run that is only watched, for choosing settings")
    parser.add_argument("--arguments", type=json.loads, default={}, help="of a trial's recipe")
    parser.add_argument("--plan", type=json.loads, default={}, help="of a trial's training")
    parser.add_argument("--accelerator", default="cpu")
    parser.add_argument("--name", default="labels", help="of the file of results")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "train":
        train = train_model if given.piece in MODELS else train_check if given.piece in CHECKS else train_rival
        folder = TRIALS / given.trial if given.trial else RUNS
        train(given.piece, folder / f"{given.piece}-{given.seed}", given)
        return
    ended = [*finished(RUNS), *(p.parent for p in RUNS.glob("*/result.json") if not (p.parent / "run.json").exists())]
    found = {place.name: score(place, given.data_dir) for place in sorted(ended)}
    settings_of = {"labels": 10 * PER_CLASS, "models": MODELS, "plan": PLAN, "check_steps": CHECK_STEPS}
    settings_of["trials"] = {place.parent.name: tried(place) for place in finished(TRIALS, "*/*")}
    comparison = {"published_error_percent": PUBLISHED, "elsewhere_accuracy_percent": ELSEWHERE}
    print(record.write(given.name, {"settings": settings_of, "pieces": found, **comparison}))


if __name__ == "__main__":
    main()
