"""Run by torchrun: a training with spikes, in two processes on gloo."""

import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric
from training.test_skipping import Watch, spiky, trainer_of


def main(out: Path) -> None:
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
    fabric.launch()
    watch = Watch()
    trainer_of(spiky(1, 3, 17), callbacks=[watch], fabric=fabric, devices=2).run()
    kept = {"still": watch.still(), "weights": watch.seen[-1]}
    torch.save(kept, out.with_suffix(f".{fabric.global_rank}.pt"))
    fabric.barrier()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
