"""The mutual information gap: whether one dimension alone knows a factor."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from vaekit.evaluation.disentanglement.information import BINS, entropies, mutual_information
from vaekit.evaluation.disentanglement.points import checked

__all__ = ["MIG", "mig"]


@dataclass(frozen=True, eq=False)
class MIG:
    """`information` of every dimension and factor (D, F) and the `entropy` of every factor (F,), nats."""

    information: Float[Tensor, "D F"]
    entropy: Float[Tensor, " F"]

    @property
    def gaps(self) -> Float[Tensor, " F"]:
        """How much more the dimension that knows a factor best knows of it than the next, as a share of its entropy."""
        best, second = self.information.topk(2, dim=0).values
        return (best - second) / self.entropy

    @property
    def score(self) -> float:
        """The mean of the gaps: 0 to 1."""
        return float(self.gaps.mean())


def mig(codes: Float[Tensor, "N D"], factors: Int[Tensor, "N F"], *, bins: int = BINS) -> MIG:
    """mean_k (I(z_j(k); v_k) - max_{j != j(k)} I(z_j; v_k)) / H(v_k), with j(k) the best; Chen et al. 2018, sec. 4.

    Of one code for each point, cut into `bins` equal bins, as Locatello et al. 2019 do. Factors of more values than bins
    cannot be known whole, and chance tells of each factor what `mutual_information` says: no code reaches 1 on dSprites.
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 2:
        raise ValueError(f"bins must be a whole number of at least 2, got {bins!r}")
    points = checked(codes, factors, least=bins)
    return MIG(mutual_information(points, bins), entropies(points))
