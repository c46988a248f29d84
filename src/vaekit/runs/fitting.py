"""Priors that are fitted to the latents of a finished run, and found again with it: RUN/prior/LATENT is a run of its own."""

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vaekit.conditionals.conditional import REAL
from vaekit.data import Data, DataSpec, Domain, Split
from vaekit.data.noise import as_codes
from vaekit.data.stored import Held
from vaekit.distributions import Coded, codes_of
from vaekit.models import Draw, OverLatent
from vaekit.models.inference import Latent
from vaekit.networks import OneHot
from vaekit.objectives import Distortion
from vaekit.priors import Prior, PriorOverCodes
from vaekit.recipes import LatentSpec, System, prior_recipe
from vaekit.runs.asking import answering, passes
from vaekit.runs.building import built
from vaekit.runs.keeping import checksum
from vaekit.runs.training import Watching, train_system
from vaekit.training import Callback, Silent, load_weights, plan_from
from vaekit.training.folder import RunFolder
from vaekit.training.reading import field_of, made_of
from vaekit.training.weights import header
from vaekit.training.whole import put_whole

if TYPE_CHECKING:
    from vaekit.runs.run import Run

__all__ = ["attach", "fit_prior"]

FOLDER, SAID = "prior", "prior"
PLANNED: dict[str, Any] = {"steps": 5000, "lr": 5e-4, "decay": True, "clip": 1.0, "patience": 10}
PLAN = plan_from(PLANNED)
DRAWS, MOST_NUMBERS = 10, 1 << 26  # of each example, and of all together


@dataclass(frozen=True)
class Fitted:
    """What RUN/prior/LATENT/run.json says of the prior: its recipe, its latent, of which weights, and on what.

    `on_labels`: it depends on the data's `classes` labels, which nothing else of the model sees.
    """

    prior: str
    arguments: dict[str, Any]
    latent: dict[str, Any]
    of: str
    classes: int | None

    @property
    def on_labels(self) -> bool:
        """Whether it depends on labels."""
        return self.classes is not None


@dataclass(frozen=True, eq=False)
class Values:
    """Draws of one latent over a split: codes (N, Q, *positions) or real numbers (N, *event).

    `context`: what its prior depends on (N, ...), if on anything.
    """

    drawn: Tensor
    context: Tensor | None

    def split(self) -> Split:
        """As a split, of codes in the smallest type."""
        if self.drawn.is_floating_point():
            return Split(Held(self.drawn), context=self.context)
        kind = torch.uint8 if int(self.drawn.max()) < 256 else torch.int32
        return Split(Held(self.drawn.to(kind)), context=self.context, read=as_codes)


def fit_prior(
    run: "Run",
    name: str = "transformer",
    *,
    arguments: Mapping[str, Any] | None = None,
    on_labels: bool = False,
    again: bool = False,
    report: Silent | None = None,
    callbacks: Sequence[Callback] = (),
    **plan: Any,
) -> None:
    """Train a prior by its name on the latents of a run's training examples: on all that have codes, or on real numbers.

    Codes are computed once; of real numbers up to ten draws of q(z|x) are taken, so what is fitted is the aggregate
    posterior. The priors are kept in the run's folder and given to its model. With `on_labels` those of codes depend on the
    data's labels. What was stopped before its end is gone on with, and a prior of other weights than the run has now is
    replaced; `again` replaces any.

    Raises ValueError for a run without a prior that could be replaced, and where one is fitted already.
    """
    chosen = prior_recipe(name)
    given = chosen.arguments(arguments or {})
    length = plan_from(plan, PLAN)
    folder = run.path / FOLDER
    if again:
        detach(run)
    waiting = to_fit(run)
    if run.before is not None:
        raise ValueError(f"{run.path} has a prior already: fit another one in its place with again (--again)")
    if on_labels and (run.on_labels or run.spec.classes is None):
        why = "is conditioned on them already" if run.on_labels else "are of data without labels"
        raise ValueError(f"on_labels needs labels that the model does not see, those of {run.path} {why}")
    if on_labels and not all(has_codes(run, latent) for latent in waiting):
        raise ValueError("on_labels is for priors over codes: flow, mixture and energy do not depend on labels")
    specs = {latent: spec_of(run, latent) for latent in waiting}
    for spec in specs.values():
        built(lambda spec=spec: System(OverLatent(chosen(spec, **given)), Distortion()), length.seed)  # type: ignore[misc]
    parts = {role: collected(run, split, on_labels) for role, split in run.data.splits().items()}
    weights = checksum(run.folder.best)
    for latent in waiting:
        shown = {role: found[latent] for role, found in parts.items()}
        spec = replace(specs[latent], context=context_of(shown["train"]))
        fitted = Fitted(name, given, spec.to_dict(), weights, run.spec.classes if on_labels else None)
        place = folder / latent
        if not again and is_finished(folder, [latent]) and said_of(RunFolder(place)) == fitted:
            continue
        going_on = not again and may_go_on(place, fitted)
        if place.exists() and not going_on:
            shutil.rmtree(place)
        data = data_of(run, spec, shown)
        system = built(lambda spec=spec: System(OverLatent(chosen(spec, **given)), Distortion()), length.seed)  # type: ignore[misc]
        system.plan = length
        record = {"recipe": None, "arguments": {}, SAID: as_record(fitted)}
        train_system(system, data, place, record, Watching(report, callbacks), resuming=going_on)
    attach(run)
    (run.path / "evaluation.json").unlink(missing_ok=True)
    draw(run)


def draw(run: "Run") -> None:
    """The run's pictures anew, samples among them now."""
    from vaekit.report import draw_pictures

    put_whole(
        lambda beside: draw_pictures(run.model, run.data, run.metrics, beside, seed=run.record["plan"]["seed"]),
        run.path,
    )


def detach(run: "Run") -> None:
    """Give the run's model its own priors back, as they were before others took their places."""
    if run.before is not None:
        priors, run.on_labels = run.before
        for latent, prior in priors.items():
            run.model.set_prior(latent, prior)
        run.before = None


def to_fit(run: "Run") -> list[str]:
    """The latents whose priors can be fitted afterwards: those with codes, else those of real numbers."""
    priors = run.model.own_priors()
    if not priors:
        raise ValueError(f"the model of {run.path} has no prior of its own that a fitted one could take the place of")
    coded = [latent for latent in priors if has_codes(run, latent)]
    if not coded:
        for latent, prior in priors.items():
            if prior.space != REAL:
                raise ValueError(
                    f"flow, mixture and energy are over all real numbers, the latent {latent} is of {prior.space}"
                )
    return coded or list(priors)


def has_codes(run: "Run", latent: str) -> bool:
    """Whether a latent stands for codes."""
    return isinstance(run.model.own_priors()[latent], PriorOverCodes)


def attach(run: "Run") -> None:
    """Give the run's model the priors that its folder holds, if they are all there and of its weights."""
    folder = run.path / FOLDER
    if not folder.is_dir() or not run.model.own_priors():
        return
    waiting = to_fit(run)
    if not is_finished(folder, waiting):
        return
    for latent in waiting:
        place = RunFolder(folder / latent)
        fitted = said_of(place)
        if fitted.of != checksum(run.folder.best):
            continue
        spec, chosen = LatentSpec.from_dict(fitted.latent), prior_recipe(fitted.prior)
        given = chosen.arguments(fitted.arguments)
        system = built(lambda: System(OverLatent(chosen(spec, **given)), Distortion()), 0, saved=header(place.best))  # noqa: B023
        load_weights(system.model, place.best)
        if run.before is None:
            run.before = run.model.own_priors(), run.on_labels
        prior = system.model.eval().prior
        assert isinstance(prior, Prior)
        run.model.set_prior(latent, prior, None if fitted.classes is None else OneHot(fitted.classes))
        run.on_labels = run.on_labels or fitted.on_labels


def collected(run: "Run", split: Split, on_labels: bool) -> dict[str, Values]:
    """Draws of every latent that waits for a prior, and what their priors depend on, for all examples of a split."""
    found: dict[str, list[Tensor]] = {}
    contexts: dict[str, list[Tensor]] = {}
    waiting = to_fit(run)
    for seed in range(1 if has_codes(run, waiting[0]) else how_often(run, waiting, len(split))):
        with answering(run.model, seed):
            for batch in passes(run, split, seed):
                inference = run.model.infer(batch.data, batch.context, at=batch.at, default=Draw())
                for name in waiting:
                    latent = inference.latents[name]
                    code, p = drawn_code(latent), latent.prior
                    found.setdefault(name, []).append((latent.value.float() if code is None else code).cpu())
                    given = p.context if isinstance(p, Coded) else None
                    contexts.setdefault(name, []).extend([] if given is None else [given.float().cpu()])
    shown = {name: torch.cat(parts) if parts else None for name, parts in contexts.items()}
    if on_labels:
        labels = one_hot(run, split)
        shown = {name: beside(labels, context) for name, context in shown.items()}
    return {name: Values(torch.cat(parts), shown[name]) for name, parts in found.items()}


def how_often(run: "Run", waiting: Sequence[str], n: int) -> int:
    """How many draws of each example: ten, or as many as keep to 2^26 numbers."""
    numbers = n * sum(math.prod(run.model.own_priors()[name].event_shape) for name in waiting)
    return max(1, min(DRAWS, MOST_NUMBERS // numbers))


def drawn_code(latent: Latent) -> Tensor | None:
    """The codes of a latent, those that were drawn where its posterior draws; None of one without."""
    p = latent.prior
    if isinstance(p, Coded) and p.read is not None:
        return p.read(latent.value)
    return codes_of(latent.posterior)


def one_hot(run: "Run", split: Split) -> Tensor:
    """The labels of a split, (N, classes)."""
    labels, classes = split.conditioned_on_labels().labels, run.spec.classes
    assert labels is not None
    assert classes is not None
    return OneHot(classes).to(torch.float32)(labels.long())


def beside(labels: Tensor, context: Tensor | None) -> Tensor:
    """Labels alone; a latent whose prior depends on others is refused."""
    if context is not None:
        raise ValueError("on_labels is for models with one latent, whose prior depends on nothing else")
    return labels


def spec_of(run: "Run", latent: str) -> LatentSpec:
    """What the prior of a latent must know, but for what it depends on."""
    prior = run.model.own_priors()[latent]
    sizes = prior.sizes if isinstance(prior, PriorOverCodes) else ()
    return LatentSpec(latent, tuple(prior.event_shape), sizes)


def context_of(train: Values) -> tuple[int, ...] | None:
    """The shape of what a prior depends on."""
    return None if train.context is None else tuple(train.context.shape[1:])


def data_of(run: "Run", spec: LatentSpec, parts: Mapping[str, Values]) -> Data:
    """Codes as data of categories, real numbers as they are."""
    shape, what = (
        tuple(parts["train"].drawn.shape[1:]),
        f"codes of {spec.name}" if spec.sizes else f"draws of {spec.name}",
    )
    if spec.sizes:
        about = DataSpec(what, shape, Domain.CATEGORIES, levels=max(2, *spec.sizes), context=spec.context)
    else:
        about = DataSpec(what, shape, Domain.REAL, context=spec.context)
    splits: dict[str, Any] = dict.fromkeys(("train", "valid", "test"))
    splits |= {role: part.split() for role, part in parts.items()}
    return Data(**splits, spec=about, source={"source": {"memory": f"{what} of {run.path}"}})


def is_finished(folder: Path, latents: Sequence[str]) -> bool:
    """Whether every latent has a prior that was trained to its end."""
    places = [RunFolder(folder / latent) for latent in latents]
    return all((p.path / "run.json").is_file() and p.read()["status"] == "finished" for p in places)


def may_go_on(place: Path, wanted: Fitted) -> bool:
    """Whether a prior in this folder was stopped that is the one wanted."""
    folder = RunFolder(place)
    if not (place / "run.json").is_file() or folder.read()["status"] == "finished":
        return False
    return said_of(folder) == wanted and folder.checkpoints.latest() is not None


def said_of(folder: RunFolder) -> Fitted:
    """What the folder of a prior says of it; ValueError for what vaekit does not write."""
    record = folder.read()
    try:
        field_of(record, SAID, lambda v: isinstance(v, dict), "a JSON object")
        return made_of(Fitted, record[SAID], SAID)
    except ValueError as error:
        raise ValueError(f"{folder.path / 'run.json'} is not as vaekit wrote it: {error}") from None


def as_record(fitted: Fitted) -> dict[str, Any]:
    """As JSON has it."""
    arguments = {key: list(v) if isinstance(v, tuple) else v for key, v in fitted.arguments.items()}
    return {**fitted.__dict__, "arguments": arguments}
