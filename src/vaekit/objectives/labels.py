"""Terms for latents that are labels: a classification loss where they are observed."""

from collections.abc import Callable

import torch
from torch import Tensor

from vaekit.models.inference import Inference, Latent
from vaekit.objectives.objective import Coefficients, Term
from vaekit.objectives.terms import named

__all__ = ["Classification"]


class Classification(Term):
    """-log q(y|x) at the label y in the rows where it is observed, 0 in the others: (B,) nats.

    Through the bound alone, observed labels do not reach the classifier q(y|x); Kingma et al. 2014, eq. 9 adds this. It
    does not judge a model beside other terms: its weight is the larger, the fewer labels there are.
    """

    judges = False

    def __init__(self, name: str = "y") -> None:
        super().__init__("classification" if name == "y" else f"classification:{name}")
        self.name = name

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) nats."""
        latent = label(inference, self.name)
        found = in_rows(latent.choice.observed, lambda: -latent.belief().log_prob(latent.value))
        return whole(found, inference)

    def extra_repr(self) -> str:
        """The latent's name, where it is not y."""
        return "" if self.name == "y" else repr(self.name)


def label(inference: Inference, name: str) -> Latent:
    """The latent of that name, one for each example. Raises ValueError where there is none, or one at every step."""
    latent = named(inference.latents, name, "latent")
    if latent.timed:
        raise ValueError(f"latent {name!r} has a value at every step of a sequence: this term is of one for all of it")
    return latent


def in_rows(rows: Tensor | bool, figure: Callable[[], Tensor]) -> Tensor:
    """A figure (..., B) in those rows, zero in the others."""
    if rows is False:
        return torch.zeros(())
    return figure() if rows is True else torch.where(rows, figure(), 0.0)


def whole(figure: Tensor, inference: Inference) -> Tensor:
    """A figure (..., B) or () averaged over all axes but the batch, (B,), in the precision of the model's figures."""
    return inference.expect(figure.to(inference.distortion).expand(inference.axes.shape))
