"""Run by torchrun: the trainings of `phases`, in two processes on gloo."""

import json
import sys
from pathlib import Path

from lightning_fabric import Fabric

from contracts.codes import data
from contracts.phases import fit_critics, fit_prior
from vaekit.training.devices import launch


def main(out: Path) -> None:
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
    launch(fabric)
    rate = float(fit_prior(fabric).infer(data()).rate.detach().mean())
    _, critics = fit_critics(fabric)
    if fabric.is_global_zero:
        found = {"rate": rate, "critics": [c for q in critics.values() for c in q.coefficients.tolist()]}
        out.write_text(json.dumps(found))
    fabric.barrier()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
