"""Games: eight normals in the plane, and digits rebuilt in the features of a critic.

    python benchmarks/adversaries.py train         # every piece, three seeds; goes on where it was stopped
    python benchmarks/adversaries.py train --piece vae-gan --seed 0
    python benchmarks/adversaries.py score

Plane: 20,000 points of eight normals on a ring of radius 2 with a standard deviation of 0.1. `bigan`, `intro-vae` (with the
published weights for this set) and `vae` draw as many; scored are the modes that get at least a fiftieth of an even share
within three standard deviations, the Jensen-Shannon distance to new data on a grid of 100 x 100, and how often a new
network tells held-out draws from held-out data (1/2: not at all). Of the introspective VAE also the rate of what it draws
beside that of data, nats.

MNIST in 256 levels: `vae-gan` beside `conv-vae` with the same encoder and decoder, reconstructions of test digits: energy
above half the Nyquist frequency as a share of the originals', and the accuracy of a classifier of originals on them.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch
from clock import Clock, finished, spent, told
from torch import Tensor, nn

import vaekit as vk
from vaekit.evaluation import bound

RUNS = Path("runs/adversaries-benchmark")
POINTS, RADIUS, SPREAD, HELD = 20_000, 2.0, 0.1, 10_000
GRID, SIDE = 100, 3.0
PLANE: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "bigan": ("bigan", {"latent": 2, "hidden": (128, 128)}, {"steps": 6000, "batch_size": 256}),
    "intro-vae": (
        "intro-vae",
        {"latent": 2, "hidden": (256, 256), "beta_kl": 0.3, "beta_rec": 0.2, "beta_neg": 0.9, "warm_up": 2000},
        {"steps": 15_000, "batch_size": 512},
    ),
    "vae": ("vae", {"latent": 2, "hidden": (128, 128)}, {"steps": 6000, "batch_size": 256, "patience": 0}),
}
NETWORKS = {"latent": 32, "channels": (16, 32)}
DIGITS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "vae-gan": ("vae-gan", NETWORKS, {"steps": 2500, "batch_size": 100}),
    "conv-vae": ("conv-vae", NETWORKS, {"steps": 2500, "batch_size": 100, "patience": 0}),
}
MNIST, IMAGES = "../shared/data/mnist", 2000


def ring(n: int, seed: int) -> np.ndarray:
    """Points of the eight normals, (n, 2)."""
    rng = np.random.default_rng(seed)
    angle = rng.integers(8, size=n) * np.pi / 4
    centres = RADIUS * np.stack([np.cos(angle), np.sin(angle)], 1)
    return (centres + SPREAD * rng.normal(size=(n, 2))).astype(np.float32)


def digits() -> vk.data.Data:
    """MNIST in its own levels."""
    return vk.data.open("mnist", folder=MNIST, seed=0)


def train(piece: str, seed: int) -> None:
    """One run, or the rest of it."""
    place = RUNS / f"{piece}-{seed}"
    recipe, arguments, plan = (PLANE | DIGITS)[piece]
    if (place / "run.json").exists():
        if json.loads((place / "run.json").read_text())["status"] != "finished":
            data = vk.data.open(ring(POINTS, 0), standardise=False) if piece in PLANE else digits()
            vk.resume(place, data=data, callbacks=[Clock(place)])
        return
    data = vk.data.open(ring(POINTS, 0), standardise=False) if piece in PLANE else digits()
    vk.train(recipe, data, folder=place, arguments=arguments, seed=seed, callbacks=[Clock(place)], **plan)


def score_plane(place: Path, piece: str) -> dict[str, Any]:
    """Modes, distance, a held-out critic, and rates of data and of draws."""
    run = vk.load(place, weights="last" if piece != "vae" else "best")
    drawn, fresh = run.sample(HELD, seed=1, mean=piece != "vae").numpy(), ring(HELD, 1)
    centres = RADIUS * np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], 1)
    apart = np.linalg.norm(drawn[:, None] - centres, axis=-1)
    near, close = apart.argmin(1), apart.min(1) < 3 * SPREAD
    hits = np.bincount(near[close], minlength=8)
    found = {
        "modes": int((hits >= HELD / 8 / 50).sum()),
        "within_three_sd": float(close.mean()),
        "jensen_shannon_distance": jensen_shannon(drawn, fresh),
        "jensen_shannon_of_data": jensen_shannon(ring(HELD, 2), fresh),
        "told_apart": told_apart(drawn, fresh),
        "told_apart_of_data": told_apart(ring(HELD, 3), fresh),
    }
    if piece == "intro-vae":
        rates = [bound(run.model, vk.data.read(x, run.spec)).rate for x in (fresh, drawn)]
        found |= {"rate_of_data_nats": rates[0].mean, "rate_of_draws_nats": rates[1].mean}  # type: ignore[union-attr]
    return {**found, **told(run), "cpu_seconds": spent(place)}


def jensen_shannon(a: np.ndarray, b: np.ndarray) -> float:
    """The square root of the divergence between two histograms on the grid, in bits: 0 to 1."""
    edges = np.linspace(-SIDE, SIDE, GRID + 1)
    p, q = (np.histogram2d(*x.clip(-SIDE, SIDE).T, bins=(edges, edges))[0].ravel() / len(x) for x in (a, b))
    middle = (p + q) / 2
    parts = [np.where(h > 0, h * np.log2(np.where(h > 0, h, 1) / np.where(middle > 0, middle, 1)), 0) for h in (p, q)]
    return float(np.sqrt(max(0.0, (parts[0].sum() + parts[1].sum()) / 2)))


def told_apart(drawn: np.ndarray, fresh: np.ndarray) -> float:
    """The share that a new network, trained on one half of both, calls rightly in the other."""
    torch.manual_seed(0)
    x = torch.from_numpy(np.concatenate([drawn, fresh]))
    y = torch.cat([torch.zeros(len(drawn)), torch.ones(len(fresh))])
    order = torch.randperm(len(x))
    learn, test = order[: len(x) // 2], order[len(x) // 2 :]
    judge = nn.Sequential(nn.Linear(2, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1))
    optimiser = torch.optim.Adam(judge.parameters(), 1e-3)
    for _ in range(30):
        for rows in learn[torch.randperm(len(learn))].split(256):
            loss = nn.functional.binary_cross_entropy_with_logits(judge(x[rows])[:, 0], y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        return float(((judge(x[test])[:, 0] > 0).float() == y[test]).double().mean())


def classifier(data: vk.data.Data) -> nn.Module:
    """Names digits: two convolutions, trained on originals for two epochs."""
    torch.manual_seed(0)
    named = nn.Sequential(
        nn.Conv2d(1, 16, 5, 2, 2),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 49, 10),
    )
    optimiser = torch.optim.Adam(named.parameters(), 1e-3)
    for _ in range(2):
        for rows in torch.randperm(len(data.train)).split(100):
            batch = data.train.batch(rows)
            loss = nn.functional.cross_entropy(named(batch["x"]), batch["labels"])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return named.eval()


def fine(x: Tensor) -> float:
    """Mean energy of pictures above half the Nyquist frequency."""
    spectrum = torch.fft.fft2(x.squeeze(1)).abs().square()
    frequency = torch.fft.fftfreq(x.shape[-1]).abs()
    high = torch.maximum(frequency[:, None], frequency[None]) > 0.25
    return float(spectrum[:, high].sum(1).mean())


@torch.no_grad()
def score_digits(place: Path, data: vk.data.Data, named: nn.Module) -> dict[str, Any]:
    """Fine detail and names of what comes back."""
    run = vk.load(place)
    assert data.test is not None
    test = data.test.first(IMAGES)
    batch = test.all()
    x, labels, x_hat = batch["x"], batch["labels"], run.reconstruct(test)
    right = {key: float((named(t).argmax(1) == labels).double().mean()) for key, t in (("data", x), ("rebuilt", x_hat))}
    return {
        "fine_energy_share": fine(x_hat) / fine(x),
        "accuracy_of_data": right["data"],
        "accuracy_of_rebuilt": right["rebuilt"],
        "squared_error": float((x - x_hat).flatten(1).square().sum(1).mean()),
        **told(run),
        "cpu_seconds": spent(place),
    }


def main() -> None:
    """Train what is missing, or score what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "score"])
    parser.add_argument("--piece", choices=[*PLANE, *DIGITS])
    parser.add_argument("--seed", type=int)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "train":
        for seed in range(3) if given.seed is None else [given.seed]:
            for piece in [*PLANE, *DIGITS] if given.piece is None else [given.piece]:
                train(piece, seed)
        return
    found: dict[str, Any] = {}
    places = finished(RUNS)
    data = digits() if any(p.name.rsplit("-", 1)[0] in DIGITS for p in places) else None
    named = None if data is None else classifier(data)
    for place in places:
        piece, _, seed = place.name.rpartition("-")
        kept = place / "score.json"
        if not kept.exists():
            if piece in PLANE:
                scored = score_plane(place, piece)
            else:
                assert data is not None
                assert named is not None
                scored = score_digits(place, data, named)
            kept.write_text(json.dumps(scored))
        found[place.name] = {"piece": piece, "seed": int(seed), **json.loads(kept.read_text())}
        print(place.name, {k: v for k, v in found[place.name].items() if isinstance(v, float | int)}, flush=True)
    print(record.write("adversaries", {"plane": PLANE, "digits": DIGITS, "runs": found}))


if __name__ == "__main__":
    main()
