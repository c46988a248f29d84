"""A codebook: vectors that are learned (van den Oord et al. 2017)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from vaekit.networks.nearest_code import nearest_code
from vaekit.networks.quantiser import AfterStep, Quantisation, Quantiser, StartsOnData, straight_through
from vaekit.networks.shapes import as_shape

__all__ = ["Codebook", "rotated"]

PATIENCE = 8  # visits that a code would have had under even use before it can be called dead
ROUNDS = 10  # of k-means
WATCHED = 0.99  # decay of counts and errors where the vectors themselves do not follow averages


class Codebook(Quantiser, AfterStep, StartsOnData):
    """`size` vectors of `dim` numbers; an input becomes the nearest of them, and passes its gradient on as it is.

    Charges `commitment` |x - sg(e)|^2 for every vector. With `decay` the vectors follow the mean of what they stand for,
    m_k / n_k, where n_k and m_k are moving averages over steps of the count and the sum of their inputs (van den Oord et
    al. 2017, app. A.1); with None they are parameters, moved by the gradient of |sg(x) - e|^2, which is charged too.

    A code whose share of the inputs falls below `expiry` of an even one is dead, and becomes one half of the cluster with
    the largest squared error; 0 keeps dead codes. `cosine`: inputs and vectors have length 1. `rotate`: the gradient is
    turned as x would have to be to point along e, and scaled likewise, instead of passed on as it is (Fifty et al. 2024).

    `after_step` must follow every step of training: there alone do averages move and codes expire. While `starting`, the
    vectors become the means of K clusters of the inputs; ValueError where fewer of these differ than there are codes.
    """

    vectors: Tensor
    counts: Tensor
    sums: Tensor
    errors: Tensor
    seen: Tensor
    noted_counts: Tensor
    noted_sums: Tensor
    noted_errors: Tensor

    def __init__(
        self,
        size: int,
        dim: int,
        *,
        commitment: float = 0.25,
        decay: float | None = 0.99,
        expiry: float = 0.1,
        cosine: bool = False,
        rotate: bool = False,
    ) -> None:
        super().__init__()
        self.sizes, (self.dim,) = as_shape(size, "size", "codes"), as_shape(dim, "dim", "numbers")
        if commitment < 0:
            raise ValueError(f"commitment must be at least 0, got {commitment}")
        if decay is not None and not 0 <= decay < 1:
            raise ValueError(f"decay must be None or lie in [0, 1), got {decay}")
        if not 0 <= expiry < 1:
            raise ValueError(f"expiry must lie in [0, 1), got {expiry}")
        self.commitment, self.decay, self.expiry, self.cosine, self.rotate = commitment, decay, expiry, cosine, rotate
        first = torch.randn(size, dim) / dim**0.5
        first = F.normalize(first, dim=1) if cosine else first
        if decay is None:
            self.vectors = nn.Parameter(first)
        else:
            self.register_buffer("vectors", first)
        self.register_buffer("counts", torch.zeros(size))
        self.register_buffer("errors", torch.zeros(size))
        self.register_buffer("seen", torch.zeros(size))  # inputs since a code was born, by even use
        self.register_buffer("sums", torch.zeros(size, dim if decay is not None else 0))
        for name in ("counts", "errors", "sums"):
            self.register_buffer(f"noted_{name}", torch.zeros_like(getattr(self, name)), persistent=False)

    def forward(self, x: Float[Tensor, "B P D"]) -> Quantisation:
        """The nearest vector of each."""
        x = F.normalize(x, dim=-1) if self.cosine else x
        flat = x.flatten(0, 1)
        if self.starting:
            self._start(flat)
        code = nearest_code(flat, self.vectors)
        e = F.embedding(code, self.vectors)
        error = (flat - e.detach()).square().sum(-1)
        if self.training:
            self._note(flat.detach(), code, error.detach())
        value = rotated(flat, e) if self.rotate else straight_through(flat, e)
        charged = self.commitment * error
        if self.decay is None:
            charged = charged + (flat.detach() - e).square().sum(-1)
        return Quantisation(value.view_as(x), code.view(*x.shape[:2], 1), charged.view(x.shape[:2]).sum(1))

    def embed(self, code: Int[Tensor, "*front 1"]) -> Float[Tensor, "*front D"]:
        """(..., 1) to (..., D)."""
        return F.embedding(code.squeeze(-1), self.vectors)

    @torch.no_grad()
    def _start(self, x: Float[Tensor, "N D"]) -> None:
        """K-means (Lloyd 1982), from different inputs drawn by the global generator."""
        (size,) = self.sizes
        distinct = torch.unique(x, dim=0)
        if len(distinct) < size:
            raise ValueError(
                f"a codebook of {size:,} codes needs as many different vectors, the data give {len(distinct):,}"
            )
        centres = distinct[torch.randperm(len(distinct), device=x.device)[:size]]
        for _ in range(ROUNDS):
            code = nearest_code(x, centres)
            counts, sums = torch.bincount(code, minlength=size), torch.zeros_like(centres).index_add_(0, code, x)
            means = torch.where(counts[:, None] > 0, sums / counts[:, None].clamp_min(1), centres)
            centres = F.normalize(means, dim=1) if self.cosine else means
        self.vectors.copy_(centres)

    @torch.no_grad()
    def after_step(self) -> None:
        """Averages move by what was noted since the last step, in all processes; vectors follow; dead codes are replaced."""
        noted = self._noted
        if not bool(self._everyones(noted)):
            return
        share = 1 - (WATCHED if self.decay is None else self.decay)
        for kept, new in zip((self.counts, self.errors, self.sums), noted, strict=True):
            kept.lerp_(new, share)
        self.seen += self.noted_counts.sum() / len(self.seen)
        if self.decay is not None:
            used = self.counts > 0
            means = self.sums / self.counts.clamp_min(torch.finfo(self.counts.dtype).tiny)[:, None]
            means = F.normalize(means, dim=1) if self.cosine else means
            self.vectors.copy_(torch.where(used[:, None], means, self.vectors))
        self.forget()
        if self.expiry:
            self._replace(self.counts < self.expiry * self.counts.mean())

    def forget(self) -> None:
        """Counts, sums and errors since the last step are zero again."""
        for t in self._noted:
            t.zero_()

    @property
    def _noted(self) -> list[Tensor]:
        return [self.noted_counts, self.noted_errors, self.noted_sums]

    def _note(self, x: Tensor, code: Tensor, error: Tensor) -> None:
        self.noted_counts.index_add_(0, code, torch.ones_like(error))
        self.noted_errors.index_add_(0, code, error)
        if self.decay is not None:
            self.noted_sums.index_add_(0, code, x)

    def _everyones(self, noted: list[Tensor]) -> Tensor:
        """Sum what was noted over the processes; how many inputs that was."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            for t in noted:
                torch.distributed.all_reduce(t)
        return noted[0].sum()

    def _replace(self, dead: Tensor) -> None:
        """Halve the clusters with the largest squared errors, one for each dead code, as far as there are any."""
        dead = dead & (self.seen >= PATIENCE)
        many = min(int(dead.sum()), int((self.errors[~dead] > 0).sum()))
        if many == 0:
            return
        gone = dead.nonzero().flatten()[:many]
        parent = self.errors.masked_fill(dead, -1.0).topk(many).indices
        spread = (self.errors[parent] / self.counts[parent].clamp_min(1e-30) / self.dim).sqrt()[:, None]
        apart = 0.5 * spread * self._directions(many)
        middle = self.vectors[parent].clone()
        for which, vector in ((gone, middle + apart), (parent, middle - apart)):
            self.vectors[which] = F.normalize(vector, dim=1) if self.cosine else vector
        for t in (self.counts, self.errors):
            t[gone] = t[parent] = t[parent] / 2
        if self.decay is not None:
            for which in (gone, parent):
                self.sums[which] = self.vectors[which] * self.counts[which][:, None]
        self.seen[gone] = 0.0

    def _directions(self, many: int) -> Tensor:
        """Normal numbers that depend on nothing but how much was seen: the same in every process, and after a restart."""
        generator = torch.Generator().manual_seed(int(self.seen.double().sum()) & 0xFFFFFFFF)
        return torch.randn(many, self.dim, generator=generator).to(self.vectors)

    def extra_repr(self) -> str:
        """Its size and what differs from the defaults."""
        return f"{self.sizes[0]}, {self.dim}"


def rotated(x: Float[Tensor, "N D"], e: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
    """e = (|e| / |x|) R x with the rotation R that takes the direction of x to that of e, both held constant.

    R v = v - 2 r (r v) + 2 e' (x' v), x' and e' of length 1 and r along their sum (Fifty et al. 2024, sec. 4.2).
    """
    with torch.no_grad():
        from_x, to_e = F.normalize(x, dim=-1), F.normalize(e, dim=-1)
        r = F.normalize(from_x + to_e, dim=-1)
        scale = e.norm(dim=-1, keepdim=True) / x.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    turned = x - 2 * r * (r * x).sum(-1, keepdim=True) + 2 * to_e * (from_x * x).sum(-1, keepdim=True)
    return straight_through(scale * turned, e)
