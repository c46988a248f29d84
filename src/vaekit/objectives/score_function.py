"""The gradient of an average over draws that pass none on, and what makes it quieter."""

from typing import Literal

from torch import Tensor, nn

from vaekit.models.inference import Inference, Latent, total
from vaekit.objectives.labels import in_rows, label, whole
from vaekit.objectives.objective import Coefficients, Term

__all__ = ["BaselineError", "ScoreFunction", "leave_one_out"]


class ScoreFunction(Term):
    """The missing gradient where a latent is drawn without a path: 0 in value, (B,) nats.

    A draw from a categorical q(y|x) passes no gradient on. That of E_q[f(y)], where f is what the bound charges given y,
    is E_q[(f(y) - b) grad log q(y|x)] besides, for any baseline b that y does not enter (Williams 1992). `baseline`: None
    for 0; "leave-one-out" for the average of f over the other ones of `samples` draws (Mnih & Rezende 2016); or a network
    of x, (B,) or (B, 1), trained by `baseline_loss()` (Mnih & Gregor 2014). Of rows that are summed or observed it is
    zero. To be added to a distortion and a rate of weight 1.
    """

    def __init__(
        self,
        name: str = "y",
        *,
        samples: int | None = None,
        baseline: nn.Module | Literal["leave-one-out"] | None = None,
    ) -> None:
        super().__init__("score" if name == "y" else f"score:{name}")
        if isinstance(baseline, str) and baseline != "leave-one-out":
            raise ValueError(f"baseline must be None, 'leave-one-out' or a network, got {baseline!r}")
        least = 2 if baseline == "leave-one-out" else 1
        if (samples is None and least > 1) or (
            samples is not None and (not isinstance(samples, int) or samples < least)
        ):
            raise ValueError(f"samples must be a whole number of at least {least} for this baseline, got {samples!r}")
        self.name, self.samples = name, samples
        self.network = baseline if isinstance(baseline, nn.Module) else None
        self.leaving_one_out = baseline == "leave-one-out"

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,), zeros."""
        latent = label(inference, self.name)
        advantage = charged(inference, latent)
        if self.leaving_one_out:
            advantage = advantage - leave_one_out(advantage)
        elif self.network is not None:
            advantage = advantage - guessed(self.network, inference).detach()
        log_q = in_rows(latent.choice.drawn, lambda: latent.belief().log_prob(latent.value))
        return whole(advantage * (log_q - log_q.detach()), inference)

    def baseline_loss(self) -> "BaselineError":
        """What trains the network, in a phase of its own."""
        if self.network is None:
            raise ValueError("this score function has no network for a baseline: give it one")
        return BaselineError(self.network, self.name)

    def extra_repr(self) -> str:
        """What differs from the plain one of y."""
        named = [] if self.name == "y" else [repr(self.name)]
        if self.samples is not None:
            named.append(f"samples={self.samples}")
        if self.leaving_one_out or self.network is not None:
            named.append(f"baseline={'leave-one-out' if self.network is None else type(self.network).__name__!r}")
        return ", ".join(named)


class BaselineError(Term):
    """(f - b(x))^2, of the cost f that a score function weighs: (B,) nats squared. It judges no model."""

    judges = False

    def __init__(self, network: nn.Module, name: str = "y") -> None:
        super().__init__("baseline" if name == "y" else f"baseline:{name}")
        self.network, self.name = network, name

    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,)."""
        cost = charged(inference, label(inference, self.name))
        return whole((cost - guessed(self.network, inference)).square(), inference)


def charged(inference: Inference, latent: Latent) -> Tensor:
    """What the bound charges given a latent's value, (..., B), without gradients: its own rate where that depends on it."""
    others = [other.rate() for name, other in inference.latents.items() if name != latent.name]
    own = [] if latent.analytic else [latent.rate()]
    return total([inference.distortion, *others, *own]).detach()


def leave_one_out(cost: Tensor) -> Tensor:
    """For each draw the average cost of the others, (S, B). Raises ValueError without a second draw."""
    if cost.ndim != 2 or cost.shape[0] < 2:
        raise ValueError(
            f"a baseline of the other draws needs costs (draws, batch) of two or more, got {tuple(cost.shape)}"
        )
    return (cost.sum(0) - cost) / (cost.shape[0] - 1)


def guessed(network: nn.Module, inference: Inference) -> Tensor:
    """The network's guess of each example's cost, (B,)."""
    found: Tensor = network(inference.data["x"])
    return found.squeeze(-1) if found.ndim == 2 else found
