"""`nvae` and `vdvae` on a GPU: what a step costs at the papers' CIFAR-10 size, and ten minutes of MNIST.

    python benchmarks/deep_gpu.py steps                      # both recipes, with and without compile and bf16
    python benchmarks/deep_gpu.py mnist vdvae --minutes 10   # then its -log p(x) by importance sampling
    python benchmarks/deep_gpu.py mnist nvae --minutes 10

Step times are medians over the last of a run's steps, made by the ordinary trainer on random pictures; memory is the
most that torch held. Every configuration is written down as soon as it is measured, so a run can be cut off and taken up
again. `--tiny` checks the whole script in a small configuration, which is allowed on a CPU.
"""

import argparse
import gc
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import record
import torch
from torch import Tensor

import vaekit as vk
from vaekit.evaluation import bound, log_likelihood
from vaekit.recipes.nvae import PUBLISHED as NVAE
from vaekit.recipes.vdvae import PUBLISHED as VDVAE

BATCH = 32  # on each of the papers' GPUs, for both recipes
WAYS = [(precision, compiled) for precision in ("32-true", "bf16-mixed") for compiled in (False, True)]
PUBLISHED: dict[str, dict[str, Any]] = {"nvae": NVAE["cifar10"], "vdvae": VDVAE["cifar10"]}
TINY: dict[str, dict[str, Any]] = {
    "nvae": {"width": 4, "groups": (1, 1), "latent": 1},
    "vdvae": {"width": 4, "latent": 1, "rates": (2,)},
}
MNIST: dict[str, dict[str, Any]] = {  # what ten minutes of a large GPU can train
    "nvae": {"width": 64, "groups": (3, 5), "latent": 16},
    "vdvae": {"width": 128, "latent": 16, "decoder_blocks": (6, 6, 4, 2), "encoder_blocks": (3, 3, 2, 2)},
}
MNIST_PLAN = {"batch_size": 256, "precision": "bf16-mixed", "compile": True, "decay": True, "patience": 0}


class Clock(vk.Callback):
    """Seconds of every step, and a stop after `seconds` of wall time."""

    def __init__(self, seconds: float) -> None:
        self.limit, self.seconds, self.before = seconds, list[float](), 0.0

    def on_start(self, trainer: vk.Trainer) -> None:
        """From here on the time counts."""
        self.before = time.perf_counter()

    def on_step(self, trainer: vk.Trainer, step: int, loss: Tensor) -> None:
        """Wait for the device, look at the clock."""
        float(loss)
        now = time.perf_counter()
        self.seconds.append(now - self.before)
        self.before = now
        if sum(self.seconds) >= self.limit:
            trainer.stop("the time is spent")


def kept(name: str) -> dict[str, Any]:
    """What is recorded already."""
    path = record.RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else {"steps": {}, "mnist": {}}


def keep(name: str, part: str, key: str, found: dict[str, Any]) -> None:
    """Add one configuration to the record."""
    whole = kept(name)
    whole[part][key] = found
    whole.pop("machine", None)
    print(key, found)
    record.write(name, whole)


def steps(name: str, tiny: bool, only: str, again: bool) -> None:
    """Every recipe in every way whose name holds `only`, those recorded already left out."""
    for recipe in PUBLISHED:
        for precision, compiled in WAYS:
            key = f"{recipe}, {precision}{', compiled' if compiled else ''}"
            if only in key and (again or key not in kept(name)["steps"]):
                keep(name, "steps", key, step_cost(recipe, precision, compiled, tiny))


def step_cost(recipe: str, precision: str, compiled: bool, tiny: bool) -> dict[str, Any]:
    """Median step time and largest memory, and what came of it where it failed."""
    batch, count = (4, 6) if tiny else (BATCH, 40)
    pictures = torch.randint(256, (batch * count, 3, 32, 32), dtype=torch.uint8).numpy()
    data = vk.data.open(pictures, valid=0, test=0, domain="levels", levels=256)
    arguments = TINY[recipe] if tiny else PUBLISHED[recipe]
    plan = {"epochs": 1, "batch_size": batch, "precision": precision, "compile": compiled, "patience": 0}
    system = vk.recipe(recipe)(data.spec, **arguments)
    length = vk.training.plan_from(plan, system.plan)
    phase = vk.Phase("train", 1.0 * system.objective, [system.model], length.optimiser)
    clock = Clock(float("inf"))
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    said = {"arguments": arguments, "batch": batch, "parameters": sum(p.numel() for p in system.model.parameters())}
    try:
        vk.Trainer(system.model, [phase], data, length, callbacks=[clock]).run()
    except (RuntimeError, ValueError) as error:
        return {**said, "failed": f"{type(error).__name__}: {str(error).splitlines()[0][:300]}"}
    steady = clock.seconds[count // 4 :]
    return {
        **said,
        "first_step_seconds": clock.seconds[0],
        "median_step_seconds": statistics.median(steady),
        "pictures_per_second": batch / statistics.median(steady),
        "peak_memory_gib": torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else None,
        "step_seconds": clock.seconds,
    }


def mnist(name: str, recipe: str, minutes: float, given: argparse.Namespace) -> None:
    """Train for so many minutes of wall time, then -log p(x) and -ELBO of test images."""
    data = vk.data.open("mnist", folder=given.data_dir, binarise="visit", seed=0)
    arguments = {**(TINY if given.tiny else MNIST)[recipe], **given.arguments}
    own = {"precision": "32-true", "compile": False, "batch_size": 50} if given.tiny else {}
    plan = {**MNIST_PLAN, **own, **given.plan}
    with tempfile.TemporaryDirectory() as folder:
        timing = Clock(2.0 if given.tiny else 60.0)
        place = Path(folder)
        vk.train(recipe, data, folder=place / "timing", arguments=arguments, callbacks=[timing], **plan, steps=10**6)
        seconds = statistics.median(timing.seconds[len(timing.seconds) // 2 :])
        planned = max(1, int((60 * minutes - sum(timing.seconds[:5])) / seconds * 0.97))
        if "annealing_steps" in vk.recipe(recipe).options:
            arguments["annealing_steps"] = max(1, int(0.3 * planned))
        clock = Clock(60 * minutes)
        callbacks, seed = [clock], given.seed
        run = vk.train(
            recipe,
            data,
            folder=place / "run",
            arguments=arguments,
            callbacks=callbacks,
            **plan,
            steps=planned,
            seed=seed,
        )
        run = vk.load(place / "run", weights="last")
        test = data.test.first(given.images)  # type: ignore[union-attr]
        elbo = bound(run.model, test, seed=0).elbo
        estimate = log_likelihood(run.model, test, given.samples, seed=0)
        found = {
            "arguments": run.record["arguments"],
            "plan": run.record["plan"],
            "parameters": run.record["parameters"],
            "training_wall_seconds": sum(clock.seconds),
            "steps": len(clock.seconds),
            "planned_steps": planned,
            "images": given.images,
            "samples": given.samples,
            "nll_nats": -estimate.mean,
            "nll_standard_error": estimate.standard_error,
            "negative_elbo_nats": -elbo.mean,
        }
    keep(name, "mnist", f"{recipe}, {minutes:g} minutes, seed {given.seed}", found)


def main() -> None:
    """Measure steps, or train on MNIST."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["steps", "mnist"])
    parser.add_argument("recipe", nargs="?", choices=PUBLISHED, default="vdvae")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--data-dir")
    parser.add_argument("--arguments", type=json.loads, default={}, help="other arguments of the recipe")
    parser.add_argument("--plan", type=json.loads, default={}, help="other fields of the plan")
    parser.add_argument("--only", default="", help="steps: configurations whose names hold this, such as 'nvae, bf16'")
    parser.add_argument("--again", action="store_true", help="measure what is recorded already once more")
    parser.add_argument("--tiny", action="store_true", help="a small configuration, to check this script on a CPU")
    given = parser.parse_args()
    if not given.tiny and not torch.cuda.is_available():
        raise SystemExit("this benchmark is of a GPU, and torch sees none: --tiny checks the script on a CPU")
    name = "deep_gpu_tiny" if given.tiny else "deep_gpu"
    given.arguments = {key: tuple(v) if isinstance(v, list) else v for key, v in given.arguments.items()}
    if given.what == "steps":
        steps(name, given.tiny, given.only, given.again)
    else:
        mnist(name, given.recipe, given.minutes, given)


if __name__ == "__main__":
    main()
