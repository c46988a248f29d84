"""The maximum mean discrepancy between draws of two distributions (Gretton et al. 2012), and as a term of an objective."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vaekit.models.inference import Inference
from vaekit.networks.whole_batch import whole_batch
from vaekit.objectives.critics import posterior_draws, prior_draws
from vaekit.objectives.objective import Coefficients, Term, several

__all__ = ["MMD", "InverseMultiquadric", "Kernel", "RadialBasis", "mean_discrepancy"]

Kernel = Callable[[Tensor], Tensor]
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class InverseMultiquadric:
    """k(d^2) = mean over scales s of s C / (s C + d^2): heavy tails, so that codes far out are still pulled in.

    `width` is C: 2 D for a standard normal prior of D dimensions, the expected squared distance of two of its draws.
    Tolstikhin et al. 2018, sec. 4, who take the sum over these seven scales: a seventh of their weight is one of ours.
    """

    width: float
    scales: tuple[float, ...] = SCALES

    def __post_init__(self) -> None:
        check_widths(self.width, self.scales)

    def __call__(self, squares: Tensor) -> Tensor:
        """Squared distances to similarities, each at most 1."""
        return torch.stack([s * self.width / (s * self.width + squares) for s in self.scales]).mean(0)


@dataclass(frozen=True)
class RadialBasis:
    """k(d^2) = mean over scales s of exp(-d^2 / (s C)); `width` is C, as for `InverseMultiquadric`."""

    width: float
    scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        check_widths(self.width, self.scales)

    def __call__(self, squares: Tensor) -> Tensor:
        """Squared distances to similarities, each at most 1."""
        return torch.stack([torch.exp(-squares / (s * self.width)) for s in self.scales]).mean(0)


class MMD(Term):
    """Squared maximum mean discrepancy of latent `name` to its prior over the batch, unbiased: a number ().

    The draws of q, of all examples together, are compared with as many of the prior: it is the aggregate posterior that
    is to have the prior's shape, and not q(z|x) of each example (Zhao et al. 2019; Tolstikhin et al. 2018). Unbiased, so
    it may fall below 0. `kernel`: an `InverseMultiquadric` of width 2 D where none is given. A batch of one draw has no
    discrepancy: 0. With several processes it is that of their whole batch.
    """

    def __init__(self, name: str = "z", *, kernel: Kernel | None = None) -> None:
        super().__init__("mmd" if name == "z" else f"mmd:{name}")
        self.name, self.kernel = name, kernel

    def begin(self, examples: int, batch: int) -> None:
        """ValueError for batches of one."""
        several(self.label, batch)

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """()."""
        leading = len(inference.axes.shape)
        q, p = (source(self.name)(inference)[0] for source in (posterior_draws, prior_draws))
        q, p = (
            whole_batch(draws.transpose(0, leading - 1)).flatten(leading).flatten(0, leading - 1) for draws in (q, p)
        )
        if q.shape[0] < 2:
            return q.sum() * 0.0
        kernel = InverseMultiquadric(2.0 * q.shape[1]) if self.kernel is None else self.kernel
        return mean_discrepancy(q, p, kernel)

    def extra_repr(self) -> str:
        """The latent's name and the kernel, where they are not the usual ones."""
        shown = [] if self.name == "z" else [repr(self.name)]
        return ", ".join(shown + ([] if self.kernel is None else [f"kernel={self.kernel!r}"]))


def mean_discrepancy(a: Float[Tensor, "N D"], b: Float[Tensor, "M D"], kernel: Kernel) -> Float[Tensor, ""]:
    """E k(a, a') + E k(b, b') - 2 E k(a, b), of pairs of different draws: unbiased; Gretton et al. 2012, eq. 3.

    Raises ValueError for fewer than two draws of either.
    """
    if min(a.shape[0], b.shape[0]) < 2:
        raise ValueError(f"a discrepancy needs at least two draws of each side, got {a.shape[0]} and {b.shape[0]}")
    within = [among(x, kernel) for x in (a, b)]
    return within[0] + within[1] - 2 * kernel(squared_distances(a, b)).mean()


def among(x: Tensor, kernel: Kernel) -> Tensor:
    """The mean of k over the pairs of different rows of x."""
    n = x.shape[0]
    similar = kernel(squared_distances(x, x))
    return (similar.sum() - similar.diagonal().sum()) / (n * (n - 1))


def squared_distances(a: Tensor, b: Tensor) -> Float[Tensor, "N M"]:
    """|a_i - b_j|^2 by one matrix product; never below 0."""
    return (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp_min(0)


def check_widths(width: float, scales: Sequence[float]) -> None:
    """Raise ValueError unless all are finite and above 0."""
    if not scales or not all(isinstance(s, int | float) and 0 < s < math.inf for s in (width, *scales)):
        raise ValueError(f"a kernel's width and scales must be finite numbers above 0, got {width} and {tuple(scales)}")
