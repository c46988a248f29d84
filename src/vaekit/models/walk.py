"""A walk through a graph of named latents: forwards, or with evidence."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from vaekit.conditionals.conditional import over_leading
from vaekit.models.axes import Axes
from vaekit.models.choices import Choice, Posterior
from vaekit.models.inference import Inference, Latent, Likelihood
from vaekit.models.sequences import ends_of

__all__ = ["Walk"]


class Walk:
    """What `Model.walk` is given: it names each latent and likelihood in order, and gets its value back.

    `at` says by name what happens at a latent and `default` what happens at the others. Data that is absent is drawn.
    `evidence` is what the model's `evidence` gave, or None in generation. `moment`: the step of a sequence that this
    walk is, or of each row (B,), None where it is none; choices are then those of that step. `length`: how many steps
    sequences take, None for as many as the data have; those ahead of the data, or of a row's end, are imagined.
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
        moment: int | Tensor | None = None,
        length: int | None = None,
    ) -> None:
        self.data, self.axes, self.default, self.moment, self.length = data, axes, default, moment, length
        self.at, self.context, self.evidence = dict(at or {}), context, evidence
        self.latents: dict[str, Latent] = {}
        self.likelihoods: dict[str, Likelihood] = {}
        self._proposed: dict[str, Latent] = {}

    @property
    def leading(self) -> int:
        """How many axes stand in front of the event now: pass it to a conditional with values of this walk."""
        return len(self.axes.shape)

    def spread(self, t: Tensor, leading: int = 1) -> Tensor:
        """A tensor (B, ...), or one with the last `leading` axes, expanded to all leading axes of now."""
        return self.axes.spread(t, leading)

    def through(self, network: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """A network of one batch axis, applied to values of this walk: (*leading, ...) each, and so is the result.

        An input with fewer leading axes than now, such as evidence (B, ...), comes in through `spread` first.
        """
        return over_leading(lambda *flat: {"": network(*flat)}, inputs, self.leading)[""]

    def value(self, name: str) -> Tensor:
        """The value of an earlier latent, or of one that is proposed, expanded to the leading axes of now."""
        latent = self.latents[name] if name in self.latents else self._proposed[name]
        return self.spread(latent.value, latent.leading)

    def propose(self, name: str, posterior: Posterior, event: Sequence[int | None] = (None,)) -> Tensor:
        """The value that a latent has by its posterior, before its prior is known; `latent` names it later.

        For posteriors that go up where priors come down: q(z_2 | z_1) needs the value of z_1, whose prior p(z_1 | z_2)
        needs that of z_2. Returns the value (*leading, *event), None where a size is not known. In generation, call
        `latent` alone. Where the choice is to draw from the prior, a draw from the posterior stands in on the way up.
        """
        latent = Latent(name, None, self.chosen(name).proposal(), len(event))
        latent.choice.check(self._who(name), event, self.axes.shape)
        latent.proposed = True
        latent.choice.take(latent, self.axes, posterior)
        self._proposed[name] = latent
        return self.value(name)

    def latent(
        self,
        name: str,
        prior: Distribution | None,
        posterior: Posterior | None = None,
        event_rank: int = 1,
        *,
        inferring: Choice | None = None,
    ) -> Tensor:
        """Name a latent: what `at` says happens there. Returns its value (*leading, *event).

        `posterior` is called only where the choice asks for it, so that generation never needs evidence. `event_rank`
        is the rank of a value where no prior says it. `inferring` is what to infer means at this latent, where that is
        not to draw from the posterior: `Enumerate()` for a finite one that is summed.
        """
        if name in self.latents:
            raise ValueError(f"latent {name!r} is named twice in one walk")
        choice = self.chosen(name, inferring)
        choice.check(self._who(name), (None,) * event_rank if prior is None else prior.event_shape, self.axes.shape)
        latent = self._proposed.pop(name, None)
        if latent is None or choice.proposal() is not choice:
            latent = Latent(name, prior, choice, event_rank)
            latent.choice.take(latent, self.axes, posterior)
        elif prior is not None:
            latent.prior, latent.event_rank = prior, len(prior.event_shape)
        self.latents[name] = latent
        return self.value(name)

    def chosen(self, name: str, inferring: Choice | None = None) -> Choice:
        """What happens at the latent `name`, where to infer it means `inferring` if that is said."""
        choice = self.at.get(name, self.default)
        meant = choice if inferring is None else choice.where_inferring_is(inferring)
        return meant if self.moment is None else meant.at_step(self.moment)

    def _who(self, name: str) -> str:
        return f"latent {name!r}" if self.moment is None else f"a step of latent {name!r}"

    def likelihood(self, name: str, p_x: Distribution, *, timed: bool = False) -> Tensor:
        """Name a likelihood. Returns the data of that name, or a draw where there is none.

        `timed`: p_x (*leading, T) is that of all steps at once, of which those count that the data's mask has.
        """
        value, mask = self.data.get(name), None
        if timed:
            mask = self.counted(p_x.batch_shape[-1])
            value = self._with_steps_ahead(value, p_x)
        drawn = self.axes.draw(p_x)[0] if value is None else value
        self.likelihoods[name] = Likelihood(name, p_x, drawn, mask, timed=timed)
        return drawn

    @property
    def there(self) -> int:
        """How many steps the data have, 0 in generation."""
        return next(iter(self.data.values())).shape[1] if self.data else 0

    def steps(self, own: int) -> int:
        """How many steps sequences take: as the caller says, else as many as the data have, else `own`."""
        if self.length is None:
            return self.there or own
        if self.length < max(self.there, 1):
            least = f"the {self.there} steps of the data" if self.there else "1"
            raise ValueError(f"length must be at least {least}, got {self.length}")
        return self.length

    @property
    def ends(self) -> Tensor | None:
        """How many steps each row has (B,), where they end apart and the walk is to go on from there; else None."""
        mask = self.data.get("mask")
        return None if self.length is None or mask is None else ends_of(mask)

    def order(self, steps: int) -> Tensor | None:
        """Which one stands at each of so many steps (B, T), of the data's and then those ahead; None: each at its own."""
        if self.ends is None:
            return None
        t, ends = torch.arange(steps, device=self.ends.device), self.ends[:, None]
        return torch.where(t < ends, t, self.there + t - ends)

    def counted(self, steps: int) -> Tensor | None:
        """Which of so many steps count in figures, (B, T): those that exist, and none ahead of the data; None for all."""
        mask = self.data.get("mask")
        if not self.data or (mask is None and steps == self.there):
            return mask
        x = next(iter(self.data.values()))
        known = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device) if mask is None else mask
        return F.pad(known, (0, steps - self.there), value=False)

    def _with_steps_ahead(self, value: Tensor | None, p_x: Distribution) -> Tensor:
        """The data of all steps of p_x (*leading, T), drawn where they lack any."""
        steps = p_x.batch_shape[-1]
        order = self.order(steps)
        if value is not None and order is None and steps == self.there:
            return value
        drawn = self.axes.draw(Independent(p_x, 1, validate_args=False))[0]
        if value is None:
            return drawn
        whole = torch.cat(
            [self.spread(value), drawn.narrow(self.leading, self.there, steps - self.there)], self.leading
        )
        if order is None:
            return whole
        ahead = order >= self.there
        return torch.where(ahead.reshape(*ahead.shape, *(1,) * len(p_x.event_shape)), drawn, whole)

    def inference(self, model: nn.Module) -> Inference:
        """All that was named, in a walk of `model`."""
        unknown = set(self.at) - set(self.latents)
        if unknown:
            raise ValueError(f"no latent is named {sorted(unknown)[0]!r}: this model has {sorted(self.latents)}")
        named = (*self.latents.values(), *self.likelihoods.values())
        if self.length is not None and not any(record.timed for record in named):
            raise ValueError(f"length belongs to models of sequences, got {self.length} for a model without steps")
        return Inference(self.data, self.context, self.likelihoods, self.latents, self.axes, model)
