"""Codes as what they stand for."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution, constraints

__all__ = ["Coded"]


class Coded(Distribution):
    """A distribution over codes whose draws are their embeddings: the prior of a model that quantises.

    `codes`: a distribution over whole numbers, event shape that of a code. `embed` maps codes (*batch, *code) to
    embeddings (*batch, *event_shape). A code is priced by `log_prob` as it is, an embedding by the code that it stands
    for is not: many codes may have one embedding.
    """

    has_rsample = False
    arg_constraints: Mapping[str, constraints.Constraint] = {}  # type: ignore[assignment]

    def __init__(self, codes: Distribution, embed: Callable[[Tensor], Tensor], event_shape: tuple[int, ...]) -> None:
        self.codes, self.embed = codes, embed
        super().__init__(codes.batch_shape, torch.Size(event_shape), validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """Any value of the event's shape."""
        return constraints.independent(constraints.real, len(self.event_shape))

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Float[Tensor, "*shape *event"]:
        """Embeddings of drawn codes."""
        drawn: Tensor = self.embed(self.codes.sample(sample_shape))
        return drawn

    def log_prob(self, value: Int[Tensor, "*shape *code"]) -> Float[Tensor, "*shape"]:
        """log p(code), nats. Raises ValueError for an embedding, whose code is not known."""
        if value.is_floating_point():
            raise ValueError("a prior over codes prices codes, whole numbers, got an embedding")
        return self.codes.log_prob(value)
