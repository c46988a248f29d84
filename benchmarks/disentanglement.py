"""Scores of disentanglement: how fast they are, how near DCI on bins is to the published one, and how recipes score.

    python benchmarks/disentanglement.py speed [--quick]   # MIG, FactorVAE score and DCI beside the protocol as loops
    python benchmarks/disentanglement.py agree [--quick]   # DCI by both learners, from the factors to turned ones
    python benchmarks/disentanglement.py train             # every piece, three seeds; goes on where it was stopped
    python benchmarks/disentanglement.py train --piece beta-vae --seed 0
    python benchmarks/disentanglement.py score

Speed: 10,000 points, factors of 3, 6, 40, 32 and 32 values, at unit scale under a rotation of ten dimensions with a little
noise. The protocol as loops is that of Locatello et al. 2019, app. B: MIG asks scikit-learn's mutual_info_score about one
pair of a dimension and a factor after the other, the FactorVAE score draws batch after batch, DCI fits scikit-learn's
GradientBoostingClassifier to each factor. Sides are processes with one thread that take turns; medians of CPU seconds.

Training: 23,040 pictures of `shapes` at 32 pixels, ten latents; all recipes for as many steps of 64 pictures, of which the
last weights are scored on 15,000.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import record
import torch
from clock import Clock, finished, spent, told
from sklearn.metrics import mutual_info_score
from torch import Tensor
from turns import Clock as Turn
from turns import Side, take_turns

import vaekit as vk
from vaekit.evaluation import dci, factor_vae_score, gradient_boosting, mig

RUNS = Path("runs/disentanglement-benchmark")
SOURCE, SIZE, LATENT = "shapes:3x3x10x16x16", 32, 10
PLAN: dict[str, Any] = {"steps": 30_000, "batch_size": 64, "lr": 5e-4, "patience": 0}
PIECES: dict[str, tuple[str, dict[str, Any]]] = {
    "vae": ("vae", {}),
    "beta-vae": ("beta-vae", {"beta": 4.0}),
    "beta-tcvae": ("beta-tcvae", {"beta": 6.0}),
    "factor-vae": ("factor-vae", {"gamma": 35.0}),
}
SIZES, DIMENSIONS, POINTS = (3, 6, 40, 32, 32), 10, 10_000
TURNS = {"mig": 7, "factor-vae": 5, "dci": 1}
ANGLES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
BINS, LEARN, TEST, BATCH, IDLE = 20, 10_000, 5_000, 64, 0.05


def points(n: int, sizes: tuple[int, ...] = SIZES, angle: float = 1.0, noise: float = 0.1) -> tuple[Tensor, Tensor]:
    """Factors at unit scale, turned by exp(angle A) with an antisymmetric A among the dimensions; and the factors."""
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(size, size=n) for size in sizes], 1)
    idle = rng.normal(size=(n, DIMENSIONS - len(sizes)))
    z = np.concatenate([(factors - factors.mean(0)) / factors.std(0), idle], 1)
    turn = rng.normal(size=(DIMENSIONS, DIMENSIONS))
    turned = torch.from_numpy(z) @ torch.linalg.matrix_exp(angle * torch.from_numpy(turn - turn.T))
    return turned + noise * torch.from_numpy(rng.normal(size=z.shape)), torch.from_numpy(factors)


def mig_by_loops(z: np.ndarray, factors: np.ndarray) -> float:
    """Every dimension in its bins, and the information of every pair by itself."""
    information = np.zeros((z.shape[1], factors.shape[1]))
    for j in range(z.shape[1]):
        cells = np.digitize(z[:, j], np.histogram(z[:, j], BINS)[1][:-1])
        for k in range(factors.shape[1]):
            information[j, k] = mutual_info_score(factors[:, k], cells)
    gaps = []
    for k in range(factors.shape[1]):
        second, best = np.sort(information[:, k])[-2:]
        gaps.append((best - second) / mutual_info_score(factors[:, k], factors[:, k]))
    return float(np.mean(gaps))


def factor_vae_by_loops(z: np.ndarray, factors: np.ndarray) -> float:
    """One batch after the other: a factor, a value, points that have it, and the dimension that keeps stillest."""
    rng, spread = np.random.default_rng(0), z.var(0, ddof=1)
    active = np.flatnonzero(np.sqrt(spread) >= IDLE)
    having = [[np.flatnonzero(column == value) for value in np.unique(column)] for column in factors.T]
    votes = np.zeros((2, z.shape[1], factors.shape[1]))
    for part, n in enumerate((LEARN, TEST)):
        for _ in range(n):
            k = rng.integers(factors.shape[1])
            rows = rng.choice(having[k][rng.integers(len(having[k]))], BATCH)
            stillest = np.argmin(z[rows].var(0, ddof=1)[active] / spread[active])
            votes[part, active[stillest], k] += 1
    return float(votes[1][np.arange(z.shape[1]), votes[0].argmax(1)].sum() / TEST)


def dci_by_loops(z: np.ndarray, factors: np.ndarray) -> float:
    """A gradient boosting of scikit-learn for each factor, and the entropies of its importances."""
    found = dci(torch.from_numpy(z), torch.from_numpy(factors), learner=gradient_boosting)
    return found.disentanglement


OURS, LOOPS = "vaekit", "the protocol as loops"
SIDES: dict[str, dict[str, Callable[[Tensor, Tensor], float]]] = {
    "mig": {OURS: lambda z, f: mig(z, f).score, LOOPS: lambda z, f: mig_by_loops(z.numpy(), f.numpy())},
    "factor-vae": {
        OURS: lambda z, f: factor_vae_score(z, f).score,
        LOOPS: lambda z, f: factor_vae_by_loops(z.numpy(), f.numpy()),
    },
    "dci": {OURS: lambda z, f: dci(z, f).disentanglement, LOOPS: lambda z, f: dci_by_loops(z.numpy(), f.numpy())},
}


def side(score: str, name: str, n: int) -> None:
    """Inside a process: the score once at each turn, after one of few points that wakes everything up."""
    work, whole = SIDES[score][name], points(n)
    work(*points(1000, (3, 4), 1.0))
    Turn().forever(lambda: {"value": work(*whole)})


def compared(score: str, n: int, repetitions: int, folder: Path) -> dict[str, Any]:
    """Turns of both sides, without the warm-up turn where one takes minutes."""
    asked = ["--score", score, "--points", str(n)]
    sides = [
        Side(name, [sys.executable, __file__, "side", *asked, "--side", name], 1, folder / f"{score}-{i}.log")
        for i, name in enumerate(SIDES[score])
    ]
    raw = take_turns(sides, repetitions) if repetitions > 1 else once(sides)
    figures = {
        name: {
            "cpu": median(turn["cpu"] for turn in turns),
            "wall": median(turn["wall"] for turn in turns),
            "value": turns[-1]["value"],
            "raw": turns,
        }
        for name, turns in raw.items()
    }
    return {"score": score, "points": n, "sides": figures}


def once(sides: list[Side]) -> dict[str, list[dict[str, Any]]]:
    """One turn of each side."""
    try:
        return {one.name: [one.turn()] for one in sides}
    finally:
        for one in sides:
            one.end()


def speed(quick: bool) -> None:
    """All three comparisons, recorded."""
    n = 1000 if quick else POINTS
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for score, repetitions in TURNS.items():
            found.append(compared(score, n, min(repetitions, 2) if quick else repetitions, Path(folder)))
            ours, loops = (found[-1]["sides"][name] for name in (OURS, LOOPS))
            ratio, values = loops["cpu"] / ours["cpu"], f"{ours['value']:.4f} and {loops['value']:.4f}"
            print(f"{score}: {ours['cpu']:.3f} s, loops {loops['cpu']:.3f} s ({ratio:.0f} x), {values}", flush=True)
    if not quick:
        print(record.write("disentanglement_speed", {"dimensions": DIMENSIONS, "values": SIZES, "comparisons": found}))


def agree(quick: bool) -> None:
    """DCI of both learners at one angle after the other, recorded."""
    rows = []
    for angle in ANGLES[:2] if quick else ANGLES:
        z, factors = points(600 if quick else 3000, (3, 6, 8, 8, 8), angle)
        row: dict[str, Any] = {"angle": angle}
        for name, found in {"binned": dci(z, factors), "published": dci(z, factors, learner=gradient_boosting)}.items():
            row[name] = {p: getattr(found, p) for p in ("disentanglement", "completeness", "informativeness")}
        rows.append(row)
        print(row, flush=True)
    if not quick:
        print(record.write("disentanglement_agree", {"rows": rows}))


def data(seed: int) -> vk.data.Data:
    """The part of the grid that is trained on."""
    return vk.data.open(SOURCE, size=SIZE, seed=seed, valid=0.05, test=0.05)


def train(piece: str, seed: int, quick: bool) -> None:
    """One run, or the rest of it."""
    place, (recipe, arguments) = RUNS / f"{piece}-{seed}", PIECES[piece]
    if recipe not in vk.recipes():
        print(f"{piece} is left out: there is no recipe {recipe!r} yet")
        return
    if (place / "run.json").exists():
        if json.loads((place / "run.json").read_text())["status"] != "finished":
            vk.resume(place, data=data(0), callbacks=[Clock(place)])
        return
    plan = {**PLAN, "steps": 50} if quick else PLAN
    given = {"latent": LATENT, **arguments}
    vk.train(recipe, data(0), folder=place, arguments=given, seed=seed, callbacks=[Clock(place)], **plan)


def scored(place: Path) -> dict[str, Any]:
    """Everything that the scores say of a run's last weights."""
    run = vk.load(place, weights="last")
    return {**run.disentanglement().to_dict(), **told(run), "cpu_seconds": spent(place)}


def score() -> None:
    """Every finished run, recorded; what was scored is not scored again."""
    found: dict[str, Any] = {}
    for place in finished(RUNS):
        kept = place / "score.json"
        if not kept.exists():
            kept.write_text(json.dumps(scored(place)))
        piece, _, seed = place.name.rpartition("-")
        found[place.name] = {"piece": piece, "seed": int(seed), **json.loads(kept.read_text())}
        print(place.name, {name: round(value, 3) for name, value in found[place.name]["scores"].items()}, flush=True)
    settings: Mapping[str, Any] = {"source": SOURCE, "size": SIZE, "latent": LATENT, "plan": PLAN, "pieces": PIECES}
    print(record.write("disentanglement", {"settings": settings, "runs": found}))


def main() -> None:
    """Compare, train what is missing, or score what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "agree", "train", "score", "side"])
    parser.add_argument(
        "--quick", action="store_true", help="few points or steps, nothing recorded: a check that it runs"
    )
    parser.add_argument("--piece", choices=PIECES)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--score", choices=SIDES, help="of a side")
    parser.add_argument("--side", help="of a side: which")
    parser.add_argument("--points", type=int, help="of a side: how many")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "side":
        side(given.score, given.side, given.points)
    elif given.what == "train":
        for seed in range(3) if given.seed is None else [given.seed]:
            for piece in PIECES if given.piece is None else [given.piece]:
                train(piece, seed, given.quick)
    elif given.what == "score":
        score()
    else:
        {"speed": speed, "agree": agree}[given.what](given.quick)


if __name__ == "__main__":
    main()
