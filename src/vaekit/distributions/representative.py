"""One value that stands for a distribution."""

from torch import Tensor
from torch.distributions import Distribution

__all__ = ["has_mean", "representative"]


def representative(d: Distribution) -> Tensor:
    """The mean of d, (*batch, *event); its mode where it has no mean (categories), a draw where it has neither."""
    for name in ("mean", "mode"):
        value = quantity(d, name)
        if value is not None:
            return value
    return d.sample()


def has_mean(d: Distribution) -> bool:
    """Whether d has a mean."""
    return quantity(d, "mean") is not None


def quantity(d: Distribution, name: str) -> Tensor | None:
    """The mean or mode, where the family has one: torch says that there is none by NaN or NotImplementedError."""
    try:
        value: Tensor = getattr(d, name)
    except NotImplementedError:
        return None
    return None if bool(value.isnan().all()) else value
