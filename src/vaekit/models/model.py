"""The abstract model: a graph of named latents that infers and generates."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vaekit.conditionals.conditional import Conditional
from vaekit.distributions import representative
from vaekit.distributions.draws import Rows
from vaekit.models.axes import Axes
from vaekit.models.choices import Choice, FromPrior, Infer, Mean
from vaekit.models.inference import Inference
from vaekit.models.sequences import held
from vaekit.models.walk import Walk
from vaekit.networks import StartsOnData
from vaekit.priors.prior import Prior

__all__ = ["Data", "Model", "Part"]

Data = Tensor | Mapping[str, Tensor]


@dataclass(frozen=True)
class Part:
    """A conditional that is of use alone: of an input (B, *shape), and of a context where the model has one.

    `embed` is the network that the context goes through first; `context` the shape of one where the model finds it in
    x rather than in the data's own.
    """

    conditional: Conditional
    shape: tuple[int, ...]
    embed: nn.Module | None = None
    context: tuple[int, ...] | None = None


class Model(nn.Module, ABC):
    """A graph of named latents. A subclass says how it is walked; this class says what a walk is good for.

    Data is a tensor x (B, *event), known to the graph as "x", or a dict of named tensors that share B; of sequences
    (B, T, ...) a "mask" (B, T) says which steps exist, and what stands at the others is no matter. `label` is the
    latent whose values are the labels of the data, None where there is none; `obeys_label`: what it is set to decides
    what the model generates. `event_shape`: that of x, if x must have one. A conditional of x is called `decoder`.
    """

    label: str | None = None
    obeys_label: bool = False
    event_shape: tuple[int, ...] | None = None

    @abstractmethod
    def walk(self, walk: Walk) -> None:
        """Name every latent and likelihood in order, once."""

    def evidence(self, data: Mapping[str, Tensor], context: Tensor | None) -> object:
        """What posteriors need of the data, computed once: any tree of tensors (B, ...)."""
        return None

    def check(self, data: Mapping[str, Tensor], context: Tensor | None) -> None:
        """Raise ValueError, in a sentence, for data that this model cannot take: x of another shape than its own."""
        if self.event_shape is not None:
            check_event(data, context, self.event_shape)

    def context_of(self, data: Mapping[str, Tensor], context: Tensor | None) -> Tensor | None:
        """The context of a walk with these data: the one that is given, unless a model finds its own in them."""
        return context

    def known(self) -> Tensor | None:
        """The elements of x that the context gives, True there (*event); None where all of x is generated."""
        return None

    def parts(self) -> dict[str, Part]:
        """Conditionals that are of use alone (an encoder, a decoder) by name, for export; none if a model says none."""
        return {}

    def own_priors(self) -> dict[str, Prior]:
        """The priors of latents, by their names, that another one may take the place of."""
        return {}

    def set_prior(self, name: str, prior: Prior, context: nn.Module | None = None) -> None:
        """Give a latent another prior, such as one that was fitted afterwards. `context`: a network that makes, of the
        context that a caller hands in, what this prior sees of it; no other part of the model then sees any.

        Raises ValueError where the model has no such prior.
        """
        raise ValueError(f"this model has no prior of {name!r} that another could take the place of")

    def start_at(self, mean: Tensor) -> None:
        """Let a fresh model generate this mean (*event) whatever its latents: a start of its decoder from the data."""
        decoder = getattr(self, "decoder", None)
        if isinstance(decoder, Conditional):
            decoder.start_at(mean)

    @torch.no_grad()
    def start_on(self, data: Data, context: Tensor | None = None) -> None:
        """Let parts of a fresh model that can (codebooks, pseudo-inputs) begin from these examples.

        Raises ValueError where these are too few for that.
        """
        for prior in self.own_priors().values():
            prior.start_on(data["x"] if isinstance(data, Mapping) else data)
        parts = [part for part in self.modules() if isinstance(part, StartsOnData)]
        was = self.training
        self.eval()
        try:
            for part in parts:
                part.starting = True
            if parts:
                self.infer(data, context)
        finally:
            for part in parts:
                part.starting = False
            self.train(was)

    def infer(
        self,
        data: Data,
        context: Tensor | None = None,
        *,
        samples: int | None = None,
        at: Mapping[str, Choice] | None = None,
        default: Choice = Infer(),  # noqa: B008  (frozen)
        evidence: object = None,
        rows: Rows | None = None,
        length: int | None = None,
    ) -> Inference:
        """Walk the graph once with data. `samples` K opens an axis of K draws in front of the batch.

        `at` says by name what happens at a latent, `default` at the others; `evidence` is reused if given; `rows` says
        which rows of a global batch these are, so that noise does not depend on how a batch is shared out.

        `length`: go on to so many steps, of a sequence that has fewer. What lies ahead of the data is imagined: latents
        come from their priors, likelihoods are drawn from, and no figure counts them.
        """
        named = as_named(data)
        if samples is not None and samples < 1:
            raise ValueError(f"samples must be at least 1, got {samples}")
        self.check(named, context)
        named = held(named)
        context = self.context_of(named, context)
        axes = Axes(len(next(iter(named.values()))), samples, rows)
        known = self.evidence(named, context) if evidence is None else evidence
        walk = Walk(named, axes, default, at=at, context=context, evidence=known, length=length)
        self.walk(walk)
        return walk.inference(self)

    def generate(
        self,
        n: int = 1,
        context: Tensor | None = None,
        *,
        at: Mapping[str, Choice] | None = None,
        default: Choice = FromPrior(),  # noqa: B008  (frozen)
        length: int | None = None,
        rows: Rows | None = None,
    ) -> Inference:
        """Walk the graph forwards `n` times (or once for each row of `context`): latents from their priors.

        `at` says by name what happens at a latent instead, `default` at the others. `length`: how many steps sequences
        take, as many as the model was made for if not said. `rows` as for `infer`.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        axes = Axes(n if context is None else len(context), None, rows)
        walk = Walk({}, axes, default, at=at, context=context, length=length)
        self.walk(walk)
        return walk.inference(self)

    @torch.no_grad()
    def sample(
        self,
        n: int = 1,
        context: Tensor | None = None,
        *,
        at: Mapping[str, Choice] | None = None,
        length: int | None = None,
    ) -> Tensor:
        """Draw x (n, *event) from the model: latents from their priors, x from its likelihood."""
        return self.generate(n, context, at=at, length=length).likelihoods["x"].value

    @torch.no_grad()
    def reconstruct(self, data: Data, context: Tensor | None = None) -> Tensor:
        """The mean of p(x | z) at the posterior's mean, (B, *event); see `representative` for one without a mean."""
        return representative(self.infer(data, context, default=Mean()).likelihoods["x"].distribution)


def as_named(data: Data) -> Mapping[str, Tensor]:
    """A lone tensor is the data named "x"."""
    if isinstance(data, Tensor):
        return {"x": data}
    if not data:
        raise ValueError("data must hold at least one named tensor, got an empty dict")
    return data


def check_event(data: Mapping[str, Tensor], context: Tensor | None, event_shape: tuple[int, ...]) -> None:
    """Raise ValueError unless x is (B, *event_shape) and a context, where given, has a row for each example."""
    x = data.get("x")
    if x is None:
        raise ValueError(f"data must hold 'x', got {sorted(data)}")
    if "mask" in data:
        raise ValueError(
            "x came with a mask of the steps that exist, which this model cannot heed: it takes whole examples"
        )
    if x.shape[1:] != event_shape:
        raise ValueError(f"x must have the shape (B, {', '.join(map(str, event_shape))}), got {tuple(x.shape)}")
    if context is not None and len(context) != len(x):
        raise ValueError(f"context must have a row for each of the {len(x)} examples, got {len(context)}")
