"""How fast a folder of JPEGs streams: `python benchmarks/streaming.py [--repetitions N]`.

Ten thousand 64x64 JPEGs, crops of the Kodak photographs (noise where they are not at hand), are decoded alone by
Pillow in a plain loop, and streamed in shuffled batches through a split; the two take turns in one process. Another
process streams for two epochs and tells how its memory grows, and trains a small convolutional VAE while it tells how
long it waited for data. Raw figures, medians and the machine are in results/streaming.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image
from record import write
from torch import Tensor

from vaekit.data import Data, epoch_order
from vaekit.data import open as open_data
from vaekit.data.stored import Streamed

KODAK = Path(os.environ.get("VAEKIT_DATA", Path(__file__).parents[2] / "shared" / "data")) / "kodak"
COUNT, SIDE, BATCH, BAR = 10_000, 64, 100, 0.8
TRAINED = 2_000  # pictures of the epoch that trains


def main() -> None:
    """Write the pictures, take turns, ask for memory and for waiting, and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--side", choices=("memory", "training"))
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    if args.side is not None:
        print(json.dumps({"memory": memory_of, "training": waiting_in}[args.side](args.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        origin = write_pictures(Path(folder))
        record = {"pictures": {"count": COUNT, "side": SIDE, "from": origin}, **taken_in_turns(Path(folder), args)}
        record["memory"] = in_another_process("memory", folder)
        record["training"] = in_another_process("training", folder)
    print(write("streaming", record), json.dumps({key: record[key] for key in ("medians", "reached")}))


def write_pictures(folder: Path) -> str:
    """The pictures, by number; where they were cut from."""
    rng = np.random.default_rng(0)
    photos = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(KODAK.glob("*.png"))]
    for i in range(COUNT):
        photo = photos[i % len(photos)] if photos else rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        top, left = (int(rng.integers(0, n - SIDE + 1)) for n in photo.shape[:2])
        Image.fromarray(photo[top : top + SIDE, left : left + SIDE]).save(folder / f"{i:05}.jpg", quality=90)
    return "kodak" if photos else "noise"


def taken_in_turns(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Every turn of both sides after a warm-up of each, their medians, and the streamed rate over the plain one."""
    torch.set_num_threads(1)
    data = open_data(folder, memory=0, valid=0)
    paths = sorted(folder.glob("*.jpg"))
    sides: dict[str, Callable[[int], None]] = {
        "decoded alone": lambda epoch: decode_alone(paths, epoch),
        "streamed": lambda epoch: stream(data, epoch),
    }
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for epoch in range(args.repetitions + 1):
        for name, work in sides.items():
            turns[name].append(timed(work, epoch))
    medians = {name: median(turn["pictures_per_second"] for turn in figures[1:]) for name, figures in turns.items()}
    ratio = medians["streamed"] / medians["decoded alone"]
    return {
        "batch": BATCH,
        "turns_with_warm_up_first": turns,
        "medians": {**medians, "ratio": ratio},
        "bar": BAR,
        "reached": ratio >= BAR,
    }


def timed(work: Callable[[int], None], epoch: int) -> dict[str, float]:
    """Pictures per second of the wall's clock, CPU seconds of all threads, and the load before."""
    load, cpu, wall = os.getloadavg()[0], time.process_time(), time.perf_counter()
    work(epoch)
    return {
        "pictures_per_second": COUNT / (time.perf_counter() - wall),
        "cpu_seconds": time.process_time() - cpu,
        "load": load,
    }


def decode_alone(paths: list[Path], epoch: int) -> None:
    """Every picture in shuffled order, decoded and dropped."""
    for i in epoch_order(COUNT, epoch, 0).tolist():
        np.asarray(Image.open(paths[i]).convert("RGB"))


def stream(data: Data, epoch: int) -> None:
    """Every picture in shuffled batches, as a model takes them."""
    for rows in data.train.ahead(epoch_order(COUNT, epoch, 0).split(BATCH)):
        data.train.batch(rows)


def in_another_process(side: str, folder: str) -> dict[str, Any]:
    """What a fresh process of this file measures."""
    command = [sys.executable, __file__, "--side", side, "--folder", folder]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def memory_of(folder: Path) -> dict[str, Any]:
    """Resident MiB after opening and after each of two epochs, and the peak's growth over them."""
    import resource

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    torch.set_num_threads(1)
    data = open_data(folder, memory=0, valid=0)
    found = {"opened": resident()}
    start = peak()
    for epoch in range(2):
        stream(data, epoch)
        found[f"epoch {epoch + 1}"] = resident()
        found[f"peak growth by epoch {epoch + 1}"] = peak() - start
    return {"unit": "MiB", "decoded_set": COUNT * SIDE * SIDE * 3 / 2**20, **found}


def resident() -> float:
    """MiB of this process in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def waiting_in(folder: Path) -> dict[str, Any]:
    """The share of an epoch of a small convolutional VAE in which the training waited for pictures."""
    from vaekit.recipes import recipe
    from vaekit.training import Phase, Trainer, plan_from

    torch.set_num_threads(1)
    data = open_data(folder, memory=0, valid=0, limit=TRAINED)
    system = recipe("conv-vae")(data.spec)
    plan = plan_from({"epochs": 1, "batch_size": BATCH, "accelerator": "cpu"})
    trainer = Trainer(system.model, [Phase("train", system.objective, [system.model], plan.optimiser)], data, plan)
    waited = 0.0
    take = Streamed.take

    def counted(stored: Streamed, rows: Tensor) -> Tensor:
        nonlocal waited
        start = time.perf_counter()
        found = take(stored, rows)
        waited += time.perf_counter() - start
        return found

    Streamed.take = counted  # type: ignore[method-assign]
    start = time.perf_counter()
    trainer.run()
    whole = time.perf_counter() - start
    return {"pictures": TRAINED, "seconds": whole, "waited_seconds": waited, "share_waiting": waited / whole}


if __name__ == "__main__":
    main()
