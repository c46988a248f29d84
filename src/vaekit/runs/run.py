"""A run: a trained model and its folder, and what it can be asked."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import vaekit.data
from vaekit.data import Data, DataSpec, Split
from vaekit.evaluation import Evaluation, Inception, Quality, evaluate, quality
from vaekit.integrations.hub import push
from vaekit.latent import decoded, spherical, straight, traversal
from vaekit.models import Model
from vaekit.models.choices import FromPrior
from vaekit.runs import asking
from vaekit.runs.sameness import check_same
from vaekit.training import Choices, read_metrics
from vaekit.training.checkpoint import write_text
from vaekit.training.folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from vaekit.report import Subject

__all__ = ["Run"]


class Run:
    """A trained model and its folder. `model` holds the best weights; `data` is opened when first asked for.

    Examples go in and come out as the data has them: pictures (C, H, W) in [0, 1] or in whole levels, tables in their
    own units. What a method calls `examples` is a `Split`, or anything that `vaekit.data.read` takes: a file, a folder
    of pictures, an array.
    """

    def __init__(
        self,
        folder: RunFolder,
        model: Model,
        data: Data | None = None,
        on_labels: bool = False,
        at: Choices | None = None,
    ) -> None:
        self.folder, self.model, self.on_labels, self.at = folder, model, on_labels, at
        self._data = data

    @property
    def path(self) -> Path:
        """Where the run is."""
        return self.folder.path

    @property
    def record(self) -> dict[str, Any]:
        """What run.json says."""
        return self.folder.read()

    @property
    def spec(self) -> DataSpec:
        """What the data was."""
        return DataSpec.from_dict(self.record["spec"])

    @property
    def metrics(self) -> list[dict[str, float]]:
        """One row per epoch, nats per example."""
        return read_metrics(self.folder.metrics)

    @property
    def data(self) -> Data:
        """The data it was trained on, opened again from its record; ValueError where it is no longer the same."""
        if self._data is None:
            found, record = vaekit.data.Data.reopen(self.record["data"]), self.record
            check_same(record, found)
            self._data = found
        return self._data

    def split(self, name: str | None = None) -> tuple[str, Split]:
        """A split by name; without one, the test split, else the validation split, else the training split."""
        splits = {"test": self.data.test, "valid": self.data.valid, "train": self.data.train}
        if name is not None and splits.get(name) is None:
            raise ValueError(
                f"the data has no split {name!r}: it has {[n for n, s in splits.items() if s is not None]}"
            )
        chosen = name or next(n for n, s in splits.items() if s is not None)
        split = splits[chosen]
        assert split is not None
        return chosen, split

    def read(self, examples: Any, labels: Any = None, *, label: int | str | None = None) -> Split:
        """New examples, read the way the training data was; a `Split` as it is.

        A model conditioned on labels needs those of the examples: their own, `labels`, or one `label` for all.
        """
        split = examples if isinstance(examples, Split) else vaekit.data.read(examples, self.spec, labels=labels)
        if label is not None:
            split = asking.labelled(self, split, label)
        if not self.on_labels:
            return split
        if split.labels is None:
            raise ValueError(
                "this model is conditioned on labels: give label=, one for all, or labels=, a column or an .npy file"
            )
        return split.conditioned_on_labels()

    def evaluate(
        self, samples: int = 100, split: str | None = None, seed: int = 0, limit: int | None = None
    ) -> Evaluation:
        """Bounds and the importance-sampled log-likelihood with `samples` draws, on a held-out split."""
        _, rows = self.split(split)
        shown = rows if limit is None else rows.first(limit)
        return evaluate(self.model, shown, self.spec, samples=samples, seed=seed, at=self.at)

    def sample(
        self,
        n: int = 1,
        seed: int = 0,
        context: Tensor | None = None,
        mean: bool = True,
        *,
        label: int | str | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """`n` events from the model: the mean of p(x|z), or draws of x; (n, *event).

        `label`, by its number or name, is for models conditioned on labels; without one, every class in turn.
        `temperature` scales the spread of the prior: below 1 for more typical samples that differ less.
        """
        asking.check_prior(self)
        given = asking.context_of(self, n, label) if context is None else context
        with asking.answering(self.model, seed):
            inference = self.model.generate(n, given, default=FromPrior(temperature))
            return self.spec.restore(asking.shown(inference, mean))

    def reconstruct(self, examples: Any, context: Tensor | None = None) -> Tensor:
        """The mean of p(x|z) at the mean of q(z|x), for every example: (N, *event)."""
        return self.spec.restore(asking.reconstruct(self, self.read(examples), context))

    def encode(self, examples: Any, *, draws: int | None = None, latent: str | None = None, seed: int = 0) -> Tensor:
        """Codes: the mean of q(z|x) (N, *latent), or `draws` draws of it (draws, N, *latent).

        `latent` says which, where the model has several.
        """
        codes = asking.encode(self, self.read(examples), draws, seed)
        return asking.named(codes, latent)

    def decode(self, z: Tensor, context: Tensor | None = None, *, label: int | str | None = None) -> Tensor:
        """The mean of p(x|z) at values of the latent: (N, *latent) to (N, *event).

        A model with a context needs one row of it for each value, or one `label` for all.
        """
        asking.check_codes(self, z)
        if self.on_labels and context is None and label is None:
            raise ValueError(
                "this model is conditioned on labels: give label=, one for all, or context=, a row for each"
            )
        given = asking.context_of(self, len(z), label) if context is None else context
        with asking.answering(self.model):
            name = asking.latent_name(self, None)
            return self.spec.restore(decoded(self.model, asking.like_weights(self.model, z), given, name))

    def interpolate(
        self, a: Any, b: Any, steps: int = 10, *, path: str = "spherical", label: int | str | None = None
    ) -> Tensor:
        """From one example to another through their codes: (steps, *event), the ends being reconstructions.

        `a` and `b` are numbers of held-out examples, or one example each. `path`: "spherical" or "straight". In a model
        conditioned on labels the class changes halfway, unless `label` gives one to both.
        """
        ways = {"spherical": spherical, "straight": straight}
        if path not in ways:
            raise ValueError(f"path must be 'spherical' or 'straight', got {path!r}")
        first, last = asking.one_of(self, a, "a", label), asking.one_of(self, b, "b", label)
        ends = self.encode(first)[0], self.encode(last)[0]
        return self.decode(ways[path](*ends, steps), asking.between(first, last, steps))

    def traverse(
        self,
        start: Any = None,
        *,
        dimensions: Sequence[int] | None = None,
        steps: int = 9,
        span: float = 2.5,
        label: int | str | None = None,
    ) -> Tensor:
        """What each dimension does: (dimensions, steps, *event), each going from -span to span, the others left alone.

        From the code of `start` (a number of a held-out example, or one example), else from the first held-out example.
        Without `dimensions`, the ten that vary most over held-out data, those first.
        """
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}")
        first = asking.one_of(self, 0 if start is None else start, "start", label)
        code = self.encode(first)[0]
        chosen = asking.busiest(self, 10) if dimensions is None else list(dimensions)
        if not chosen:
            raise ValueError("dimensions must name at least one, got none")
        values = torch.linspace(-span, span, steps)
        rows = [self.decode(traversal(code, d, values), asking.between(first, first, steps)) for d in chosen]
        return torch.stack(rows)

    def score(self, examples: Any, samples: int = 100, seed: int = 0) -> dict[str, Tensor]:
        """How likely each example is: columns (N,) of nats. The lower the log-likelihood, the more unusual.

        "distortion" -log p(x|z), "rate", "elbo" and "log_likelihood" (importance-sampled with `samples` draws); a
        deterministic autoencoder has the distortion alone.
        """
        return asking.score(self, self.read(examples), samples, seed)

    def quality(
        self,
        split: str | None = None,
        *,
        inception: Path | str | None = None,
        limit: int | None = None,
        seed: int = 0,
    ) -> Quality:
        """PSNR and SSIM of reconstructions, and Fréchet distances of reconstructions and samples from held-out data.

        Features are those of the Inception network whose weights are in the file `inception`, else of a classifier that
        is trained on the data's own labels.
        """
        features = None if inception is None else Inception(inception)
        name, _ = self.split(split)
        n = 10_000 if limit is None else limit
        return quality(self.model, self.data, split=name, features=features, n=n, seed=seed, at=self.at)

    def subject(
        self, *, samples: int = 100, limit: int | None = 2000, seed: int = 0, quality: bool = False
    ) -> "Subject":
        """What a page about this run needs: the model, its data and its record, evaluated."""
        from vaekit.report import Subject

        split = self.split()[1]
        most = None if limit is None or limit >= len(split) else limit
        return Subject(
            self.path,
            self.model,
            self.data,
            self.record,
            self.metrics,
            self.evaluate(samples, None, seed, most),
            self.at,
            self.quality(limit=limit, seed=seed).figures() if quality else {},
        )

    def report(
        self,
        path: Path | str | None = None,
        *,
        samples: int = 100,
        limit: int | None = 2000,
        seed: int = 0,
        quality: bool = False,
    ) -> Path:
        """Write the page about this run, RUN/report.html if not said: one file that can be sent to anyone.

        Figures are of at most `limit` held-out examples.
        """
        from vaekit.report.page import check_target, write_report

        place = check_target(self.path / "report.html" if path is None else Path(path))
        subject = self.subject(samples=samples, limit=limit, seed=seed, quality=quality)
        if kept_evaluation(self.path).get("weights_sha256") != checksum(self.folder.best):
            self.keep_evaluation(subject.evaluation, self.split()[0], seed)
        return write_report(subject, place, seed)

    def keep_evaluation(
        self, figures: Evaluation, split: str, seed: int, weights: str = "best", **more: Any
    ) -> dict[str, Any]:
        """Write figures as RUN/evaluation.json, with what else is to stand there; returns what was written."""
        said = {"run": str(self.path), "split": split, "seed": seed, "weights": weights}
        record = {**said, "weights_sha256": checksum(self.path / f"{weights}.safetensors"), **figures.to_dict(), **more}
        write_text(self.path / "evaluation.json", json.dumps(record, indent=2) + "\n")
        return record

    def plots(self, seed: int = 0) -> dict[str, "MatplotlibFigure"]:
        """The run's pictures by name, for a notebook: curves, reconstructions, samples, kl."""
        from vaekit.report import pictures_of

        return pictures_of(self.model, self.data, self.metrics, seed)

    def push_to_hub(self, repo_id: str, *, private: bool = False, token: str | None = None) -> str:
        """Publish the run on the Hugging Face Hub as "user/name", with a model card; returns its address.

        Weights, record, table, figures and pictures go up, nobody's paths and no data.
        """
        return push(self.path, repo_id, private=private, token=token)

    def save_pretrained(self, folder: Path | str, repo_id: str = "user/name") -> Path:
        """Write into a new folder what `push_to_hub` would publish; `vaekit.from_pretrained` opens it."""
        return Path(push(self.path, repo_id, to=folder))

    def export(self, folder: Path | str | None = None) -> list[Path]:
        """Write the model's parts as ONNX, RUN/onnx if not said, each checked against the model; needs vaekit[onnx]."""
        from vaekit.integrations.onnx import export_onnx

        return export_onnx(self.model, self.spec, Path(folder) if folder is not None else self.path / "onnx")

    def _repr_html_(self) -> str:
        from vaekit.report.notebook import run_as_html

        return run_as_html(self.record, self.metrics)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, recipe={self.record['recipe']!r}, status={self.record['status']!r})"


def checksum(weights: Path) -> str:
    """What tells weights apart from those of another epoch."""
    return hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else ""


def kept_evaluation(folder: Path) -> dict[str, Any]:
    """What RUN/evaluation.json says; nothing where there is none that can be read."""
    try:
        found = json.loads((folder / "evaluation.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
