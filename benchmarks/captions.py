"""Pictures drawn from captions: what a conditional VAE makes of words, of words it never saw together, of wrong words.

    python benchmarks/captions.py train --seed 0    # and 1, 2: each a process of its own
    python benchmarks/captions.py score

Binary colour pictures of 16x16 with one shape, and a caption of up to four words in any order: its colour (6), its
shape (4), its row and its column (3 each); each word is left out of every sixth caption, and is then free. How large
the shape is and where exactly it stands is told by no word. Six of the 24 pairs of colour and shape never occur in
training: the held-out combinations. Encoder, prior and decoder look words up by cross-attention
(`vaekit train pictures.npz --recipe cvae`).

Scored, with nats per picture estimated with 100 draws: test captions, held-out combinations, and both with the captions
of other pictures; and whether what is drawn to a full caption is what it says, told by the nearest of all shapes that
the generator can draw. Runs are kept under runs/captions-benchmark and scored once.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch
from clock import finished
from torch import Tensor

import vaekit as vk
from vaekit.data import Split
from vaekit.evaluation import log_likelihood

RUNS = Path("runs/captions-benchmark")
SIDE, TRAINING, TESTED = 16, 20_000, 1000
COLOURS = {
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "yellow": (1, 1, 0),
    "cyan": (0, 1, 1),
    "pink": (1, 0, 1),
}
SHAPES, ROWS, COLUMNS = (
    ("square", "disc", "cross", "triangle"),
    ("top", "middle", "bottom"),
    ("left", "centre", "right"),
)
WORDS = (*COLOURS, *SHAPES, *ROWS, *COLUMNS)
KINDS = (len(COLOURS), len(SHAPES), len(ROWS), len(COLUMNS))  # what the four attributes of a picture can be
FIRST = np.cumsum((0, *KINDS[:3]))  # the first word of each
HELD_OUT = {(0, 1), (1, 2), (2, 3), (3, 0), (4, 1), (5, 2)}  # pairs of colour and shape
SIZES, CENTRES, JITTER, LEFT_OUT = (5, 6, 7), (3, 8, 12), 1, 1 / 6
ARGUMENTS = {"latent": 8, "hidden": (256, 256), "width": 64, "blocks": 2}
PLAN = {"epochs": 30, "batch_size": 100, "lr": 1e-3, "decay": True}


def drawn(shape: int, size: int, row: int, column: int) -> np.ndarray:
    """A shape about a centre, True where it is (SIDE, SIDE)."""
    down, right = np.mgrid[:SIDE, :SIDE]
    y, x, half = down - row + 0.5 * (size % 2 == 0), right - column + 0.5 * (size % 2 == 0), size / 2
    inside = (abs(x) < half) & (abs(y) < half)
    if shape == 1:
        return x**2 + y**2 < half**2 + 0.3
    if shape == 2:
        return inside & ((abs(x) < 1) | (abs(y) < 1))
    return inside & (abs(x) <= (y + half) / 2) if shape == 3 else inside


def pictures(
    n: int, seed: int, held_out: bool = False, whole: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures (n, 3, SIDE, SIDE), captions (n, 4) padded with -1, and attributes (n, 4): colour, shape, row, column.

    `held_out`: of those combinations alone, else of the others alone. `whole`: no word is left out.
    """
    rng = np.random.default_rng((seed, held_out))
    pairs = [(c, s) for c in range(KINDS[0]) for s in range(KINDS[1]) if ((c, s) in HELD_OUT) == held_out]
    pair = np.array(pairs)[rng.integers(len(pairs), size=n)]
    attributes = np.concatenate([pair, rng.integers(3, size=(n, 2))], axis=1)
    sizes, shifts = rng.choice(SIZES, n), rng.integers(-JITTER, JITTER + 1, (n, 2))
    colours = np.array(list(COLOURS.values()))
    x = np.zeros((n, 3, SIDE, SIDE), np.uint8)
    for i, (colour, shape, row, column) in enumerate(attributes):
        where = drawn(shape, sizes[i], CENTRES[row] + shifts[i, 0], CENTRES[column] + shifts[i, 1])
        x[i] = colours[colour][:, None, None] * where
    return x, captions(attributes, rng, 0.0 if whole else LEFT_OUT), attributes


def captions(attributes: np.ndarray, rng: np.random.Generator, left_out: float) -> np.ndarray:
    """The words of each row of attributes in a random order, some left out, padded with -1."""
    words = np.where(rng.random(attributes.shape) < left_out, -1, attributes + FIRST)
    shuffled = rng.permuted(words, axis=1)
    behind = np.argsort(shuffled < 0, axis=1, kind="stable")
    return np.take_along_axis(shuffled, behind, axis=1)


def read(x: Tensor) -> np.ndarray:
    """The attributes of pictures (N, 3, SIDE, SIDE) in [0, 1]: those of the nearest picture that can be drawn."""
    masks, told = [], []
    for shape in range(len(SHAPES)):
        for size in SIZES:
            for row, y in enumerate(CENTRES):
                for column, at in enumerate(CENTRES):
                    for dy in range(-JITTER, JITTER + 1):
                        for dx in range(-JITTER, JITTER + 1):
                            masks.append(drawn(shape, size, y + dy, at + dx).ravel())
                            told.append((shape, row, column))
    templates, flat = torch.tensor(np.array(masks), dtype=torch.float32), x.flatten(2)
    colours = torch.tensor(list(COLOURS.values()), dtype=torch.float32)
    closeness = torch.stack(  # less the squared distance, but for what all share, (colours, N, templates)
        [2 * (flat * c[:, None]).sum(1) @ templates.T - c.sum() * templates.sum(1) for c in colours]
    )
    best = closeness.permute(1, 0, 2).flatten(1).argmax(1).numpy()
    return np.concatenate([(best // len(told))[:, None], np.array(told)[best % len(told)]], axis=1)


def data(seed: int) -> vk.data.Data:
    """Training pictures of the combinations that are not held out."""
    x, tokens, _ = pictures(TRAINING, seed)
    tokens[0, 0] = len(WORDS) - 1  # the vocabulary is known whatever words are drawn
    return vk.data.open(x, context=tokens, seed=seed)


def train(seed: int, epochs: int | None) -> None:
    """One run, or the rest of it."""
    place = RUNS / f"attention-{seed}"
    if (place / "run.json").exists():
        vk.resume(place, data=data(seed))
        return
    plan = PLAN if epochs is None else PLAN | {"epochs": epochs}
    vk.train("cvae", data(seed), folder=place, arguments=ARGUMENTS, seed=seed, **plan)


def score(place: Path, seed: int, samples: int) -> dict[str, Any]:
    """Nats, and shares of drawn pictures that are what their captions say."""
    kept = place / f"score-{samples}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    run = vk.load(place)
    found: dict[str, Any] = {
        "parameters": run.record["parameters"],
        "epochs": len(run.metrics),
        "train_wall_seconds": run.record["seconds"],
    }
    for name, held_out in (("test", False), ("held_out", True)):
        x, tokens, _ = pictures(TESTED, 1000 + seed, held_out)
        split = Split(torch.from_numpy(x), context=torch.from_numpy(tokens))
        wrong = replace(split, context=split.context.roll(1, 0))
        for said, one in ((name, split), (f"{name}, wrong captions", wrong)):
            estimate = log_likelihood(run.model, one, samples, seed=0)
            found[f"nll of {said}"] = -estimate.mean
            found[f"nll of {said}, standard error"] = estimate.standard_error
        found |= {f"{name}: {what}": share for what, share in agreement(run, held_out, seed).items()}
    kept.write_text(json.dumps(found))
    return found


def agreement(run: vk.Run, held_out: bool, seed: int) -> dict[str, float]:
    """Of pictures drawn to full captions, the share that has the colour, shape, row and column asked for, and all four."""
    _, tokens, attributes = pictures(TESTED, 2000 + seed, held_out, whole=True)
    right = read(run.sample(context=tokens, seed=seed)) == attributes
    names = ("colour", "shape", "row", "column")
    return {f"{name} right": float(share) for name, share in zip(names, right.mean(0), strict=True)} | {
        "all right": float(right.all(1).mean())
    }


def main() -> None:
    """Train one run, or score all that are trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "score"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--samples", type=int, default=100)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "train":
        return train(given.seed, given.epochs)
    true = pictures(TESTED, 0)
    found: dict[str, Any] = {
        "reader": float((read(torch.from_numpy(true[0]).float()) == true[2]).all(1).mean()),
        "runs": {},
    }
    for place in finished(RUNS):
        found["runs"][place.name] = score(place, int(place.name.split("-")[1]), given.samples)
        print(place.name, json.dumps(found["runs"][place.name], indent=1))
    print(record.write("captions", {"arguments": ARGUMENTS, "plan": PLAN, **found}))
    return None


if __name__ == "__main__":
    main()
