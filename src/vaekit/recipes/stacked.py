"""What recipes of stacked vector latents share: their options, and the networks between neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge
from typing_extensions import Doc

from vaekit.conditionals import Conditional, Gaussian
from vaekit.data import DataSpec
from vaekit.networks import MLP, BatchNorm
from vaekit.objectives import Distortion, Linear, Objective, Rate
from vaekit.recipes.parts import ACTIVATIONS, likelihood, refuse_categories

__all__ = ["Latents", "Layers", "LevelFreeBits", "Normalised", "Sizes", "WarmUp", "Widths", "warmed_up"]

Latents = Annotated[tuple[int, ...], Ge(1), Doc("sizes of the latents, from the one next to the data to the top")]
Widths = Annotated[
    tuple[int, ...], Ge(1), Doc("widths of the hidden layers on either side of each latent, from the data")
]
Layers = Annotated[int, Ge(1), Doc("hidden layers between two neighbours")]
Normalised = Annotated[bool, Doc("normalise hidden layers by their batch's figures")]
WarmUp = Annotated[int, Ge(0), Doc("steps in which the weight of the rate rises from 0 to 1")]
LevelFreeBits = Annotated[float, Ge(0), Doc("nats below which the rate of a latent, all of it, is not pushed")]


@dataclass(frozen=True)
class Sizes:
    """Latents and hidden layers of a stack over `spec`, from the data up. ValueError where they do not go together."""

    spec: DataSpec
    latents: tuple[int, ...]
    widths: tuple[int, ...]
    layers: int
    activation: str
    batch_norm: bool

    def __post_init__(self) -> None:
        refuse_categories(self.spec)
        if not self.latents:
            raise ValueError("latents must hold a size for each level, got none")
        if len(self.widths) != len(self.latents):
            raise ValueError(
                f"widths must hold one width for each of the {len(self.latents)} latents, got {len(self.widths)}"
            )

    def mlp(self, in_features: int | Sequence[int], level: int) -> MLP:
        """The hidden layers between a latent (from 0, next to the data) and what is under it, either way."""
        hidden = (self.widths[level],) * self.layers
        norm = BatchNorm if self.batch_norm else None
        return MLP(in_features, *hidden, activation=ACTIVATIONS[self.activation], norm=norm)

    def own_priors(self) -> list[Conditional]:
        """p(z2|z1), ..., p(zL|z(L-1)), from the top down."""
        below = range(len(self.latents) - 2, -1, -1)
        return [Gaussian(self.mlp(self.latents[i + 1], i + 1), self.latents[i]) for i in below]

    def decoder(self, likelihood_name: str | None) -> Conditional:
        """p(x|zL)."""
        return likelihood(self.spec, self.mlp(self.latents[0], 0), likelihood_name)


def warmed_up(steps: int, free_bits: float) -> Objective:
    """The bound, its rate weighed in over so many steps; an allowance of nats is each latent's."""
    rate = Rate(free_bits=free_bits, groups=1) if free_bits else Rate()
    return Distortion() + (Linear(0.0, 1.0, steps) if steps else 1.0) * rate
