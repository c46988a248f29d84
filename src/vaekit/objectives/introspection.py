"""The model as its own critic: what its encoder makes of examples that its decoder has made (Daniel & Tamar 2021)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vaekit.models.inference import Inference
from vaekit.models.model import Model
from vaekit.objectives.adversaries import Parts
from vaekit.objectives.objective import Coefficients, Term

__all__ = ["DistortionOf", "Introspection", "RateOf"]


class RateOf(Term):
    """KL(q(z|x~) || p(z)) of examples x~ that the model made, averaged over kinds of them; (B,) nats.

    Gradients flow through x~. For a decoder it is what it loses as long as the encoder sees through it.
    """

    judges, contested = False, True

    def __init__(self, fakes: Sequence[Parts], label: str = "rate-of-made") -> None:
        super().__init__(label)
        self.fakes = tuple(fakes)

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) nats."""
        return torch.stack([again(inference, *fake(inference)).rate for fake in self.fakes]).mean(0)


class DistortionOf(Term):
    """-log p(x~|z) at z ~ q(z|x~) of examples x~ that the model made, taken for data; averaged over kinds; (B,) nats."""

    judges, contested = False, True

    def __init__(self, fakes: Sequence[Parts], label: str = "distortion-of-made") -> None:
        super().__init__(label)
        self.fakes = tuple(fakes)

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) nats."""
        found = [again(inference, fake(inference)[0].detach()).distortion for fake in self.fakes]
        return torch.stack(found).mean(0)


class Introspection(Term):
    """1/2 exp(-2 s (b_r distortion + b_n rate)) of examples that the model made, averaged over kinds of them; (B,).

    Eq. 5 of Daniel & Tamar 2021: what an encoder loses as long as what was made has a good bound. No gradient reaches
    the examples. `scale` s keeps the exponent in range: 1 over the numbers in an example.
    """

    judges, contested = False, True

    def __init__(
        self,
        fakes: Sequence[Parts],
        scale: float,
        *,
        distortion: float = 1.0,
        rate: float = 1.0,
        label: str = "introspection",
    ) -> None:
        super().__init__(label)
        self.fakes, self.scale, self.distortion, self.rate = tuple(fakes), scale, distortion, rate

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,)."""
        parts = []
        for fake in self.fakes:
            seen = again(inference, fake(inference)[0].detach())
            parts.append(torch.exp(-2 * self.scale * (self.distortion * seen.distortion + self.rate * seen.rate)) / 2)
        return torch.stack(parts).mean(0)

    def extra_repr(self) -> str:
        """The weights."""
        return f"distortion={self.distortion}, rate={self.rate}"


def again(inference: Inference, x: Tensor) -> Inference:
    """A walk of the same model with examples that it made, in the same contexts."""
    model = inference.model
    assert isinstance(model, Model)
    return model.infer({**inference.data, "x": x}, inference.context, rows=inference.axes.rows)
