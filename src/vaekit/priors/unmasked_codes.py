"""Priors that uncover codes in a few rounds."""

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch import distributions as td

from vaekit.conditionals.step_by_step import start_of
from vaekit.distributions import InOrder, Unmasking
from vaekit.distributions.autoregressive import State
from vaekit.networks.shapes import as_shape
from vaekit.priors.over_codes import PriorOverCodes

__all__ = ["UnmaskedCodes"]


class UnmaskedCodes(PriorOverCodes):
    """Codes uncovered in `rounds`, many at once, by a network that guesses the hidden ones (Chang et al. 2022, MaskGIT).

    `event_shape`, `sizes` and `context` as for every prior over codes. `network` is a `MaskedTransformer` of strings of all
    digits of all positions. `noise`: see `Unmasking`. The rate is an estimate of an upper bound of the codes' length, with
    one round in training and all of them in evaluation.
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        sizes: Sequence[int],
        network: nn.Module,
        context: Sequence[int] | None = None,
        *,
        rounds: int = 12,
        noise: float = 4.5,
    ) -> None:
        super().__init__(event_shape, sizes, context)
        (self.rounds,) = as_shape(rounds, "rounds")
        if not noise >= 0:
            raise ValueError(f"noise must be at least 0, got {noise}")
        self.network, self.noise = network, noise

    def codes(self, context: Tensor | None = None) -> InOrder:
        """Batch shape (), or that of the context."""
        batch, network = self.batch_of(context), self.network
        start = start_of(network, batch, context)  # type: ignore[arg-type]

        def predict(strings: Tensor, shown: Tensor, state: State) -> td.Categorical:
            return td.Categorical(logits=network(strings, shown, state), validate_args=False)

        strings = Unmasking(
            predict,
            start,
            batch,
            math.prod(self.code_shape),
            rounds=self.rounds,
            noise=self.noise,
            every_round=not self.training,
        )
        return InOrder(strings, self.code_shape)
