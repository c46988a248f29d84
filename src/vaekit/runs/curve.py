"""A curve of rate and distortion: one model after the other along beta, each begun where the last one ended."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaekit.data import Data, DataSpec, Domain
from vaekit.evaluation import NormalSource, RatePoint, rate_point
from vaekit.recipes import recipe
from vaekit.runs.building import blueprint
from vaekit.runs.loading import load
from vaekit.runs.run import Run
from vaekit.runs.sameness import check_same
from vaekit.runs.training import resume, train
from vaekit.training import Silent
from vaekit.training.folder import RunFolder, next_folder
from vaekit.training.whole import put_whole

__all__ = ["RateDistortion", "rate_distortion"]

ODD = 7.25  # a weight that no recipe gives its rate by itself
LARGEST = 1000  # elements of an example whose covariance is taken apart


@dataclass(frozen=True, eq=False)
class RateDistortion:
    """Models along beta: their runs, their figures on held-out examples, and for numbers the normal source beside them."""

    folder: Path
    recipe: str
    split: str
    runs: Mapping[float, Run]
    points: Mapping[float, RatePoint]
    normal: NormalSource | None

    def exact(self, beta: float) -> tuple[float, float] | None:
        """Rate and squared error where a linear model with a learned noise ends on a normal source of that covariance."""
        return None if self.normal is None else self.normal.at(self.normal.level(beta))

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {
            "recipe": self.recipe,
            "split": self.split,
            "points": [self._row(beta) for beta in self.points],
            "normal_curve": None if self.normal is None else self.normal.curve(),
        }

    def _row(self, beta: float) -> dict[str, Any]:
        exact = self.exact(beta)
        beside = None if exact is None else {"rate": exact[0], "squared_error": exact[1]}
        return {"beta": beta, "run": str(self.runs[beta].path), **self.points[beta].to_dict(), "exact": beside}


def rate_distortion(
    data: Data,
    betas: Sequence[float],
    *,
    name: str = "beta-vae",
    folder: Path | str | None = None,
    arguments: Mapping[str, Any] | None = None,
    report: Silent | None = None,
    **plan: Any,
) -> RateDistortion:
    """Train recipe `name` at every beta, from the smallest on, each run in a folder of its own under `folder`.

    Each starts with the weights of the one before, so that what changes is beta. What was finished stays, what was stopped
    goes on. The recipe takes `beta`, or an `objective` that is written out: Distortion + beta * Rate. The figures, on the
    test split (else the validation split), are kept in `folder`/rd.json.

    Raises ValueError for betas that are not positive, twice there or fewer than two, and for a recipe with neither option.
    """
    chosen = in_order(betas)
    weigh = weighing(name, data.spec, arguments or {})
    place = Path(folder) if folder is not None else next_folder(Path("runs"), f"{data.spec.name}-rd")
    runs: dict[float, Run] = {}
    before: Path | None = None
    for beta in chosen:
        into, given = place / f"beta={beta:g}", {**(arguments or {}), **weigh(beta)}
        runs[beta] = trained(name, data, into, given, before, report, plan)
        before = into
    role, split = runs[chosen[0]].split()
    points = {beta: rate_point(run.model, split) for beta, run in runs.items()}
    found = RateDistortion(place, name, role, runs, points, normal_beside(data, runs[chosen[0]]))
    text = json.dumps(found.to_dict(), indent=1)
    put_whole(lambda beside: [written(beside / "rd.json", text)], place)
    return found


def written(path: Path, text: str) -> Path:
    """A file with that text."""
    path.write_text(text)
    return path


def in_order(betas: Sequence[float]) -> list[float]:
    """The smallest first, where codes tell most: what has collapsed does not come back."""
    if len(betas) < 2 or len(set(betas)) < len(betas) or not all(0 < beta < math.inf for beta in betas):
        raise ValueError(
            f"betas must be two or more different numbers above 0, got {', '.join(map(str, betas)) or 'none'}"
        )
    return sorted(betas)


def weighing(name: str, spec: DataSpec, arguments: Mapping[str, Any]) -> Callable[[float], dict[str, Any]]:
    """How a recipe is told the weight of its rate: by an objective that is written out, or by its beta."""
    chosen = recipe(name)
    if "objective" in chosen.options:
        return lambda beta: {"objective": f"Distortion + {beta!r} * Rate"}
    if "beta" in chosen.options:
        system = blueprint(lambda: chosen(spec, **chosen.arguments({**arguments, "beta": ODD})))
        if (1.0 * system.objective).coefficients(1 << 62).get("rate") == ODD:
            return lambda beta: {"beta": beta}
    raise ValueError(f"{name} has no weight of its rate to go along: use beta-vae, vae or conv-vae")


def trained(
    name: str,
    data: Data,
    place: Path,
    arguments: Mapping[str, Any],
    before: Path | None,
    report: Silent | None,
    plan: Mapping[str, Any],
) -> Run:
    """One run, or the rest of it. Raises ValueError where its folder holds another one."""
    if not (place / "run.json").exists():
        return train(name, data, folder=place, arguments=arguments, start=before, report=report, **plan)
    record = RunFolder(place).read()
    wanted = json.loads(json.dumps(recipe(name).arguments(arguments)))
    if (record["recipe"], record["arguments"]) != (name, wanted):
        raise ValueError(f"{place} holds a run of {record['recipe']} with other options: name another folder")
    if record["status"] != "finished":
        return resume(place, data=data, report=report)
    check_same(record, data)
    found = load(place)
    return Run(RunFolder(place), found.model, data, found.on_labels)


def normal_beside(data: Data, run: Run) -> NormalSource | None:
    """The source of the training examples' covariance, for real numbers and a vector of a latent."""
    size = math.prod(data.spec.shape)
    shape = getattr(run.model, "latent_shape", None)
    if data.spec.domain is not Domain.REAL or data.spec.timed or size > LARGEST or shape is None:
        return None
    return NormalSource.of(data.train.all()["x"], math.prod(shape))
