"""All scores of disentanglement of a model's codes, where the factors behind its data are known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from rich.console import Console
from rich.table import Table
from torch import Tensor

from vaekit.data import Data, Split
from vaekit.evaluation.disentanglement.beta_vae import BetaVAEScore, beta_vae_score
from vaekit.evaluation.disentanglement.boosting import boosted
from vaekit.evaluation.disentanglement.dci import DCI, Learner, dci
from vaekit.evaluation.disentanglement.factor_vae import FactorVAEScore, factor_vae_score
from vaekit.evaluation.disentanglement.mig import MIG, mig
from vaekit.evaluation.disentanglement.modularity import Modularity, modularity
from vaekit.evaluation.disentanglement.sap import SAP, sap
from vaekit.evaluation.passes import batches, check_count, evaluating
from vaekit.models.choices import Mean
from vaekit.models.inference import Latent
from vaekit.models.model import Model
from vaekit.training.noise import seed_at
from vaekit.training.step import Choices

__all__ = ["Disentanglement", "disentanglement"]

POINTS, AT_ONCE = 15_000, 500


@dataclass(frozen=True, eq=False)
class Disentanglement:
    """Every score of the codes of one latent, by `points` examples of data whose factors are called `names`.

    `examples` says which examples those are.
    """

    data: str
    examples: str
    latent: str
    points: int
    seed: int
    names: tuple[str, ...]
    beta_vae: BetaVAEScore
    factor_vae: FactorVAEScore
    mig: MIG
    sap: SAP
    dci: DCI
    modularity: Modularity

    def scores(self) -> dict[str, float]:
        """Each from 0 to 1, the higher the better, by name."""
        return {
            "beta-VAE score": self.beta_vae.score,
            "FactorVAE score": self.factor_vae.score,
            "MIG": self.mig.score,
            "SAP": self.sap.score,
            "DCI disentanglement": self.dci.disentanglement,
            "DCI completeness": self.dci.completeness,
            "DCI informativeness": self.dci.informativeness,
            "modularity": self.modularity.score,
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON has it; information in nats, dimensions of the code in rows and factors in columns."""
        return {
            "data": self.data,
            "examples": self.examples,
            "latent": self.latent,
            "points": self.points,
            "seed": self.seed,
            "factors": list(self.names),
            "scores": self.scores(),
            "information_nats": self.mig.information.tolist(),
            "entropy_nats": self.mig.entropy.tolist(),
            "gaps": dict(zip(self.names, self.mig.gaps.tolist(), strict=True)),
            "importance": self.dci.importance.tolist(),
        }

    def table(self) -> Table:
        """For people: every score and what it is."""
        title = (
            f"{self.data} ({self.examples}), the means of {self.latent} of {self.points:,} examples, seed {self.seed}"
        )
        table = Table(title=title, caption="\n".join(self.notes()))
        for column in ("", "of 1", "what it is"):
            table.add_column(column, justify="right" if column == "of 1" else "left")
        for name, score in self.scores().items():
            table.add_row(name, f"{score:.3f}", WHAT[name])
        return table

    def notes(self) -> Iterator[str]:
        """Which dimension knows each factor best, and the share of its entropy that it and the next one know."""
        shares, dimensions = (self.mig.information / self.mig.entropy).topk(2, dim=0)
        for name, j, best, second in zip(self.names, dimensions[0].tolist(), *shares.tolist(), strict=True):
            yield f"{name}: dimension {j} knows {best:.2f} of it, the next best {second:.2f}"

    def __str__(self) -> str:
        console = Console(width=120, color_system=None)
        with console.capture() as text:
            console.print(self.table())
        return text.get().rstrip()


WHAT = {
    "beta-VAE score": "a linear classifier names the factor that pairs share; 1/factors by chance",
    "FactorVAE score": "the dimension that keeps stillest names the fixed factor; 1/factors by chance",
    "MIG": "how much more of a factor's entropy the best dimension knows than the next",
    "SAP": "how much better it predicts the factor than the next, with a line",
    "DCI disentanglement": "each dimension is of use for one factor",
    "DCI completeness": "one dimension is of use for each factor",
    "DCI informativeness": "how often factors are predicted rightly from all dimensions",
    "modularity": "each dimension knows of one factor",
}


def disentanglement(
    model: Model,
    data: Data,
    *,
    split: str | None = None,
    latent: str | None = None,
    n: int = POINTS,
    learner: Learner = boosted,
    seed: int = 0,
    at: Choices | None = None,
) -> Disentanglement:
    """Six scores of the posterior means of one latent, in the protocols of Locatello et al. 2019, app. B.

    Of up to `n` examples drawn under `seed`: of the `split`, or, if not said, of all the data, those trained on too, as in
    the literature; two thirds of them to learn from where a score learns. `latent` is needed where there are several;
    `learner` is that of `dci`; `at` makes, of a batch, what happens at latents. Raises ValueError for data whose factors
    are not known.
    """
    check_count("n", n)
    if data.spec.factors is None:
        raise ValueError(
            "disentanglement needs data whose factors are known, such as shapes or an .npz with factors, got "
            f"{data.spec.describe()}"
        )
    rows = drawn_from(chosen_splits(data, split), n, seed)
    parts = [encoded(model, part, latent, seed, at) for part in rows]
    name = parts[0][0]
    codes = torch.cat([codes for _, codes in parts])
    factors = torch.cat([part.factors.long().cpu() for part in rows if part.factors is not None])
    return Disentanglement(
        data.spec.name,
        "all examples" if split is None else split,
        name,
        len(codes),
        seed,
        data.spec.factors.names,
        beta_vae_score(codes, factors, seed=seed),
        factor_vae_score(codes, factors, seed=seed),
        mig(codes, factors),
        sap(codes, factors, seed=seed),
        dci(codes, factors, learner=learner, seed=seed),
        modularity(codes, factors),
    )


def chosen_splits(data: Data, split: str | None) -> list[Split]:
    """The split of a name, or all of them."""
    there = data.splits()
    if split is not None and split not in there:
        raise ValueError(f"split must be one of {', '.join(there)}, got {split!r}")
    return list(there.values()) if split is None else [there[split]]


def drawn_from(splits: Sequence[Split], n: int, seed: int) -> list[Split]:
    """Up to n examples of all splits together, drawn under the seed, split by split and in order."""
    sizes = [len(split) for split in splits]
    order = torch.randperm(sum(sizes), generator=torch.Generator().manual_seed(seed_at(seed)))[:n].sort().values
    starts = torch.tensor([0, *sizes]).cumsum(0)[:-1].tolist()
    taken = [
        order[(order >= start) & (order < start + size)] - start for start, size in zip(starts, sizes, strict=True)
    ]
    return [split.select(rows) for split, rows in zip(splits, taken, strict=True) if len(rows)]


def encoded(
    model: Model, split: Split, latent: str | None, seed: int, at: Choices | None
) -> tuple[str, Float[Tensor, "N D"]]:
    """The name of the latent, and the mean of its posterior for every example, flat."""
    found = []
    with evaluating(model):
        for batch in batches(model, split, AT_ONCE, seed, at):
            latents = model.infer(batch.data, batch.context, at=batch.at, default=Mean()).latents
            latent = only_continuous(latents) if latent is None else latent
            if latent not in latents:
                raise ValueError(f"latent must be one of {', '.join(latents)}, got {latent!r}")
            found.append(latents[latent].value.flatten(1).double().cpu())
    assert latent is not None
    return latent, torch.cat(found)


def only_continuous(latents: dict[str, Latent]) -> str:
    """The name of the one latent whose values are points of a space."""
    names = [name for name, latent in latents.items() if not latent.discrete]
    if len(names) != 1:
        raise ValueError(f"latent must be named where not one alone is continuous: this model has {', '.join(latents)}")
    return names[0]
