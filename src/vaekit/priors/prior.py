"""The abstract prior."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn
from torch.distributions import Distribution

from vaekit.conditionals.conditional import REAL

__all__ = ["Prior"]


class Prior(nn.Module, ABC):
    """p(z), or p(z|c): a module that, when called, returns a distribution over one latent.

    `posterior` is the model's encoder, handed over at the call to a prior that is made of it (VampPrior) and stored by
    none. A prior that the context does not change ignores it. `fitted` is False for one that only stands where another is
    to be fitted: what is drawn from it is noise. `space`: where its mass lies; a posterior must lie there too. `needs`: the
    order of the moment of q that E_q[-log p(z)] is made of; 0 where logarithms will do.
    """

    event_shape: tuple[int, ...]
    fitted: bool = True
    space: str = REAL
    needs: float = 2.0

    @abstractmethod
    def forward(
        self, context: Tensor | None = None, *, posterior: Callable[..., Distribution] | None = None
    ) -> Distribution:
        """The prior, with batch shape () or, where it depends on the context, (B,)."""

    def start_on(self, x: Tensor) -> None:
        """Begin from examples x (N, *event of x), where a prior is made of such. ValueError where they are too few."""

    @property
    def fitted_shape(self) -> tuple[int, ...]:
        """Of what it is fitted to where it is fitted to a finished model: values, or the codes that they stand for."""
        return tuple(self.event_shape)

    def fitted_density(self, context: Tensor | None = None) -> Distribution:
        """The distribution over those."""
        return self(context)
