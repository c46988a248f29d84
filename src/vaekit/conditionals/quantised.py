"""The head that quantises."""

from abc import abstractmethod
from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.conditionals.conditional import Conditional, Parameters
from vaekit.distributions import PointMass
from vaekit.networks import Quantiser

__all__ = ["HasCodes", "Quantised"]


class HasCodes(Conditional):
    """A head whose values stand for codes (Q, *positions), of `sizes` kinds for each of the Q digits."""

    sizes: tuple[int, ...]
    code_shape: tuple[int, ...]

    @abstractmethod
    def embed(self, code: Tensor) -> Tensor:
        """What codes (..., Q, *positions) stand for: (..., *event)."""

    @property
    def read(self) -> Callable[[Tensor], Tensor] | None:
        """From values to their codes, where that can be told."""
        return None


class Quantised(HasCodes):
    """All mass on the quantised output of the network: q(z|x) of a VQ-VAE (van den Oord et al. 2017) and its kin.

    `event_shape` is (D, *positions), one vector of the quantiser's D numbers for each position. The value is what the
    codes stand for, the code (Q, *positions), and the penalty the quantiser's. Raises ValueError for another D.
    """

    def __init__(
        self,
        network: nn.Module,
        event_shape: int | Sequence[int],
        quantiser: Quantiser,
        *,
        features: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(network, event_shape, per_element=1, features=features)
        if self.event_shape[0] != quantiser.dim:
            raise ValueError(
                f"event_shape must begin with the quantiser's {quantiser.dim} numbers, got {self.event_shape}"
            )
        self.quantiser, self.sizes = quantiser, quantiser.sizes
        if quantiser.fixed:
            self.last.spread()
        self.code_shape = (len(quantiser.sizes), *self.event_shape[1:])

    def parametrise(self, h: Tensor) -> Parameters:
        """`value` (B, D, *positions), `code` (B, Q, *positions) and `penalty` (B,)."""
        found = self.quantiser(self._vectors(h))
        value, code = (t.transpose(1, 2) for t in (found.value, found.code))
        shape = self.event_shape[1:]
        return {
            "value": value.unflatten(2, shape) if shape else value.squeeze(2),
            "code": code.unflatten(2, shape) if shape else code.squeeze(2),
            "penalty": found.penalty,
        }

    def distribution(self, **parameters: Tensor) -> Distribution:
        """PointMass over the event's axes."""
        return PointMass(**parameters, event_dims=len(self.event_shape), validate_args=False)

    def embed(self, code: Tensor) -> Tensor:
        """What codes (..., Q, *positions) stand for: (..., D, *positions)."""
        axis = -len(self.code_shape)
        return self.quantiser.embed(code.movedim(axis, -1)).movedim(-1, axis)

    def _vectors(self, h: Tensor) -> Tensor:
        """Features (B, *out_shape) to the vectors that are quantised, (B, P, D)."""
        return self.last(h).flatten(2).transpose(1, 2) if len(self.event_shape) > 1 else self.last(h)[:, None]
