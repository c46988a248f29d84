"""Holes: where the prior puts values of a latent that no example is encoded to, found by a classifier of the two."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaekit.data import Split
from vaekit.evaluation.figure import Figure
from vaekit.evaluation.passes import check_count, check_split, evaluating, place_of
from vaekit.models.inference import Inference, Latent
from vaekit.models.model import Model
from vaekit.training.noise import seed_at, seed_generators
from vaekit.training.step import ASIDE, Choices, matching

__all__ = ["Holes", "holes"]

FEWEST, AT_ONCE = 20, 500  # examples, below which nothing can be learned, and in one walk
EMPTY = -math.log(10)  # nats: the aggregate posterior is a tenth as dense as the prior
PICKING, NOISE, DRAWS = 2, 3, 4  # streams of random numbers


@dataclass(frozen=True, eq=False)
class Holes:
    """How far draws of a prior can be told from draws of the aggregate posterior, and which of them lie in a hole.

    `auc`: 0.5 where the two are alike, 1 where they never meet; `standard_error` is over draws. `prior` (N, *latent)
    are draws of the prior, with their `context` where the model takes one, `aggregate` (N, *latent) those of
    q(z|x) over held-out x, and `log_ratio` (N,) estimates log q(z) - log p(z) at the former, nats.
    """

    latent: str
    auc: float
    standard_error: float
    prior: Float[Tensor, "N *latent"]
    aggregate: Float[Tensor, "N *latent"]
    log_ratio: Float[Tensor, " N"]
    context: Tensor | None = None

    @property
    def figure(self) -> Figure:
        """The area, and what it is."""
        what = f"draws of {self.latent} from its prior and from codes told apart by a classifier: 0.5 alike, 1 always"
        return Figure(self.auc, "area", what, self.standard_error)

    @property
    def share(self) -> float:
        """The share of the prior's draws that lie where the aggregate posterior is less than a tenth as dense."""
        return float((self.log_ratio < EMPTY).double().mean())

    def emptiest(self, n: int) -> Int[Tensor, " n"]:
        """Which draws of the prior lie deepest in holes, the deepest first."""
        return self.log_ratio.argsort(stable=True)[:n]


def holes(
    model: Model,
    split: Split,
    *,
    latent: str | None = None,
    n: int = 2000,
    seed: int = 0,
    at: Choices | None = None,
) -> Holes | None:
    """A classifier two-sample test between p(z) and the aggregate posterior; Lopez-Paz & Oquab 2017, sec. 3.

    One draw of q(z|x) for each of up to `n` held-out examples, so that draws are independent, against as many of the
    prior (in the context of the same examples, where the model takes one; the two are then averages over contexts).
    `latent`: by default the first that is suited. None for a latent that is discrete, deterministic, without a prior
    or enumerated, and for fewer than 20 examples. ValueError for a latent that the model does not have.
    """
    from vaekit.evaluation.separation import separation  # scikit-learn takes a second to import

    check_count("n", n)
    check_split(split)
    rows = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed_at(seed, PICKING)))[:n]
    drawn, encoded, contexts, chosen = list[Tensor](), list[Tensor](), list[Tensor](), latent
    with evaluating(model):
        for inference in walked(model, split, rows, seed, at):
            chosen = first_suited(inference) if chosen is None else named(chosen, inference)
            if chosen is None or len(rows) < FEWEST or not suited(inference.latents[chosen]):
                return None
            dreams = model.generate(inference.axes.shape[-1], inference.context)
            drawn.append(dreams.latents[chosen].value.cpu())
            encoded.append(inference.latents[chosen].value.cpu())
            contexts += [] if inference.context is None else [inference.context.cpu()]
    assert chosen is not None
    prior, aggregate = torch.cat(drawn), torch.cat(encoded)
    auc, error, log_ratio = separation(prior, aggregate, seed)
    return Holes(chosen, auc, error, prior, aggregate, log_ratio, torch.cat(contexts) if contexts else None)


def walked(model: Model, split: Split, rows: Tensor, seed: int, at: Choices | None) -> Iterator[Inference]:
    """Walks with one draw of each example, the global generators seeded before each."""
    device, noise = place_of(model).device, torch.Generator().manual_seed(seed_at(seed, NOISE))
    for part in rows.split(AT_ONCE):
        batch = {name: t.to(device) for name, t in matching(split.batch(part, noise), model).items()}
        data = {name: t for name, t in batch.items() if name not in ASIDE}
        seed_generators(seed_at(seed, DRAWS, int(part[0])), device)
        yield model.infer(data, batch.get("context"), at=None if at is None else at(batch))


def first_suited(inference: Inference) -> str | None:
    """The first latent that the test can be made of."""
    return next((name for name, latent in inference.latents.items() if suited(latent)), None)


def suited(latent: Latent) -> bool:
    """Whether the latent is a continuous draw of each example, under a prior."""
    if latent.posterior is None or latent.prior is None or latent.computed:
        return False
    return not latent.discrete and latent.leading == 1


def named(latent: str, inference: Inference) -> str:
    """The name, which must be one of the model's."""
    if latent not in inference.latents:
        raise ValueError(f"latent must be one of {', '.join(inference.latents)}, got {latent!r}")
    return latent
