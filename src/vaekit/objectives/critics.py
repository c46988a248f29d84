"""Critics of latents: what tells draws of one source from draws of another, and so estimates their density ratio."""

import torch
from torch import Tensor, nn

from vaekit.models.inference import Inference
from vaekit.networks.whole_batch import whole_batch
from vaekit.objectives.adversaries import Parts, Telling, logits
from vaekit.objectives.objective import Coefficients, Term
from vaekit.objectives.terms import named

__all__ = ["DensityRatio", "permuted_draws", "posterior_draws", "prior_draws", "shuffled_columns"]


def posterior_draws(name: str) -> Parts:
    """The values of latent `name`, on all leading axes of the inference: (..., B, *event)."""

    def values(inference: Inference) -> tuple[Tensor]:
        latent = named(inference.latents, name, "latent")
        return (inference.axes.spread(latent.value, latent.leading),)

    return values


def prior_draws(name: str) -> Parts:
    """As many draws from the prior of latent `name` as it has values, (..., B, *event); no gradient flows."""

    def draw(inference: Inference) -> tuple[Tensor]:
        prior = named(inference.latents, name, "latent").prior
        if prior is None:
            raise ValueError(f"latent {name!r} has no prior to draw from: give the model one")
        return (inference.axes.draw(prior)[0].detach(),)

    return draw


def permuted_draws(name: str) -> Parts:
    """Values of latent `name` with each element shuffled over the batch on its own: draws of the product of marginals.

    (B, *event), of the batch of all processes. Kim & Mnih 2018, algorithm 1.
    """

    def draw(inference: Inference) -> tuple[Tensor]:
        value, rows = posterior_draws(name)(inference)[0], inference.axes.rows
        if len(inference.axes.shape) > 1:
            raise ValueError(
                "elements are shuffled over one draw of each example: ask for no samples, enumerate nothing"
            )
        mixed = shuffled_columns(whole_batch(value.detach()).flatten(1)).reshape(-1, *value.shape[1:])
        return (mixed if rows is None else mixed.narrow(0, rows.first, value.shape[0]),)

    return draw


def shuffled_columns(z: Tensor) -> Tensor:
    """Each column of z (N, D) in an order of its own."""
    return z.gather(0, torch.rand(z.shape, device=z.device).argsort(0))


class DensityRatio(Term):
    """log density of `of` over `against` at draws of `of`, as `critic` estimates it: (B,) nats.

    Its average estimates KL(of || against); Sugiyama et al. 2012, Huszár 2017. `critic` maps (N, *event) to (N,) logits
    and is moved by the phase whose objective is `critic_loss()`, not by this term. It judges no model: the estimate is
    as good as the critic.
    """

    judges, contested = False, True

    def __init__(self, label: str, critic: nn.Module, of: Parts, against: Parts) -> None:
        super().__init__(label)
        self.critic, self.of, self.against = critic, of, against

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) nats; gradients reach the draws."""
        return inference.expect(logits(self.critic, self.of, inference))

    def critic_loss(self) -> Telling:
        """The critic's own objective, whose minimiser is the log density ratio (Goodfellow et al. 2014, prop. 1)."""
        return Telling(self.critic, [self.against], self.of, label=f"{self.label}:critic")

    def extra_repr(self) -> str:
        """The label."""
        return repr(self.label)
