"""A run: a trained model and its folder, and what it can be asked."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

import vaekit.data
from vaekit.data import Data, DataSpec, Split
from vaekit.evaluation import (
    Annealing,
    Disentanglement,
    Evaluation,
    Inception,
    Quality,
    disentanglement,
    evaluate,
    quality,
)
from vaekit.evaluation.disentanglement.dci import Learner, boosted
from vaekit.integrations.hub import push
from vaekit.models import Model
from vaekit.priors import Prior
from vaekit.runs import asking, conditioning, keeping, swapping
from vaekit.runs import codes as coding
from vaekit.runs import labels as by_label
from vaekit.runs import levels as from_top
from vaekit.runs import tokens as tokens_of
from vaekit.runs.codes import Codes
from vaekit.runs.labels import Prediction
from vaekit.runs.levels import Temperature
from vaekit.runs.sameness import check_same
from vaekit.runs.space import InLatentSpace
from vaekit.training import Choices, read_metrics
from vaekit.training.folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

    from vaekit.report import Subject

__all__ = ["Run"]


class Run(InLatentSpace):
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
        self.before: tuple[dict[str, Prior], bool] | None = None  # its own priors, where others were fitted
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
        """What the data was; with its labels as the context where only a fitted prior depends on them."""
        spec = DataSpec.from_dict(self.record["spec"])
        return replace(spec, context=()) if self.on_labels else spec

    @property
    def latents(self) -> dict[str, tuple[int, ...]]:
        """The shape of a value of each latent, by its name, in the order in which the model draws them."""
        return asking.latents_of(self)

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
        whole = self._data
        return whole.conditioned_on_labels() if self.on_labels and whole.spec.context is None else whole

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

    def read(
        self,
        examples: Any,
        labels: Any = None,
        *,
        label: int | str | None = None,
        context: Any = None,
        lengths: Any = None,
    ) -> Split:
        """New examples, read the way the training data was; a `Split` as it is.

        A model conditioned on labels needs those of the examples: their own, `labels`, or one `label` for all. One that
        takes another context needs that: `context`, an array or .npy file, where an .npz does not bring it along.
        `lengths`: how many steps of each sequence exist, an array or .npy file, where an .npz does not say so.
        """
        return conditioning.read(self, examples, labels, label, context, lengths)

    def evaluate(
        self,
        samples: int = 100,
        split: str | None = None,
        seed: int = 0,
        limit: int | None = None,
        *,
        annealed: Annealing | None = None,
        aggregate: bool = False,
    ) -> Evaluation:
        """Bounds and the importance-sampled log-likelihood with `samples` draws, on a held-out split.

        `annealed`: a tighter bound by annealing, which takes long; `aggregate`: how codes fill the latent.
        """
        _, rows = self.split(split)
        rows = rows if limit is None else rows.first(limit)
        more: dict[str, Any] = {"annealed": annealed, "aggregate": aggregate}
        return evaluate(self.model, rows, self.spec, samples=samples, seed=seed, at=self.at, **more)

    def sample(
        self,
        n: int | None = None,
        seed: int = 0,
        context: Any = None,
        mean: bool = True,
        *,
        label: int | str | None = None,
        temperature: Temperature = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        length: int | None = None,
    ) -> Tensor:
        """`n` events from the model: the mean of p(x|z), or draws of x, as always where x has no mean; (n, *event).

        `context`: an array or .npy file with a row for each sample (rows in turn where n is another number), and for a
        model that completes, the examples. `label`, by its number or name, is for models conditioned on labels; without
        one, every class in turn; likewise for models with a label of their own that decides what they generate.
        `temperature` scales the spread of the prior: below 1 for more typical samples that differ less, 0 for its mean.
        Of several latents each can have its own: a number for each from the top on, or some by name, as {"z1": 0.7}.
        A prior over codes draws each among its `top_k` likeliest, or the fewest that have at least `top_p` together.
        `length`: how many steps sequences take, those of the data if not said.
        """
        asking.check_prior(self)
        at = from_top.tempered_latents(self, temperature, top_k, top_p)
        count, given = conditioning.for_samples(self, n, context, None if by_label.is_told(self) else label)
        at |= by_label.told(self, count, label)
        with asking.answering(self.model, seed):
            inference = self.model.generate(count, given, at=at, length=length)
            return self.spec.restore(asking.sampled(inference, mean))

    def reconstruct(
        self,
        examples: Any,
        context: Any = None,
        *,
        levels: int | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Tensor:
        """The mean of p(x|z) at the mean of q(z|x), for every example: (N, *event).

        With `levels`, only the first so many latents are read from the example, from the top on; those below come from
        their priors: their means, or with a `temperature` above 0 draws under `seed`.
        """
        given = None if context is None else conditioning.contexts(self, context)
        split = self.read(examples) if given is None or self.on_labels else self.read(examples, context=context)
        made = from_top.reconstruct(self, split, given, levels, temperature, seed)
        return self.spec.restore(made)

    def complete(self, examples: Any = None, n: int = 8, *, seed: int = 0, mean: bool = True) -> Tensor:
        """`n` completions of each example (N, n, *event): what is observed of it, and the rest drawn from the model.

        Each is the mean of p(x|z), or with `mean` False a draw of x, at another z from the prior. Without examples, the
        first eight held-out ones.
        """
        split = self.split()[1].first(8) if examples is None else self.read(examples)
        return self.spec.restore(conditioning.complete(self, split, n, seed, mean))

    def by_level(self, examples: Any, most: int = 8) -> dict[int, Tensor]:
        """What each latent adds: reconstructions (N, *event) from the top 1, 2, ... latents, by their number.

        Of a model with more than `most` latents, the first, all of them, and numbers between after which about equally
        many more nats are told.
        """
        made = from_top.by_level(self, self.read(examples), most)
        return {n: self.spec.restore(x) for n, x in made.items()}

    def codes(self, examples: Any, *, draws: int | None = None, seed: int = 0) -> dict[str, Tensor]:
        """Every latent by its name: the mean of q(z|x) (N, *latent), or `draws` draws of it (draws, N, *latent)."""
        return coding.encode(self, self.read(examples), draws, seed)

    def encode(self, examples: Any, *, draws: int | None = None, latent: str | None = None, seed: int = 0) -> Tensor:
        """The codes of one latent: the mean of q(z|x) (N, *latent), or `draws` draws of it (draws, N, *latent).

        `latent` says which, where the model has several; `codes` gives them all.
        """
        return coding.named(self.codes(examples, draws=draws, seed=seed), latent)

    def decode(
        self,
        z: Tensor | Codes,
        context: Any = None,
        *,
        latent: str | None = None,
        label: int | str | None = None,
    ) -> Tensor:
        """The mean of p(x|z) at values of a latent (N, *latent), or of several by their names: (N, *event).

        Where the model has several, `latent` says which one a tensor is of. A latent that no values are given of is the
        mean of its prior, given those above it; values of one on a sphere count by their direction. A model with a
        context needs one row of it for each value, or one `label` for all.
        """
        if self.on_labels and context is None and label is None:
            raise ValueError(
                "this model is conditioned on labels: give label=, one for all, or context=, a row for each"
            )
        values = coding.checked(self, z, latent)
        n = len(next(iter(values.values())))
        given = asking.context_of(self, n, label) if context is None else conditioning.contexts(self, context)
        return self.spec.restore(coding.decode(self, values, given))

    def fit_prior(self, name: str = "transformer", **options: Any) -> None:
        """Train a prior over this run's codes, so that it generates: see `vaekit.fit_prior`, which this calls."""
        from vaekit.runs.fitting import fit_prior

        fit_prior(self, name, **options)

    def tokenize(self, examples: Any) -> dict[str, Tensor]:
        """Whole numbers for every latent with codes, by its name: (N, Q, *positions), Q digits at each position."""
        return tokens_of.tokenized(self, self.read(examples))

    def detokenize(self, tokens: Tensor | Codes, *, label: int | str | None = None) -> Tensor:
        """What tokens stand for, (N, *event): those of the one latent with codes, or of all of them by name."""
        return self.spec.restore(tokens_of.detokenized(self, tokens, label))

    def swap(self, a: Any, b: Any, latent: str | Sequence[str] | None = None) -> Tensor:
        """The named latents of `a` with all others of `b`, each inferred from its own example: the mean of p(x|z), (*event).

        Without a name it is the model's first latent: in dsvae the content of a with the motion of b. `a` and `b` are
        numbers of held-out examples, or one example each. A sequence is as long as the one its motion comes from.
        """
        first, second = asking.one_of(self, a, "a", None), asking.one_of(self, b, "b", None)
        return self.spec.restore(swapping.swap(self, first, second, latent)[0])

    def swaps(self, examples: Any, latent: str | Sequence[str] | None = None) -> Tensor:
        """As `swap`, of every two of some examples: the named latents of each, and all others of each (N, N, *event).

        `examples`: numbers of held-out ones, or anything that can be read.
        """
        return self.spec.restore(swapping.every_pair(self, swapping.some_of(self, examples), latent))

    def example(self, which: Any) -> Tensor:
        """One example as the model sees it, in the data's units (*event), zero behind its end: by its number, or read."""
        return asking.originals(self, asking.one_of(self, which, "which", None))[0]

    def predict(self, examples: Any, draws: int = 0) -> Prediction:
        """The likeliest label of every example (N,), and the probability of each label (N, classes): q(y|x).

        For models with a label of their own. What labels the examples have is not looked at; latents that the label is
        read from are at the means of their posteriors, or q(y|x) is averaged over `draws` of them.
        """
        return by_label.predict(self, self.read(examples), draws)

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

    def disentanglement(
        self,
        split: str | None = None,
        *,
        latent: str | None = None,
        n: int = 15_000,
        learner: Learner = boosted,
        seed: int = 0,
    ) -> Disentanglement:
        """Whether dimensions of the codes stand for single factors, for data whose factors are known: six scores.

        Of `n` examples, those of all the data if no split is said. `learner`: what DCI predicts factors with.
        """
        return disentanglement(
            self.model, self.data, split=split, latent=latent, n=n, learner=learner, seed=seed, at=self.at
        )

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
        if not keeping.is_kept(self.path):
            self.keep_evaluation(subject.evaluation, self.split()[0], seed)
        return write_report(subject, place, seed)

    def keep_evaluation(
        self, figures: Evaluation, split: str, seed: int, weights: str = "best", **more: Any
    ) -> dict[str, Any]:
        """Write figures as RUN/evaluation.json, with what else is to stand there; returns what was written."""
        return keeping.keep(self.path, figures, {"split": split, "seed": seed, "weights": weights}, more)

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
