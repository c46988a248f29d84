"""How fast vaekit trains and weighs, against a hand-written loop and pythae: `python benchmarks/speed.py [--quick]`.

Every side is a process of its own with the same thread count and the same images, and they take turns. CPU seconds are
the figure to trust on a shared machine; the medians, all raw figures and the machine are in results/speed.json. pythae
runs in an environment of its own, made by

    python -m venv ../peers-venv && ../peers-venv/bin/pip install torch==2.13.0 pythae==0.1.2
"""

import argparse
import gzip
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from turns import Side, take_turns

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("VAEKIT_DATA", HERE.parent.parent / "shared" / "data"))
PEERS = HERE.parent.parent / "peers-venv" / "bin" / "python"
HAND, PYTHAE, DECODER = "hand-written loop", "pythae 0.1.2", "bare decoder"
TRAINING_BARS = {"vaekit": {100: 1.03, 512: 1.03}, "vaekit, compiled": {100: 0.9, 512: 1.0}}
WEIGHING_BARS = {"vaekit": {PYTHAE: 0.6, DECODER: 1.9}, "vaekit, compiled": {PYTHAE: 0.6, DECODER: 1.3}}
ROWS_AT_ONCE = (100, 250, 500, 1000)


def images(count: int) -> tuple[str, np.ndarray]:
    """MNIST's first training images where they are at hand, else noise of the same size: (count, 1, 28, 28) bytes."""
    path = DATA / "mnist" / "train-images-idx3-ubyte.gz"
    if not path.is_file():
        return "noise", np.random.default_rng(0).integers(0, 256, (count, 1, 28, 28), dtype=np.uint8)
    with gzip.open(path) as file:
        file.read(16)
        return "mnist", np.frombuffer(file.read(count * 784), np.uint8).reshape(-1, 1, 28, 28)


def training_sides(batch: int, extras: bool) -> dict[str, dict[str, Any]]:
    """What is compared at one batch size: hand, vaekit and pythae alike, then each option of vaekit that buys more."""
    plain = {"side": "vaekit", "batch": batch, "fused": False, "compile": False, "precision": "32-true"}
    sides = {
        HAND: {"side": "hand", "batch": batch, "fused": False},
        "vaekit": plain,
        "vaekit, compiled": {**plain, "compile": True},
        PYTHAE: {"side": "train", "batch": batch, "fused": False},
    }
    if extras:
        sides["hand-written loop, fused Adam"] = {"side": "hand", "batch": batch, "fused": True}
        for name, compiled in {"vaekit": False, "vaekit, compiled": True}.items():
            one = {**plain, "compile": compiled}
            sides[f"{name}, fused Adam"] = {**one, "fused": True}
            sides[f"{name}, bf16"] = {**one, "precision": "bf16-mixed"}
            sides[f"{name}, fused Adam, bf16"] = {**one, "fused": True, "precision": "bf16-mixed"}
    return sides


def weighing_sides(samples: int) -> dict[str, dict[str, Any]]:
    """What is compared at so many samples of each image; pythae and the decoder at several numbers of rows at once."""
    ours = {"side": "weighed", "samples": samples, "compile": False}
    sides = {"vaekit": ours, "vaekit, compiled": {**ours, "compile": True}}
    for rows in ROWS_AT_ONCE:
        sides[f"{PYTHAE}, {rows} at once"] = {"side": "weigh", "samples": samples, "rows_at_once": rows}
        sides[f"{DECODER}, {rows} at once"] = {"side": "decoder", "samples": samples, "rows_at_once": rows}
    return sides


def raced(tasks: Mapping[str, dict[str, Any]], x: np.ndarray, args: argparse.Namespace) -> dict[str, Any]:
    """Raw figures and medians of every side."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "images.npy"), x)
        sides = []
        for i, (name, task) in enumerate(tasks.items()):
            peer = task["side"] in ("train", "weigh")
            if peer and not Path(args.peers).is_file():
                print(f"left out: {name}, there is no {args.peers}")
                continue
            given = json.dumps({**task, "images": f"{folder}/images.npy", "threads": args.threads})
            script = HERE / ("speed_pythae.py" if peer else "speed_sides.py")
            command = [args.peers if peer else sys.executable, str(script), given]
            sides.append(Side(name, command, args.threads, Path(folder, f"{i}.log")))
        raw = take_turns(sides, args.repetitions)
    return {
        name: {"cpu": median(r["cpu"] for r in runs), "wall": median(r["wall"] for r in runs), "raw": runs}
        for name, runs in raw.items()
    }


def best_of(figures: Mapping[str, Any], prefix: str) -> str | None:
    """The side whose name begins so that took the fewest CPU seconds."""
    return min((name for name in figures if name.startswith(prefix)), key=lambda n: figures[n]["cpu"], default=None)


def training(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The first table: one epoch at every batch size."""
    name, x = images(args.images)
    tables = []
    for batch in args.batch:
        figures = raced(training_sides(batch, not args.plain), x, args)
        print(f"\nOne epoch of {len(x):,} images ({name}), batch {batch}, median of {args.repetitions}")
        print(f"{'':38} {'CPU s':>7} {'wall s':>7} {'x hand':>7} {'bar':>6}  loss (nats)")
        for side, row in figures.items():
            row["ratio"] = row["cpu"] / figures[HAND]["cpu"]
            bar = TRAINING_BARS.get(side, {}).get(batch)
            verdict = "" if bar is None else f"{bar:.2f}{' ok' if row['ratio'] <= bar else ' MISSED'}"
            loss = row["raw"][-1]["loss"]
            print(f"{side:38} {row['cpu']:7.3f} {row['wall']:7.3f} {row['ratio']:7.3f} {verdict:>6}  {loss:.1f}")
        tables.append({"data": name, "images": len(x), "batch": batch, "sides": figures})
    return tables


def weighing(args: argparse.Namespace) -> dict[str, Any]:
    """The second table: log p(x) of each image."""
    name, x = images(args.weighed)
    figures = raced(weighing_sides(args.samples), x, args)
    best = {kind: best_of(figures, kind) for kind in (PYTHAE, DECODER)}
    print(f"\nlog p(x) with {args.samples:,} samples of {len(x)} images ({name}), median of {args.repetitions}")
    print(f"{'':38} {'CPU ms':>7} {'wall ms':>8}  per image, x the best of each other")
    for side, row in figures.items():
        row["ratios"] = {kind: row["cpu"] / figures[other]["cpu"] for kind, other in best.items() if other}
        bars = WEIGHING_BARS.get(side, {})
        said = [
            f"{ratio:.2f} x {kind}"
            + (f" (bar {bars[kind]}{'' if ratio <= bars[kind] else ', MISSED'})" if bars else "")
            for kind, ratio in row["ratios"].items()
        ]
        print(f"{side:38} {1e3 * row['cpu'] / len(x):7.1f} {1e3 * row['wall'] / len(x):8.1f}  {'; '.join(said)}")
    return {"data": name, "images": len(x), "samples": args.samples, "sides": figures}


def machine(args: argparse.Namespace) -> dict[str, Any]:
    """Where the figures come from."""
    ask = "import torch, numpy, sys; print(sys.version.split()[0], torch.__version__, numpy.__version__)"
    versions = {"vaekit": sys.executable, PYTHAE: args.peers}
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
    commit = subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return {
        "python, torch, numpy": {
            side: subprocess.run([python, "-c", ask], capture_output=True, text=True).stdout.strip()
            for side, python in versions.items()
            if Path(python).is_file()
        },
        "vaekit": commit.stdout.strip(),
        "machine": f"{platform.platform()}, {processor}",
        "cores": os.cpu_count(),
        "threads": args.threads,
        "load": os.getloadavg(),
    }


def main() -> None:
    """Run both tables and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument(
        "--quick", action="store_true", help="few images, two repetitions, no extra rows: a check that it runs"
    )
    parser.add_argument("--plain", action="store_true", help="without the rows of options that buy more")
    parser.add_argument("--only", choices=("training", "likelihood"), help="one of the two tables")
    parser.add_argument("--batch", type=int, nargs="+", default=[100, 512])
    parser.add_argument("--images", type=int, default=20_000, help="in an epoch")
    parser.add_argument("--weighed", type=int, default=100, help="images whose likelihood is estimated")
    parser.add_argument("--samples", type=int, default=1000, help="of each of them")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peers", default=str(PEERS), help="the python of an environment with pythae")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "speed.json")
    args = parser.parse_args()
    if args.quick:
        args.images, args.weighed, args.repetitions, args.plain = 2_000, 10, 2, True
    record: dict[str, Any] = {"before": machine(args)}
    if args.only != "likelihood":
        record["training"] = training(args)
    if args.only != "training":
        record["likelihood"] = weighing(args)
    record["load after"] = os.getloadavg()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(record, indent=1) + "\n")
    print(f"\n{args.out}")


if __name__ == "__main__":
    main()
