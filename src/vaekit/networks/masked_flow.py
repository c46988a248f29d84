"""Invertible maps of vectors whose parameters are read from the elements before (by zuko)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

__all__ = ["MaskedFlow"]

SMALL = 0.1  # a fresh map is then nearly the identity


class MaskedFlow(nn.Module):
    """A stack of autoregressive maps of vectors of `size`, each in the reverse order of the one before.

    Called on a context (*batch, `context`), of size 0 for none, it gives the map from noise to values, with an inverse
    and `call_and_ladj`. `spline`: each element goes through a monotonic rational-quadratic spline on [-5, 5] (Durkan et
    al. 2019) instead of a shift and a scale. `quick_density`: the way back from values to noise is the one that takes a
    single pass, as a prior wants it (Papamakarios et al. 2017); otherwise it is the way there, as a posterior wants it
    (Kingma et al. 2016).
    """

    def __init__(
        self,
        size: int,
        context: int = 0,
        *,
        layers: int = 2,
        hidden: Sequence[int] = (256,),
        spline: bool = False,
        bins: int = 8,
        quick_density: bool = False,
    ) -> None:
        super().__init__()
        for said, value in (("size", size), ("layers", layers)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{said} must be a whole number of at least 1, got {value!r}")
        zuko = imported()
        kind = {}
        if spline:
            kind = {"univariate": zuko.transforms.MonotonicRQSTransform, "shapes": [(bins,), (bins,), (bins - 1,)]}
        self.size, self.context, self.quick_density = size, context, quick_density
        wanted = torch.empty(0).device
        with torch.device("cpu"):  # masks are computed from values, which the meta device has none of
            forwards = torch.arange(size)
            maps = [
                zuko.flows.autoregressive.MaskedAutoregressiveTransform(
                    size, context, order=order, hidden_features=tuple(hidden), **kind
                )
                for order in (forwards if i % 2 == 0 else forwards.flip(0) for i in range(layers))
            ]
        self.layers = nn.ModuleList(maps).to(wanted)
        for layer in self.layers:
            last = [module for module in layer.modules() if isinstance(module, nn.Linear)][-1]
            with torch.no_grad():
                last.weight.mul_(SMALL)
                last.bias.mul_(SMALL)

    def forward(self, context: Tensor) -> "Steps":
        """The map from noise to values, over the last axis."""
        given = context if self.context else None
        steps = Steps([layer(given) for layer in self.layers])
        return steps.inv if self.quick_density else steps


class Steps:
    """Invertible maps one after the other, with the log of how much all together stretch volume."""

    def __init__(self, maps: Sequence[Any]) -> None:
        self.maps = maps

    @property
    def inv(self) -> "Steps":
        """The way back."""
        return Steps([one.inv for one in reversed(self.maps)])

    def __call__(self, x: Tensor) -> Tensor:
        """(*batch, D) to (*batch, D)."""
        for one in self.maps:
            x = one(x)
        return x

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image and log |det| of the slope there, (*batch,)."""
        total = x.new_zeros(x.shape[:-1])
        for one in self.maps:
            x, log_slope = one.call_and_ladj(x)
            total = total + log_slope
        return x, total


def imported() -> Any:
    """zuko, whose import switches the checks of torch's distributions off for the whole process: they are put back."""
    checked = Distribution._validate_args
    import zuko
    import zuko.flows
    import zuko.transforms

    Distribution.set_default_validate_args(checked)
    return zuko
