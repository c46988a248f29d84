"""Codes that are drawn, with a relaxation that gradients flow through (Jang et al. 2017; Maddison et al. 2017)."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, constraints
from torch.distributions.kl import register_kl

from vaekit.distributions.coded import Coded
from vaekit.distributions.uniform_integers import UniformIntegers

__all__ = ["RelaxedCodes", "code_of_one_hot", "one_hot_code"]


class RelaxedCodes(Distribution):
    """At every position one of K codes, by `logits` (*batch, K, *positions); a value is a map of one-hot vectors.

    With a `temperature` draws are relaxed: softmax((logits + Gumbel noise) / temperature), which have gradients; with
    `hard` they are one-hot, with no gradient, or `through` them with that of the relaxed draw (Jang et al. 2017, sec.
    2.2). `log_prob` is that of the codes themselves, and so is KL to a prior of independent codes, in closed form: where
    draws are relaxed, the bound made of the two is one of a relaxed model only (Ramesh et al. 2021, sec. 2.1).
    """

    has_rsample = True
    settings = ("temperature", "hard", "positions", "through")

    def __init__(
        self,
        logits: Tensor,
        temperature: Tensor | float = 1.0,
        hard: bool = False,
        positions: int = 2,
        validate_args: bool | None = None,
        *,
        through: bool = False,
    ) -> None:
        self.through = through
        self.logits, self.temperature, self.hard, self.positions = logits, temperature, hard, positions
        self.axis = -1 - positions
        batch = logits.shape[: logits.ndim - 1 - positions]
        super().__init__(batch, logits.shape[len(batch) :], validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """The logits."""
        return {"logits": constraints.independent(constraints.real, 1 + self.positions)}

    @property
    def support(self) -> constraints.Constraint:
        """One-hot vectors at every position."""
        return constraints.independent(constraints.nonnegative_integer, 1 + self.positions)

    @property
    def mode(self) -> Tensor:
        """The likeliest code at every position, one-hot."""
        return self._one_hot(self.code)

    @property
    def code(self) -> Int[Tensor, "*shape"]:
        """The likeliest codes, (*batch, 1, *positions)."""
        return self.logits.argmax(self.axis, keepdim=True)

    def rsample(self, sample_shape: Any = ()) -> Float[Tensor, "*shape"]:
        """Relaxed draws, or hard ones without gradients."""
        shape = (*sample_shape, *self.logits.shape)
        noise = torch.empty(shape, dtype=self.logits.dtype, device=self.logits.device).exponential_()
        moved = self.logits - noise.clamp_min(torch.finfo(noise.dtype).tiny).log()
        relaxed = (moved / self.temperature).softmax(self.axis)
        if not self.hard:
            return relaxed
        hard = self._one_hot(moved.argmax(self.axis, keepdim=True))
        return hard + (relaxed - relaxed.detach()) if self.through else hard

    def log_prob(self, value: Float[Tensor, "*shape"]) -> Float[Tensor, "*batch"]:
        """log q of the codes that are nearest to a value, nats."""
        log_q = self.logits.log_softmax(self.axis)
        code = code_of_one_hot(value, self.positions)
        log_q = log_q.expand(*value.shape[: value.ndim - log_q.ndim], *log_q.shape)
        return log_q.gather(self.axis, code).flatten(-1 - self.positions).sum(-1)

    def entropy(self) -> Float[Tensor, "*batch"]:
        """That of the codes, nats."""
        log_q = self.logits.log_softmax(self.axis)
        return -(log_q.exp() * log_q).flatten(-1 - self.positions).sum(-1)

    def _one_hot(self, code: Tensor) -> Tensor:
        return one_hot_code(code, self.logits.shape[self.axis], self.positions, self.logits.dtype)


def one_hot_code(code: Int[Tensor, "*shape"], size: int, positions: int, dtype: torch.dtype) -> Float[Tensor, "*shape"]:
    """Codes (..., 1, *positions) as one-hot vectors along that axis, (..., size, *positions)."""
    axis = code.ndim - 1 - positions
    shape = (*code.shape[:axis], size, *code.shape[axis + 1 :])
    return torch.zeros(shape, dtype=dtype, device=code.device).scatter(axis, code, 1.0)


def code_of_one_hot(value: Float[Tensor, "*shape"], positions: int) -> Int[Tensor, "*shape"]:
    """The codes (..., 1, *positions) that values (..., K, *positions) are, or are nearest to."""
    return value.argmax(-1 - positions, keepdim=True)


@register_kl(RelaxedCodes, Coded)
def kl_to_codes(q: RelaxedCodes, p: Coded) -> Float[Tensor, "*batch"]:
    """KL of the codes to a prior under which they are independent, nats."""
    base = p.base_dist.base_dist if isinstance(p.base_dist, Independent) else p.base_dist
    if isinstance(base, UniformIntegers):
        return base.sizes.to(q.logits).log().sum() - q.entropy()
    if isinstance(base, Categorical):
        log_p = base.logits.movedim(-1, 0).movedim(1, 0).squeeze(0)  # (1, *positions, K) to (K, *positions)
        log_q = q.logits.log_softmax(q.axis)
        return (log_q.exp() * (log_q - log_p)).flatten(-1 - q.positions).sum(-1)
    raise NotImplementedError("only a prior of independent codes has a closed form")
