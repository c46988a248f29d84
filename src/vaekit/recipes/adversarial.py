"""What recipes with critics share: their options, the critic, and what ends a run in which it has won."""

from collections.abc import Mapping
from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import nn
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.networks import MLP, Conv, Critic, spectral_normed
from vaekit.objectives import (
    GradientPenalty,
    Objective,
    Telling,
    Term,
    ToldApart,
    posterior_draws,
    prior_draws,
)
from vaekit.objectives.adversaries import Game, Parts
from vaekit.training import Adam, Phase

__all__: list[str] = []

CriticRate = Annotated[float, Gt(0), Doc("learning rate of the critic")]
Penalty = Annotated[float, Ge(0), Doc("weight of the critic's squared gradient at real data (R1); 0 for none")]
Spectral = Annotated[bool, Doc("hold the largest singular value of the critic's layers at 1")]
CriticHidden = Annotated[tuple[int, ...], Ge(1), Doc("widths of the critic's hidden layers")]
LossName = Annotated[Literal["logistic", "hinge"], Doc("what the critic minimises")]

TELLS, EPOCHS = 0.999, 3
MOMENTA = (0.5, 0.999)
GAMES: dict[str, Game] = {"logistic": "non-saturating", "hinge": "hinge"}  # what fools a critic of each loss


class Balance:
    """Says so where a critic has told all examples apart for three epochs in a row."""

    def __init__(self) -> None:
        self.won = 0

    def __call__(self, means: Mapping[str, float]) -> str | None:
        """From an epoch's means to a sentence, or None."""
        share = means.get("told-apart", 0.0)
        self.won = self.won + 1 if share > TELLS else 0
        if self.won < EPOCHS:
            return None
        return (
            f"the critic has told {100 * share:.1f} % of the examples apart for {EPOCHS} epochs, so the model learns nothing "
            "from it: lower critic_lr, or raise r1."
        )


def critic_of(network: nn.Module, spectral: bool) -> Critic:
    """A critic over a network's features."""
    critic = Critic(network)
    if spectral:
        spectral_normed(critic)
    return critic


def seeing(spec: DataSpec, channels: tuple[int, ...], hidden: tuple[int, ...]) -> Conv | MLP:
    """What a critic sees of pictures by convolutions, of anything else by a fully connected network."""
    if len(spec.shape) == 3:
        return Conv(spec.shape, *channels, activation=leaky)
    return MLP(spec.shape, *hidden, activation=leaky)


def critic_of_latents(latent: int, hidden: tuple[int, ...], lr: float, r1: float) -> tuple[Critic, Phase]:
    """What tells draws of z's posterior from draws of its prior, and the phase that trains it."""
    critic = critic_of(MLP(latent, *hidden, activation=leaky), spectral=False)
    telling = Telling(critic, [posterior_draws("z")], prior_draws("z"))
    return critic, critic_phase(telling, lr, r1)


def steering(term: Term) -> Term:
    """The same term, which no longer judges: of a game the last weights are kept, not those that it favours."""
    term.judges = False
    return term


def leaky() -> nn.Module:
    """The activation of critics (Radford et al. 2016)."""
    return nn.LeakyReLU(0.2)


def critic_phase(telling: Telling, lr: float, r1: float, truth: Parts | None = None) -> Phase:
    """The critic's own steps, one in every round, with how well it tells in the table."""
    objective: Objective = telling + 0.0 * ToldApart(telling)
    if r1 > 0:
        objective = objective + r1 * GradientPenalty(telling.critic, telling.truth if truth is None else truth)
    return Phase("critic", objective, [telling.critic], Adam(lr=lr, betas=MOMENTA), check=Balance())
