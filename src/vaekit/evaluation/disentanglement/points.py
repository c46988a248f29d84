"""Codes and the factors behind them, checked: what every score of disentanglement is a function of."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__: list[str] = []

SHARE = 2, 3  # of the points, that are learned from where a score learns; the others are tested on


@dataclass(frozen=True, eq=False)
class Points:
    """Codes (N, D) in float64, and factors (N, F) whose values are numbered 0, 1, ... in order, of `sizes` each."""

    codes: Float[Tensor, "N D"]
    factors: Int[Tensor, "N F"]
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def dimensions(self) -> int:
        """How many numbers a code has."""
        return self.codes.shape[1]

    def columns(self) -> list[tuple[Int[Tensor, " N"], int]]:
        """Every factor's values, and how many different ones it has."""
        return list(zip(self.factors.unbind(1), self.sizes, strict=True))

    def parted(self, seed: int) -> tuple[Int[Tensor, " n"], Int[Tensor, " m"]]:
        """Rows to learn from, two thirds of all, and rows to test on, drawn under the seed."""
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        learn = len(self) * SHARE[0] // SHARE[1]
        for i, column in enumerate(self.factors.unbind(1)):
            if len(column[order[:learn]].unique()) < 2:
                raise ValueError(
                    f"factor {i} must have two values among the {learn} points that are learned from: give more than "
                    f"{len(self)} points"
                )
        return order[:learn], order[learn:]


def checked(codes: Float[Tensor, "N D"], factors: Int[Tensor, "N F"], least: int = 3, of_each_value: int = 1) -> Points:
    """Both, if at least `least` points have codes and factors, and `of_each_value` any value of a factor; ValueError if not."""
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors):
        raise ValueError(
            "codes and factors must be (N, D) and (N, F) of the same points, "
            f"got {tuple(codes.shape)} and {tuple(factors.shape)}"
        )
    for name, count in (("codes", codes.shape[1]), ("factors", factors.shape[1])):
        if count < 2:
            raise ValueError(f"{name} must have at least 2 columns, to tell one from another, got {count}")
    if len(codes) < least:
        raise ValueError(f"codes must be of at least {least} points, got {len(codes)}")
    if factors.is_floating_point() or factors.is_complex():
        raise ValueError(f"factors must be whole numbers, got {factors.dtype}")
    values = codes.detach().cpu().double()
    if not bool(values.isfinite().all()):
        raise ValueError("codes must be finite, got NaN or Inf among them")
    found = [column.unique(return_inverse=True, return_counts=True) for column in factors.cpu().unbind(1)]
    for i, (own, _, counts) in enumerate(found):
        if len(own) < 2:
            raise ValueError(f"factor {i} must have at least 2 values among the points, got {own.tolist()}")
        if int(counts.min()) < of_each_value:
            rare = int(own[counts.argmin()])
            raise ValueError(
                f"factor {i} must have at least {of_each_value} points of each value, got {int(counts.min())} of {rare}: "
                "give more points"
            )
    return Points(values, torch.stack([numbers for _, numbers, _ in found], 1), tuple(len(own) for own, _, _ in found))
