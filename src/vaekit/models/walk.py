"""A walk through a graph of named latents: forwards, or with evidence."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.distributions import Distribution

from vaekit.models.axes import Axes
from vaekit.models.choices import Choice, Posterior
from vaekit.models.inference import Inference, Latent, Likelihood

__all__ = ["Walk"]


class Walk:
    """What `Model.walk` is given: it names each latent and likelihood in order, and gets its value back.

    `at` says by name what happens at a latent and `default` what happens at the others. Data that is absent is drawn.
    `evidence` is what the model's `evidence` gave, or None in generation.
    """

    def __init__(
        self,
        data: Mapping[str, Tensor],
        axes: Axes,
        default: Choice,
        *,
        at: Mapping[str, Choice] | None = None,
        context: Tensor | None = None,
        evidence: Any = None,
    ) -> None:
        self.data, self.axes, self.default = data, axes, default
        self.at, self.context, self.evidence = dict(at or {}), context, evidence
        self.latents: dict[str, Latent] = {}
        self.likelihoods: dict[str, Likelihood] = {}

    @property
    def leading(self) -> int:
        """How many axes stand in front of the event now: pass it to a conditional with values of this walk."""
        return len(self.axes.shape)

    def spread(self, t: Tensor, leading: int = 1) -> Tensor:
        """A tensor (B, ...), or one with the last `leading` axes, expanded to all leading axes of now."""
        return self.axes.spread(t, leading)

    def value(self, name: str) -> Tensor:
        """The value of an earlier latent, expanded to the leading axes of now."""
        latent = self.latents[name]
        return self.spread(latent.value, latent.leading)

    def latent(
        self, name: str, prior: Distribution | None, posterior: Posterior | None = None, event_rank: int = 1
    ) -> Tensor:
        """Name a latent: what `at` says happens there. Returns its value (*leading, *event).

        `posterior` is called only where the choice asks for it, so that generation never needs evidence. `event_rank`
        is the rank of a value where no prior says it.
        """
        if name in self.latents:
            raise ValueError(f"latent {name!r} is named twice in one walk")
        latent = Latent(name, prior, self.at.get(name, self.default), event_rank)
        latent.choice.take(latent, self.axes, posterior)
        self.latents[name] = latent
        return self.value(name)

    def penalise(self, name: str, penalty: Tensor) -> None:
        """Charge the latent `name` a penalty (..., B) of its conditional's own, such as a commitment loss."""
        self.latents[name].penalty = penalty

    def likelihood(self, name: str, p_x: Distribution) -> Tensor:
        """Name a likelihood. Returns the data of that name, or a draw where there is none."""
        value = self.data.get(name)
        self.likelihoods[name] = Likelihood(name, p_x, self.axes.draw(p_x)[0] if value is None else value)
        return self.likelihoods[name].value

    def inference(self) -> Inference:
        """All that was named."""
        unknown = set(self.at) - set(self.latents)
        if unknown:
            raise ValueError(f"no latent is named {sorted(unknown)[0]!r}: this model has {sorted(self.latents)}")
        return Inference(self.data, self.context, self.likelihoods, self.latents, self.axes)
