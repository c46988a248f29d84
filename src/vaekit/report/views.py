"""What a page needs to see of a model: held-out examples, their reconstructions and codes, and draws. Computed once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vaekit.data import DataSpec, Split, epoch_order
from vaekit.distributions.elements import without_independence
from vaekit.distributions.sphere import is_curved
from vaekit.latent import typical
from vaekit.models.choices import Choice, Mean
from vaekit.models.inference import Inference, Latent
from vaekit.models.model import Model
from vaekit.report.pictures import device_of, with_context
from vaekit.report.style import number
from vaekit.report.subject import Subject
from vaekit.training.step import ASIDE, matching

__all__ = ["Views", "held_out", "looked", "pixels", "shown_batch"]

MOST, ELEMENTS, AT_ONCE = 2000, 1 << 24, 1 << 20  # examples, numbers in them, and numbers walked at once
SHOWN = 12  # examples that are shown one by one


@dataclass(frozen=True, eq=False)
class Views:
    """Examples of one split and what the model makes of them, on the CPU.

    `batch`, with `x_hat`: up to 2,000 held-out examples and their reconstructions at the posterior's mean. `latent`:
    the latent that is explored, with the mean of its posterior for each example (`codes`, (N, *latent)); None where
    there is no continuous one. `all_codes`: those of every latent, in the order of the walk, of the first few examples;
    `discrete`: which latents are. `tested`: the latent whose prior is tested for holes. `order`: the dimensions of the
    explored one, the most informative first, by `measure`: nats where `rated`, else the spread of codes. `family`: the
    distribution of p(x|z). `plain`: whether the latent's prior is the standard normal. `curved`: whether its values lie on
    a sphere. `priors`: whether every latent has one. `from_below`: whether posteriors of upper latents read the values
    of lower ones.
    """

    role: str
    batch: Mapping[str, Tensor]
    x_hat: Tensor | None
    family: str
    latent: str | None
    codes: Float[Tensor, "N *latent"]
    all_codes: Mapping[str, Tensor]
    discrete: frozenset[str]
    tested: str | None
    order: list[int]
    measure: list[float]
    rated: bool
    plain: bool
    curved: bool
    priors: bool
    from_below: bool

    @property
    def context(self) -> Tensor | None:
        """The context of each example."""
        return self.batch.get("context")

    @property
    def named(self) -> str:
        """ " of NAME" where there are several latents, to be put into a sentence; else nothing."""
        return f" of {self.latent}" if len(self.all_codes) > 1 else ""

    def context_of(self, row: int, n: int) -> Tensor | None:
        """An example's context n times, where there is one."""
        return None if self.context is None else self.context[row : row + 1].expand(n, *self.context.shape[1:])

    def beside(self, row: int, n: int) -> dict[str, Tensor]:
        """An example's codes of the latents that are not explored, n times each."""
        others = {name: z[row] for name, z in self.all_codes.items() if name != self.latent}
        return {name: z.expand(n, *z.shape) for name, z in others.items()}

    def informs(self, dimension: int) -> str:
        """How much a dimension says of x, in words."""
        value = number(self.measure[dimension])
        return f"{value} nats" if self.rated else f"codes spread by {value}"

    @property
    def flat(self) -> Float[Tensor, "N D"]:
        """The codes as vectors."""
        return self.codes.flatten(1)


def held_out(subject: Subject) -> tuple[str, Split]:
    """The test split, else the validation split, else the training split, and which it is."""
    data = subject.data
    splits = {"test": data.test, "validation": data.valid, "training": data.train}
    return next((name, split) for name, split in splits.items() if split is not None)


def shown_batch(split: Split, seed: int, most: int) -> dict[str, Tensor]:
    """Up to `most` examples in an order that depends on the seed alone."""
    rows = epoch_order(len(split), 0, seed)[:most]
    return split.batch(rows, torch.Generator().manual_seed(seed))


def pixels(spec: DataSpec) -> int:
    """Numbers in an example."""
    return math.prod(spec.shape)


def looked(subject: Subject, seed: int) -> Views:
    """Walks with held-out examples, at the posteriors' means, in pieces that fit the memory."""
    size = pixels(subject.data.spec)
    role, split = held_out(subject)
    batch = with_context(subject.model, shown_batch(split, seed, max(16, min(MOST, ELEMENTS // size))))
    pieces = torch.arange(len(batch["x"])).split(max(1, AT_ONCE // size))
    walks = [inferred(subject.model, {name: t[rows] for name, t in batch.items()}) for rows in pieces]
    latent = explored(walks[0], subject)
    x_hat = torch.cat([typical(walk).cpu().float() for walk in walks]) if "x" in walks[0].likelihoods else None
    codes = torch.cat([walk.latents[latent].value.cpu().float() for walk in walks]) if latent else torch.empty(0)
    measure, rated = informative(subject, latent, codes)
    return Views(
        role,
        batch,
        x_hat,
        family_of(walks[0]),
        latent,
        codes,
        {name: first_codes(walks, name) for name in walks[0].latents},
        frozenset(name for name, found in walks[0].latents.items() if found.discrete),
        used_first(walks[0], subject) or latent,
        sorted(range(len(measure)), key=lambda i: -measure[i]),
        measure,
        rated,
        latent is not None and standard(walks[0].latents[latent]),
        latent is not None and is_curved(walks[0].latents[latent].belief()),
        all(found.has_prior for found in walks[0].latents.values()),
        any(found.proposed for found in walks[0].latents.values()),
    )


def inferred(model: Model, batch: Mapping[str, Tensor], at: Mapping[str, Choice] | None = None) -> Inference:
    """A walk at the posteriors' means, but for what `at` says, on the model's device and in its precision."""
    given = {name: t.to(device_of(model)) for name, t in matching(batch, model).items()}
    data = {name: t for name, t in given.items() if name not in ASIDE}
    return model.infer(data, given.get("context"), at=at, default=Mean())


def explored(inference: Inference, subject: Subject) -> str | None:
    """The continuous latent with the highest rate, or the first where rates are not known."""
    suited = [name for name, latent in inference.latents.items() if continuous(latent)]
    used = subject.evaluation.latents
    return max(suited, key=lambda name: float(used[name].rate.sum()) if name in used else -math.inf, default=None)


def first_codes(walks: Sequence[Inference], name: str) -> Tensor:
    """A latent's codes of the first few examples."""
    return torch.cat([walk.latents[name].value[:SHOWN].cpu() for walk in walks[:SHOWN]])[:SHOWN]


def used_first(inference: Inference, subject: Subject) -> str | None:
    """The first continuous latent that has a prior and tells more than a twentieth of all nats."""
    rates = {name: figure.value for name, figure in subject.evaluation.rates.items()}
    suited = [n for n, latent in inference.latents.items() if continuous(latent) and latent.prior is not None]
    return next((name for name in suited if rates.get(name, 0.0) > 0.05 * sum(rates.values())), None)


def continuous(latent: Latent) -> bool:
    """Whether values of the latent are points of a space: draws or computed, but no categories and no code words."""
    return latent.posterior is not None and latent.leading == 1 and not latent.discrete


def informative(subject: Subject, latent: str | None, codes: Tensor) -> tuple[list[float], bool]:
    """How much each dimension says of x: its rate where it has one, else the spread of its codes; and which."""
    if latent is None:
        return [], False
    use = subject.evaluation.latents.get(latent)
    rates = None if use is None else use.rate.flatten()
    if rates is not None and len(rates) == codes.flatten(1).shape[1]:
        return rates.tolist(), True
    return codes.flatten(1).std(0, correction=0).tolist(), False


def standard(latent: Latent) -> bool:
    """Whether the prior is the standard normal, told by its mean and standard deviation."""
    base = None if latent.prior is None else without_independence(latent.prior)
    if not isinstance(base, torch.distributions.Normal):
        return False
    return bool((base.mean == 0).all()) and bool((base.stddev == 1).all())


def family_of(inference: Inference) -> str:
    """The class of p(x|z)."""
    likelihood = inference.likelihoods.get("x")
    return "" if likelihood is None else type(without_independence(likelihood.distribution)).__name__
