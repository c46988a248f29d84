"""Weights that change with the step: callables from the step (from 0) to a number."""

import math
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["After", "Constant", "Cosine", "Cyclical", "Linear", "Logistic", "Schedule"]

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class Constant:
    """The same number at every step."""

    value: float

    def __post_init__(self) -> None:
        finite("value", self.value)

    def __call__(self, step: int) -> float:
        """value."""
        return self.value


@dataclass(frozen=True)
class After:
    """0 in the first `steps` steps, then `value`."""

    value: float
    steps: int

    def __post_init__(self) -> None:
        finite("value", self.value)
        if self.steps < 0:
            raise ValueError(f"steps must be at least 0, got {self.steps}")

    def __call__(self, step: int) -> float:
        """value once `steps` are done."""
        return self.value if step >= self.steps else 0.0


@dataclass(frozen=True)
class Linear:
    """From `start` to `end` in `steps` steps, in a straight line, then constant. Also Burgess's capacity."""

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        finite("start", self.start)
        finite("end", self.end)
        whole("steps", self.steps)

    def __call__(self, step: int) -> float:
        """start + (end - start) min(1, step / steps)."""
        return self.start + (self.end - self.start) * min(1.0, step / self.steps)


@dataclass(frozen=True)
class Cosine:
    """From `start` to `end` in `steps` steps, along half a cosine, then constant."""

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        finite("start", self.start)
        finite("end", self.end)
        whole("steps", self.steps)

    def __call__(self, step: int) -> float:
        """end + (start - end) (1 + cos(pi min(1, step / steps))) / 2."""
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * min(1.0, step / self.steps))) / 2


@dataclass(frozen=True)
class Cyclical:
    """`cycles` equal cycles over `steps`: each rises linearly for a share `ramp` of it, then stays (Fu et al. 2019)."""

    start: float
    end: float
    steps: int
    cycles: int = 4
    ramp: float = 0.5

    def __post_init__(self) -> None:
        finite("start", self.start)
        finite("end", self.end)
        whole("steps", self.steps)
        whole("cycles", self.cycles)
        if not 0 < self.ramp <= 1:
            raise ValueError(f"ramp must lie in (0, 1], got {self.ramp}")

    def __call__(self, step: int) -> float:
        """start + (end - start) min(1, position in the cycle / ramp); `end` after the last cycle."""
        if step >= self.steps:
            return self.end
        position = (step * self.cycles / self.steps) % 1.0
        return self.start + (self.end - self.start) * min(1.0, position / self.ramp)


@dataclass(frozen=True)
class Logistic:
    """From `start` to `end` along a logistic curve, half-way at the step `middle` (Bowman et al. 2016, sec. 3.1).

    `slope` is the k of exp(-k (step - middle)): 12% to 88% of the way takes 4 / k steps. Neither end is reached; at
    step 0 a share 1 / (1 + exp(k middle)) of the way is done.
    """

    start: float
    end: float
    middle: float
    slope: float

    def __post_init__(self) -> None:
        finite("start", self.start)
        finite("end", self.end)
        for name in ("middle", "slope"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a finite number above 0, got {getattr(self, name)}")

    def __call__(self, step: int) -> float:
        """start + (end - start) / (1 + exp(-slope (step - middle))), by tanh, which does not overflow."""
        return self.start + (self.end - self.start) * (1 + math.tanh(self.slope * (step - self.middle) / 2)) / 2


def finite(name: str, value: float) -> None:
    """Raise ValueError unless `value` is a finite number."""
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value}")


def whole(name: str, value: int) -> None:
    """Raise ValueError unless `value` is a whole number of at least 1."""
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
