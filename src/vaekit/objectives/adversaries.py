"""Critics: what tells the model's examples from real ones, what fools it, and what keeps it in bounds.

A critic is a network that maps x (N, *event) to logits (N,), high where it takes x for real. It is moved by a phase of
its own, whose objective is `Telling`; the phases of the model hold `Fooling` or `FeatureDistance`. What it looks at is
said by functions of the inference, examples here, latents in `critics`.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaekit.models.inference import Inference
from vaekit.objectives.objective import Coefficients, Term

__all__ = [
    "FeatureDistance",
    "Fooling",
    "GradientPenalty",
    "Parts",
    "Telling",
    "ToldApart",
    "generated",
    "real",
    "rebuilt",
    "with_latent",
]

Parts = Callable[[Inference], tuple[Tensor, ...]]
Loss = Literal["logistic", "hinge"]
Game = Literal["non-saturating", "hinge", "saturating"]


def real(inference: Inference) -> tuple[Tensor]:
    """The data, (B, *event)."""
    return (inference.data["x"],)


def rebuilt(inference: Inference) -> tuple[Tensor]:
    """What the model makes of the data's own codes: the mean of p(x|z), (B, *event)."""
    return (shown(inference),)


def generated(inference: Inference) -> tuple[Tensor]:
    """As many examples from the prior: the mean of p(x|z), (B, *event)."""
    return (shown(inference.generated()),)


def with_latent(name: str, forwards: bool = False) -> Parts:
    """x and a latent together: data and the code inferred of them, or `forwards` a draw of the prior and what it gives."""

    def parts(inference: Inference) -> tuple[Tensor, ...]:
        walk = inference.generated() if forwards else inference
        return (shown(walk) if forwards else inference.data["x"], walk.latents[name].value)

    return parts


def shown(walk: Inference) -> Tensor:
    """The mean of p(x|z), through which gradients flow. Raises ValueError where the walk has axes besides the batch."""
    if len(walk.axes.shape) > 1:
        raise ValueError("critics look at one draw of each example: ask for no samples, and enumerate nothing")
    return walk.likelihoods["x"].distribution.mean


class Telling(Term):
    """The critic's own loss: it is to take `truth` for real and every one of `fakes` for made; (B,).

    "logistic": softplus(-D(x)) + sum of softplus(D(fake)) (Goodfellow et al. 2014); "hinge": max(0, 1 - D(x)) and
    max(0, 1 + D(fake)) (Lim & Ye 2017). No gradient reaches the examples.
    """

    judges, contested = False, True

    def __init__(
        self,
        critic: nn.Module,
        fakes: Sequence[Parts],
        truth: Parts = real,
        loss: Loss = "logistic",
        label: str = "critic",
    ) -> None:
        super().__init__(label)
        self.critic, self.truth, self.fakes, self.loss = critic, truth, tuple(fakes), loss

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,)."""
        total = self._charge(-opinion(self.critic, self.truth, inference))
        for fake in self.fakes:
            total = total + self._charge(opinion(self.critic, fake, inference))
        return inference.expect(total)

    def _charge(self, opinion: Tensor) -> Tensor:
        return F.relu(1 + opinion) if self.loss == "hinge" else F.softplus(opinion)

    def extra_repr(self) -> str:
        """The loss."""
        return repr(self.loss)


class ToldApart(Term):
    """The share of examples that the critic calls rightly, each of `truth` and of the fakes counted alike; (B,).

    Near 1/2 it cannot tell, near 1 it leaves the model nothing to learn from. For display: give it the weight 0.
    """

    judges, contested = False, True

    def __init__(self, of: Telling, label: str = "told-apart") -> None:
        super().__init__(label)
        self.critic, self.truth, self.fakes = of.critic, of.truth, of.fakes

    @torch.no_grad()
    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,)."""
        right = (opinion(self.critic, self.truth, inference) > 0).double()
        wrong = [(opinion(self.critic, fake, inference) > 0).double() for fake in self.fakes]
        return inference.expect((right + 1 - torch.stack(wrong).mean(0)) / 2)


class Fooling(Term):
    """What the model loses as long as the critic sees through it; (B,). Gradients flow through the examples.

    Every one of `fakes` is to be taken for real, and every one of `truths`, where it is made by the model too (BiGAN), for
    made. "non-saturating": softplus(-D) (Goodfellow et al. 2014); "hinge": -D; "saturating": log(1 - sigmoid(D)).
    """

    judges, contested = False, True

    def __init__(
        self,
        critic: nn.Module,
        fakes: Sequence[Parts],
        truths: Sequence[Parts] = (),
        game: Game = "non-saturating",
        label: str = "fooling",
    ) -> None:
        super().__init__(label)
        self.critic, self.fakes, self.truths, self.game = critic, tuple(fakes), tuple(truths), game

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,)."""
        wrong = [logits(self.critic, fake, inference) for fake in self.fakes]
        wrong += [-logits(self.critic, truth, inference) for truth in self.truths]
        return inference.expect(torch.stack([self._charge(opinion) for opinion in wrong]).sum(0))

    def _charge(self, opinion: Tensor) -> Tensor:
        if self.game == "hinge":
            return -opinion
        return F.softplus(-opinion) if self.game == "non-saturating" else -F.softplus(opinion)

    def extra_repr(self) -> str:
        """The game."""
        return repr(self.game)


class GradientPenalty(Term):
    """Half the squared norm of the critic's gradient at real data, (B,): R1 of Mescheder et al. 2018, eq. 9."""

    judges, contested = False, True

    def __init__(self, critic: nn.Module, truth: Parts = real, label: str = "r1") -> None:
        super().__init__(label)
        self.critic, self.truth = critic, truth

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,); also where gradients are off."""
        leading = len(inference.axes.shape)
        with torch.enable_grad():
            seen = tuple(t.detach().requires_grad_() for t in self.truth(inference))
            slopes = torch.autograd.grad(logits(self.critic, lambda _: seen, inference).sum(), seen, create_graph=True)
        squares = [slope.flatten(leading).square().sum(-1) for slope in slopes]
        return inference.expect(torch.stack(squares).sum(0) / 2)


class FeatureDistance(Term):
    """1/2 |f(x) - f(x~)|^2 of the critic's features of the data and of what comes back of them, (B,).

    -log of a normal in feature space, but for a constant (Larsen et al. 2016, eq. 7). The critic has `features`.
    """

    judges, contested = False, True

    def __init__(self, critic: nn.Module, label: str = "features") -> None:
        super().__init__(label)
        self.critic = critic

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,); gradients flow through what comes back."""
        features: Callable[[Tensor], Tensor] = self.critic.features  # type: ignore[assignment]
        with torch.no_grad():
            wanted = features(inference.data["x"])
        return (features(shown(inference)) - wanted).flatten(1).square().sum(1) / 2


def opinion(critic: nn.Module, parts: Parts, inference: Inference) -> Tensor:
    """The critic's logits, without a gradient to what it sees; (..., B)."""
    return logits(critic, lambda walk: tuple(t.detach() for t in parts(walk)), inference)


def logits(critic: nn.Module, parts: Parts, inference: Inference) -> Tensor:
    """The critic's logits of parts that share the inference's leading axes, (..., B)."""
    leading, seen = len(inference.axes.shape), parts(inference)
    found: Tensor = critic(*(t.flatten(0, leading - 1) for t in seen))
    return found.reshape(seen[0].shape[:leading])
