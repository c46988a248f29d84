"""Run by torchrun: trainings with spikes and broken batches, in two processes on gloo."""

import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric
from training.test_skipping import STATEFUL, Watch, broken_at, spiky, trainer_of

from vaekit.training.devices import launch


def main(out: Path) -> None:
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
    launch(fabric)
    watch = Watch()
    trainer_of(spiky(1, 3, 17), callbacks=[watch], fabric=fabric, devices=2).run()
    whole = broken_at(1, 3, 17, fabric=fabric, devices=2)
    buffers = {name: whole.still(name) for name in STATEFUL}
    kept = {"still": watch.still(), "weights": watch.seen[-1], "buffers still": buffers}
    torch.save(kept, out.with_suffix(f".{fabric.global_rank}.pt"))
    fabric.barrier()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
