"""One value that stands for a distribution."""

from torch import Tensor
from torch.distributions import Distribution

__all__ = ["representative"]


def representative(d: Distribution) -> Tensor:
    """The mean of d, (*batch, *event); its mode where it has no mean (categories), a draw where it has neither."""
    for name in ("mean", "mode"):
        value = quantity(d, name)
        if value is not None:
            return value
    return d.sample()


def quantity(d: Distribution, name: str) -> Tensor | None:
    """The mean or mode, where the family has one: torch says that there is none by NaN or NotImplementedError."""
    try:
        value: Tensor = getattr(d, name)
    except NotImplementedError:
        return None
    return None if bool(value.isnan().all()) else value
