"""Priors that are fitted to the codes of a finished run, and found again with it: RUN/prior/LATENT is a run of its own."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vaekit.data import Data, DataSpec, Domain, Split
from vaekit.data.noise import as_codes
from vaekit.data.stored import Held
from vaekit.distributions import Coded, codes_of
from vaekit.models import Draw, OverCodes
from vaekit.models.inference import Latent
from vaekit.networks import OneHot
from vaekit.objectives import Distortion
from vaekit.priors import PriorOverCodes
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
class Codes:
    """The codes (N, Q, *positions) of one latent of a split, and what its prior depends on (N, ...), if on anything."""

    codes: Tensor
    context: Tensor | None

    def split(self) -> Split:
        """As a split of categories in the smallest type."""
        kind = torch.uint8 if int(self.codes.max()) < 256 else torch.int32
        return Split(Held(self.codes.to(kind)), context=self.context, read=as_codes)


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
    """Train a prior by its name on the codes of a run's training examples, one for each latent that has codes.

    The codes are computed once, and the priors kept in the run's folder and given to its model. With `on_labels` they
    depend on the data's labels. What was stopped before its end is gone on with, and a prior of other weights than the run
    has now is replaced; `again` replaces any.

    Raises ValueError for a run without codes, and where a prior is fitted already.
    """
    chosen = prior_recipe(name)
    given = chosen.arguments(arguments or {})
    length = plan_from(plan, PLAN)
    folder = run.path / FOLDER
    if again:
        detach(run)
    waiting = [latent for latent, prior in run.model.own_priors().items() if isinstance(prior, PriorOverCodes)]
    if not waiting:
        raise ValueError(f"the model of {run.path} has no codes that a prior could be fitted to")
    if run.before is not None:
        raise ValueError(f"{run.path} has a prior already: fit another one in its place with again (--again)")
    if on_labels and (run.on_labels or run.spec.classes is None):
        why = "is conditioned on them already" if run.on_labels else "are of data without labels"
        raise ValueError(f"on_labels needs labels that the model does not see, those of {run.path} {why}")
    parts = {role: collected(run, split, on_labels) for role, split in run.data.splits().items()}
    weights = checksum(run.folder.best)
    for latent in waiting:
        shown = {role: found[latent] for role, found in parts.items()}
        spec = spec_of(run, latent, shown["train"])
        fitted = Fitted(name, given, spec.to_dict(), weights, run.spec.classes if on_labels else None)
        place = folder / latent
        if not again and is_finished(folder, [latent]) and said_of(RunFolder(place)) == fitted:
            continue
        going_on = not again and may_go_on(place, fitted)
        if place.exists() and not going_on:
            shutil.rmtree(place)
        data = data_of(run, spec, shown)
        system = built(lambda spec=spec: System(OverCodes(chosen(spec, **given)), Distortion()), length.seed)  # type: ignore[misc]
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


def attach(run: "Run") -> None:
    """Give the run's model the priors that its folder holds, if they are all there and of its weights."""
    folder = run.path / FOLDER
    waiting = [latent for latent, prior in run.model.own_priors().items() if isinstance(prior, PriorOverCodes)]
    if not waiting or not folder.is_dir() or not is_finished(folder, waiting):
        return
    for latent in waiting:
        place = RunFolder(folder / latent)
        fitted = said_of(place)
        if fitted.of != checksum(run.folder.best):
            continue
        spec, chosen = LatentSpec.from_dict(fitted.latent), prior_recipe(fitted.prior)
        given = chosen.arguments(fitted.arguments)
        system = built(lambda: System(OverCodes(chosen(spec, **given)), Distortion()), 0, saved=header(place.best))  # noqa: B023
        load_weights(system.model, place.best)
        if run.before is None:
            run.before = run.model.own_priors(), run.on_labels
        prior = system.model.eval().prior
        assert isinstance(prior, PriorOverCodes)
        run.model.set_prior(latent, prior, None if fitted.classes is None else OneHot(fitted.classes))
        run.on_labels = run.on_labels or fitted.on_labels


def collected(run: "Run", split: Split, on_labels: bool) -> dict[str, Codes]:
    """The codes of every latent that has any, and what their priors depend on, for all examples of a split."""
    codes: dict[str, list[Tensor]] = {}
    contexts: dict[str, list[Tensor]] = {}
    with answering(run.model):
        for batch in passes(run, split):
            inference = run.model.infer(batch.data, batch.context, at=batch.at, default=Draw())
            for name, latent in inference.latents.items():
                code, p = drawn_code(latent), latent.prior
                if code is not None and isinstance(p, Coded):
                    codes.setdefault(name, []).append(code.cpu())
                    contexts.setdefault(name, []).extend([] if p.context is None else [p.context.float().cpu()])
    shown = {name: torch.cat(parts) if parts else None for name, parts in contexts.items()}
    if on_labels:
        labels = one_hot(run, split)
        shown = {name: beside(labels, context) for name, context in shown.items()}
    return {name: Codes(torch.cat(parts), shown[name]) for name, parts in codes.items()}


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


def spec_of(run: "Run", latent: str, train: Codes) -> LatentSpec:
    """What the prior of a latent must know."""
    prior = run.model.own_priors()[latent]
    assert isinstance(prior, PriorOverCodes)
    context = None if train.context is None else tuple(train.context.shape[1:])
    return LatentSpec(latent, prior.event_shape, prior.sizes, context)


def data_of(run: "Run", spec: LatentSpec, parts: Mapping[str, Codes]) -> Data:
    """Codes as data of categories."""
    shape = tuple(parts["train"].codes.shape[1:])
    about = DataSpec(
        f"codes of {spec.name}", shape, Domain.CATEGORIES, levels=max(2, *spec.sizes), context=spec.context
    )
    splits: dict[str, Any] = dict.fromkeys(("train", "valid", "test"))
    splits |= {role: part.split() for role, part in parts.items()}
    return Data(**splits, spec=about, source={"source": {"memory": f"codes of {spec.name} of {run.path}"}})


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
