"""Critics: networks that estimate a density ratio between two sources of draws, and train in a phase of their own."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from vaekit.models.inference import Inference
from vaekit.objectives.objective import Coefficients, Term

__all__ = ["CriticLoss", "DensityRatio", "Source", "posterior_draws", "prior_draws"]

Source = Callable[[Inference], Tensor]


def posterior_draws(name: str) -> Source:
    """The values of latent `name`, on all leading axes of the inference: (..., B, *event)."""

    def values(inference: Inference) -> Tensor:
        latent = inference.latents[name]
        return inference.axes.spread(latent.value, latent.leading)

    return values


def prior_draws(name: str) -> Source:
    """As many draws from the prior of latent `name` as it has values, (..., B, *event)."""

    def draw(inference: Inference) -> Tensor:
        prior = inference.latents[name].prior
        assert prior is not None
        return inference.axes.draw(prior)[0].detach()

    return draw


class DensityRatio(Term):
    """log density of `of` over `against` at draws of `of`, as `critic` estimates it: (B,) nats.

    Its average estimates KL(of || against); Sugiyama et al. 2012, Huszár 2017. `critic` maps (N, *event) to (N,) logits
    and is moved by the phase whose objective is `critic_loss()`, not by this term.
    """

    def __init__(self, label: str, critic: nn.Module, of: Source, against: Source) -> None:
        super().__init__(label)
        self.critic, self.of, self.against = critic, of, against

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) nats; gradients reach the draws."""
        return inference.expect(logits(self.critic, self.of(inference), len(inference.axes.shape)))

    def critic_loss(self) -> "CriticLoss":
        """The critic's own objective."""
        return CriticLoss(self)

    def extra_repr(self) -> str:
        """The label."""
        return repr(self.label)


class CriticLoss(Term):
    """Logistic loss of telling draws of `of` from draws of `against`: (B,) nats; log 2 twice where they are equal.

    Its minimiser over all functions is the log density ratio (Goodfellow et al. 2014, prop. 1).
    """

    def __init__(self, ratio: DensityRatio) -> None:
        super().__init__(f"{ratio.label}:critic")
        self.critic, self.of, self.against = ratio.critic, ratio.of, ratio.against

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) nats; no gradient reaches the draws."""
        rank = len(inference.axes.shape)
        on_of = logits(self.critic, self.of(inference).detach(), rank)
        on_against = logits(self.critic, self.against(inference).detach(), rank)
        return inference.expect(F.softplus(-on_of) + F.softplus(on_against))

    def extra_repr(self) -> str:
        """The label."""
        return repr(self.label)


def logits(critic: nn.Module, draws: Tensor, leading: int) -> Tensor:
    """The critic's logits for draws (*leading, *event), as (*leading)."""
    return critic(draws.flatten(0, leading - 1)).reshape(draws.shape[:leading])
