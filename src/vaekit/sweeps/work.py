"""One run of a sweep, wherever it is carried out: opened, trained or gone on with, and evaluated."""

import json
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

import vaekit.data
from vaekit.data import Data
from vaekit.evaluation import Evaluation
from vaekit.runs import Run, resume, train
from vaekit.sweeps.grid import checked_plan
from vaekit.training import Broken, Silent
from vaekit.training.metrics import judged_by

__all__ = ["Job", "Tells", "carry_out", "opened"]

Job = Mapping[str, Any]
ESTIMATES = ("log-likelihood", "bits/dim")


class Tells(Silent):
    """Passes on how far a run is, a few times a second."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self.tell, self.epochs, self.told = tell, 0, 0.0

    def start(self, steps: int, epochs: int, batch_size: int) -> None:
        """Learn how many epochs there will be."""
        self.epochs = epochs

    def epoch(self, epoch: int, row: Mapping[str, float]) -> None:
        """Tell of the epoch, unless the last word was just now."""
        now = time.monotonic()
        if now - self.told > 0.25:
            self.told = now
            self.tell({"epoch": epoch, "epochs": self.epochs, "loss": row.get(judged_by(row) or "valid/loss")})


def carry_out(job: Job, tell: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    """Train or go on with the run, and evaluate it: its status with its figures by split, or with what went wrong.

    `finished`, `broken` (training met NaN, as it would again), `failed` (anything else) or `interrupted`.
    """
    torch.set_num_threads(job["threads"])
    began = time.monotonic()
    try:
        run = trained(job, Silent() if tell is None else Tells(tell))
        outcome = {"status": "finished", **figures(run, job["samples"], job["limit"])}
    except KeyboardInterrupt:
        outcome = {"status": "interrupted"}
    except Broken as broken:
        outcome = {"status": "broken", "reason": str(broken)}
    except ValueError as error:
        outcome = {"status": "failed", "reason": str(error)}
    except Exception as error:  # one run's end, whatever it was, is not the sweep's
        outcome = {"status": "failed", "reason": f"{type(error).__name__}: {error}"}
    return {**outcome, "seconds": round(time.monotonic() - began, 1)}


def trained(job: Job, report: Silent) -> Run:
    """The run: begun, or gone on with where its folder holds one."""
    place, data = Path(job["folder"]), opened(json.dumps(job["data"]))
    if (place / "run.json").is_file():
        return resume(place, data=data, report=report)
    plan = checked_plan(job["plan"])
    return train(job["recipe"], data, folder=place, arguments=job["arguments"], report=report, seed=job["seed"], **plan)


@lru_cache(maxsize=1)
def opened(options: str) -> Data:
    """The data that these options (JSON) open, kept for the next run."""
    return vaekit.data.open(**json.loads(options))


def figures(run: Run, samples: int, limit: int | None) -> dict[str, dict[str, float]]:
    """What the run's best weights are worth on the validation split, and on the test split where there is one."""
    splits = ["valid"] if run.data.test is None else ["valid", "test"]
    found = {split: run.evaluate(max(1, samples), split, limit=limit) for split in splits}
    return {split: summary(evaluation, samples > 0) for split, evaluation in found.items()}


def summary(evaluation: Evaluation, estimated: bool) -> dict[str, float]:
    """Figures by name, finite ones only; without estimates of the likelihood where no draws were asked for."""
    values = {name: figure.to_dict()["value"] for name, figure in evaluation.figures().items()}
    kept = {n: v for n, v in values.items() if v is not None and (estimated or n not in ESTIMATES)}
    if evaluation.latents:
        kept["active units"] = sum(use.active for use in evaluation.latents.values())
    return kept
