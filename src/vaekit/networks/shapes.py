"""Sizes: what a constructor accepts, and how a map's height and width are halved and given back."""

from collections.abc import Iterable, Sequence
from numbers import Integral

__all__ = ["as_probability", "as_shape", "divided_sizes", "halved_sizes"]


def as_shape(shape: int | Sequence[int], name: str, axes: str | None = None) -> tuple[int, ...]:
    """An int or a sequence of them as a tuple of sizes of at least 1, with one size for each word of `axes`."""
    sizes = tuple(shape) if isinstance(shape, Iterable) else (shape,)
    if axes is not None and len(sizes) != len(axes.split()):
        raise ValueError(f"{name} must be ({', '.join(axes.split())}), got {shape}")
    if not sizes or any(not isinstance(size, Integral) or int(size) < 1 for size in sizes):
        raise ValueError(f"{name} must hold sizes of at least 1, got {shape}")
    return tuple(int(size) for size in sizes)


def as_probability(probability: float, name: str, *, below_one: bool = False) -> float:
    """A number in [0, 1], or in [0, 1)."""
    if not 0 <= probability <= 1 or (below_one and probability == 1):
        raise ValueError(f"{name} must lie in [0, 1{')' if below_one else ']'}, got {probability}")
    return float(probability)


def halved_sizes(size: tuple[int, ...], times: int, name: str) -> list[tuple[int, ...]]:
    """`size` and what is left of it after each of `times` halvings, rounded up: (7, 5) -> (4, 3) -> (2, 2) -> (1, 1).

    A side of 1 stays 1 while a longer one is halved. Raises ValueError where nothing is left to halve.
    """
    most = (max(size) - 1).bit_length()
    if times > most:
        raise ValueError(
            f"{name} of {size[0]}x{size[1]} takes at most {most} channels, each halving it once, got {times} channels"
        )
    return [tuple(-(-side // 2**halvings) for side in size) for halvings in range(times + 1)]


def divided_sizes(size: tuple[int, ...], rates: Sequence[int], name: str) -> list[tuple[int, ...]]:
    """`size` and what each of `rates` leaves of it, rounded up: (28, 28) by 2, 2, 4 -> (14, 14), (7, 7), (2, 2).

    Raises ValueError where a single pixel is to be divided.
    """
    sizes = [size]
    for rate in rates:
        if max(sizes[-1]) == 1:
            raise ValueError(
                f"{name} must leave something to divide: {len(rates) + 1} sizes were asked for, and a map of "
                f"{size[0]}x{size[1]} has only {', '.join(f'{height}x{width}' for height, width in sizes)}"
            )
        sizes.append(tuple(-(-side // rate) for side in sizes[-1]))
    return sizes
