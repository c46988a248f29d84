"""Priors fitted afterwards to a finished run, and how noisy estimators of its encoder's gradient are: digits, three seeds.

    python benchmarks/fitted_prior.py        # five minutes a seed on one thread; also draws docs/images/gradients.png

`vae` with 16 latent dimensions on the digits of scikit-learn. For every prior, on the same run: the bound and log p(x) by
100 samples on the test split, KL(q(z)||p(z)), and how often a classifier tells draws of q(z) from draws of p(z), 0.5 where
it cannot. Weights of encoder and decoder stay as they are. `vaekit gradients` at the posterior of the first seed's run.
"""

import argparse
import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from record import write

import vaekit as vk
from vaekit.evaluation import gradient_noise
from vaekit.report.gradients import draw_gradient_noise

RUN = {"steps": 5000, "patience": 0, "report": vk.Silent()}
ARGUMENTS = {"latent": 16, "hidden": (256, 256)}
PRIORS: dict[str, dict[str, Any]] = {
    "mixture": {"steps": 3000},
    "flow": {"steps": 3000},
    "energy": {"steps": 3000},
}
SAMPLES, DRAWS = 100, 4
FIGURES = ("rate", "ELBO", "log-likelihood", "aggregate KL of z", "holes")
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "gradients.png"


def main() -> None:
    """Train, fit every prior to a copy of the run, and write the figures down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    found: dict[int, Any] = {}
    noise: dict[str, Any] = {}
    digits = vk.data.open("digits")
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            place = Path(folder) / f"run-{seed}"
            run = vk.train("vae", digits, folder=place, arguments=ARGUMENTS, seed=seed, **RUN)
            found[seed] = {"normal": figures(run)}
            print(seed, found[seed], flush=True)
            if not noise:
                told = gradient_noise(run.model, digits.test, 64, draws=DRAWS)
                draw_gradient_noise(told, DRAWS).savefig(PICTURE)
                noise = {name: {**asdict(row), "signal_to_noise": row.signal_to_noise} for name, row in told.items()}
            for prior, plan in PRIORS.items():
                of = vk.load(shutil.copytree(place, Path(folder) / f"{prior}-{seed}"))
                began = time.process_time()
                vk.fit_prior(of, prior, seed=seed, report=vk.Silent(), **plan)
                found[seed][prior] = {**figures(of), "cpu_seconds": time.process_time() - began}
                print(seed, prior, found[seed][prior], flush=True)
    settings = {"arguments": ARGUMENTS, "steps": RUN["steps"], "priors": PRIORS, "samples": SAMPLES, "draws": DRAWS}
    print(write("fitted_prior", {"settings": settings, "seeds": found, "gradients": noise}))


def figures(run: vk.Run) -> dict[str, Any]:
    """What a prior changes, on the test split."""
    named = run.evaluate(SAMPLES, "test", aggregate=True).figures()
    return {
        name: {"value": f.value, "standard_error": f.standard_error} for name, f in named.items() if name in FIGURES
    }


if __name__ == "__main__":
    main()
