"""Looking codes up, and a step of training, beside vector-quantize-pytorch: `python benchmarks/quantisers.py [--quick]`.

32,768 normal vectors of 64 numbers, codebooks of 1,024 and 8,192. Every side is a process with one thread; they take
turns, and medians of CPU seconds are compared. The codebooks hold the same vectors, so the codes must agree where the
nearest is clear in float64. A step of training is forward, backward to the inputs, and the codebook's own update. Memory
is the largest resident size less that before the first work. The peer runs in an environment of its own, made by

    python -m venv ../peers-venv && ../peers-venv/bin/pip install torch==2.13.0 vector-quantize-pytorch==1.32.0
"""

import argparse
import resource
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import record
import torch
from turns import Clock, Side, take_turns

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent.parent / "peers-venv" / "bin" / "python"
PEER = "vector-quantize-pytorch 1.32.0"
VECTORS, DIM, SIZES = 32_768, 64, (1024, 8192)
BARS = {"lookup": 0.25, "train": 1 / 3, "memory": 0.1}
CLEAR = 1e-5  # of the squared distance: how much nearer the nearest code must be to be beyond rounding


def drawn(size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs, codes and a gradient, the same in every process."""
    generator = torch.Generator().manual_seed(size)
    x, codes, gradient = (torch.randn(n, DIM, generator=generator) for n in (VECTORS, size, VECTORS))
    return x, codes, gradient


def ours(size: int, mode: str, rotate: bool) -> Callable[[], torch.Tensor]:
    """A pass of vaekit's codebook: the codes."""
    from vaekit.networks import Codebook

    x, codes, gradient = drawn(size)
    book = Codebook(size, DIM, rotate=rotate).train(mode == "train")
    book.vectors.copy_(codes)

    @torch.no_grad()
    def lookup() -> torch.Tensor:
        return book(x[None]).code.flatten()

    def step() -> torch.Tensor:
        leaf = x[None].clone().requires_grad_()
        found = book(leaf)
        ((found.value * gradient).sum() + found.penalty.sum()).backward()
        book.after_step()
        return found.code.flatten()

    return lookup if mode == "lookup" else step


def theirs(size: int, mode: str, rotate: bool) -> Callable[[], torch.Tensor]:
    """A pass of the peer's: the codes."""
    from vector_quantize_pytorch import VectorQuantize

    x, codes, gradient = drawn(size)
    book = VectorQuantize(dim=DIM, codebook_size=size, rotation_trick=rotate).train(mode == "train")
    book._codebook.embed.data.copy_(codes[None])
    book._codebook.embed_avg.data.copy_(codes[None])

    @torch.no_grad()
    def lookup() -> torch.Tensor:
        return book(x[None])[1].flatten()

    def step() -> torch.Tensor:
        leaf = x[None].clone().requires_grad_()
        value, code, loss = book(leaf)
        ((value * gradient).sum() + loss.sum()).backward()
        return code.flatten()

    return lookup if mode == "lookup" else step


SIDES: dict[str, dict[str, Any]] = {
    "vaekit": {"python": sys.executable, "make": ours, "rotate": False},
    "vaekit, rotation trick": {"python": sys.executable, "make": ours, "rotate": True},
    PEER: {"python": str(PEERS), "make": theirs, "rotate": True},
    f"{PEER}, straight through": {"python": str(PEERS), "make": theirs, "rotate": False},
}


def side(name: str, size: int, mode: str, codes: Path) -> None:
    """Inside a process: one pass at each turn, with the memory that all of them took at most."""
    clock, chosen = Clock(), SIDES[name]
    work = chosen["make"](size, mode, chosen["rotate"])
    before = resident()
    first = True

    def turn() -> Mapping[str, Any]:
        nonlocal first
        found = work()
        if first:
            np.save(codes, found.numpy())
            first = False
        return {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before}

    clock.forever(turn)


def resident() -> float:
    """MiB that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def compared(size: int, mode: str, repetitions: int, folder: Path) -> dict[str, Any]:
    """Turns of all sides at one size, and whether their codes agree."""
    names = [name for name, chosen in SIDES.items() if mode == "train" or not chosen["rotate"]]
    files = {name: folder / f"{i}.npy" for i, name in enumerate(names)}
    sides = [
        Side(
            name,
            [
                SIDES[name]["python"],
                __file__,
                "--side",
                name,
                "--size",
                str(size),
                "--mode",
                mode,
                "--codes",
                str(file),
            ],
            1,
            folder / f"{name}.log",
        )
        for name, file in files.items()
    ]
    raw = take_turns(sides, repetitions)
    clear = clear_rows(size)
    codes = {name: np.load(file)[clear] for name, file in files.items()}
    reference = next(iter(codes.values()))
    return {
        "size": size,
        "mode": mode,
        "vectors_whose_nearest_is_clear": int(clear.sum()),
        "sides": {
            name: {
                "cpu": median(turn["cpu"] for turn in turns),
                "wall": median(turn["wall"] for turn in turns),
                "peak_mib": max(turn["peak_mib"] for turn in turns),
                "other_codes": int((codes[name] != reference).sum()),
                "raw": turns,
            }
            for name, turns in raw.items()
        },
    }


def clear_rows(size: int) -> np.ndarray:
    """Inputs whose nearest code is nearer than the next by more than rounding, by distances in float64."""
    x, codes, _ = drawn(size)
    parts = []
    for block in x.double().split(1024):
        two = torch.cdist(block, codes.double()).square().topk(2, largest=False).values
        parts.append(two[:, 1] - two[:, 0] > CLEAR * two[:, 1])
    return torch.cat(parts).numpy()


def main() -> None:
    """Run all turns and write the record, or be a side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three turns of the small codebook")
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--size", type=int)
    parser.add_argument("--mode", choices=["lookup", "train"])
    parser.add_argument("--codes", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.side:
        return side(given.side, given.size, given.mode, given.codes)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES[:1] if given.quick else SIZES:
            for mode in ("lookup", "train"):
                found.append(compared(size, mode, 3 if given.quick else 7, Path(folder)))
                for name, figures in found[-1]["sides"].items():
                    shown = {key: round(value, 3) for key, value in figures.items() if key != "raw"}
                    print(size, mode, name, shown, flush=True)
    print(record.write("quantisers", {"vectors": VECTORS, "dim": DIM, "bars": BARS, "comparisons": found}))
    return None


if __name__ == "__main__":
    main()
