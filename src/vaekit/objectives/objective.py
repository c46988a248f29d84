"""An objective: a weighted sum of terms, written as algebra."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn

from vaekit.models.inference import Inference
from vaekit.objectives.schedules import Schedule

__all__ = ["Coefficients", "Objective", "Term", "Weight"]

Weight = float | Schedule
Coefficients = Mapping[str, Tensor | float]


class Algebra(nn.Module, ABC):
    """What terms and objectives share: sums, differences and multiples, which give objectives."""

    @abstractmethod
    def weighted(self) -> "list[tuple[Weight, Term]]":
        """The summands."""

    def __add__(self, other: object) -> "Objective":
        """The sum; only terms and objectives can be added."""
        if not isinstance(other, Algebra):
            raise ValueError(f"only terms can be added to an objective, got {other!r}: write a weight as 4.0 * Rate()")
        return Objective([*self.weighted(), *other.weighted()])

    def __radd__(self, other: object) -> "Objective":
        """As __add__: reached only where the left side is no term."""
        return self + other

    def __sub__(self, other: object) -> "Objective":
        """The difference."""
        if not isinstance(other, Algebra):
            raise ValueError(f"only terms can be subtracted from an objective, got {other!r}")
        return self + (-1.0) * other

    def __neg__(self) -> "Objective":
        """The negative."""
        return -1.0 * self

    def __mul__(self, weight: object) -> "Objective":
        """A multiple by a number or a schedule."""
        if isinstance(weight, Algebra):
            raise ValueError(f"terms are added, not multiplied: got ({self!r}) * ({weight!r})")
        return Objective([(scaled(checked_weight(weight), own), term) for own, term in self.weighted()])

    __rmul__ = __mul__


class Term(Algebra):
    """One summand: from an `Inference` to a figure per example (B,), or a number () of the batch or the parameters.

    `label` names it in logs; `samples` is how many draws from q it needs (None: the usual single one). `judges`: whether
    it says how good a model is, and so which epoch's weights are kept; False for what only steers the training.
    `contested`: its figure is of a game with an opponent that learns too, so that no epoch has the best one.
    """

    samples: int | None = None
    judges: bool = True
    contested: bool = False

    def __init__(self, label: str) -> None:
        super().__init__()
        if label in ("", "loss") or "." in label:
            raise ValueError(f"a term's label must be other than 'loss' and hold no full stop, got {label!r}")
        self.label = label

    @abstractmethod
    def forward(self, inference: Inference, coefficients: Coefficients) -> Tensor:
        """(B,) or (), nats; `coefficients` holds the value of each of the term's own `schedules` at this step."""

    def begin(self, examples: int, batch: int) -> None:
        """Told, before it is trained with, how many examples there are and are taken at a time; ValueError for too few."""

    def schedules(self) -> dict[str, Schedule]:
        """Schedules inside the term, by a name that starts with its label; their values come in `coefficients`."""
        return {}

    def counts(self) -> frozenset[str]:
        """Which of "distortion" and "rate" the term already holds, so that neither is added twice unawares."""
        return frozenset()

    def weighted(self) -> "list[tuple[Weight, Term]]":
        """Itself, once."""
        return [(1.0, self)]

    def extra_repr(self) -> str:
        """Arguments that differ from their defaults, as they were written."""
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


class Objective(Algebra):
    """A weighted sum of terms. Called on an inference it gives the loss per example (B,), in nats.

    Weights are numbers or callables of the step. Terms keep their own labels; no label stands twice.
    """

    def __init__(self, weighted: "list[tuple[Weight, Term]]") -> None:
        super().__init__()
        self.terms = nn.ModuleDict()
        self.weights: list[Weight] = []
        counted: set[str] = set()
        for weight, term in weighted:
            if term.label in self.terms:
                raise ValueError(f"the term {term!r} stands twice: give it one weight, as in 2.0 * {term!r}")
            twice = counted & term.counts()
            if twice:
                raise ValueError(f"{term!r} already holds the {min(twice)}: it cannot be added to {self!r}")
            counted |= term.counts()
            self.terms[term.label] = term
            self.weights.append(weight)
        asked = {term.samples for _, term in weighted if term.samples is not None}
        if len(asked) > 1:
            raise ValueError(f"terms ask for different numbers of draws, {sorted(asked)}: use one")
        self.samples: int | None = next(iter(asked), None)

    def weighted(self) -> "list[tuple[Weight, Term]]":
        """The summands."""
        return list(zip(self.weights, self.terms.values(), strict=True))  # type: ignore[arg-type]

    def judging(self) -> list[str]:
        """Labels of the terms that say how good a model is, of all terms where none does; of a game none."""
        judges = [label for label, term in self.terms.items() if term.judges]
        contested = any(term.contested for term in self.terms.values())
        return judges if judges or contested else list(self.terms)

    def coefficients(self, step: int) -> dict[str, float]:
        """Every weight by the label of its term, and every schedule inside a term by its own name, at this step."""
        out = {term.label: at(weight, step) for weight, term in self.weighted()}
        for _, term in self.weighted():
            out |= {name: schedule(step) for name, schedule in term.schedules().items()}
        return out

    def scheduled(self) -> set[str]:
        """The names in `coefficients` that change with the step."""
        names = {term.label for weight, term in self.weighted() if callable(weight)}
        return names.union(*(term.schedules() for _, term in self.weighted()))

    def evaluate(
        self, inference: Inference, coefficients: Coefficients, counts: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Every term without its weight, under its label, and their weighted sum "loss" (B,).

        `counts` (B,): how much each example counts, in figures per example; those of the batch or the parameters stay.
        """
        values = {term.label: term(inference, coefficients) for _, term in self.weighted()}
        if counts is not None:
            values = {label: value * counts if value.ndim else value for label, value in values.items()}
        loss: Tensor | None = None
        for label, value in values.items():
            weight = coefficients[label]
            part = value if isinstance(weight, float) and weight == 1.0 else weight * value
            loss = part if loss is None else loss + part
        assert loss is not None
        return {"loss": loss, **values}

    def forward(self, inference: Inference, step: int = 0) -> Float[Tensor, " B"]:
        """The loss per example at this step."""
        return self.evaluate(inference, self.coefficients(step))["loss"]

    def __repr__(self) -> str:
        parts = [written(weight, term) for weight, term in self.weighted()]
        return " + ".join(parts).replace("+ -", "- ")


def several(label: str, batch: int) -> None:
    """Raise ValueError for batches that a figure of the whole batch cannot be had from."""
    if batch < 2:
        raise ValueError(
            f"{label} compares the examples of a batch with each other: batch_size must be at least 2, got {batch}"
        )


def at(weight: Weight, step: int) -> float:
    """The weight's value at a step."""
    return float(weight(step)) if callable(weight) else float(weight)


def checked_weight(weight: object) -> Weight:
    """A finite number or a callable of the step."""
    if callable(weight):
        return weight
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not abs(weight) < math.inf:
        raise ValueError(f"a weight must be a finite number or a callable of the step, got {weight!r}")
    return float(weight)


def scaled(factor: Weight, weight: Weight) -> Weight:
    """Their product, a callable where either is."""
    if not callable(factor) and not callable(weight):
        return factor * weight
    if not callable(weight) and weight == 1.0:
        return factor
    if not callable(factor) and factor == 1.0:
        return weight
    return Product(factor, weight)


class Product:
    """The product of two weights at every step."""

    def __init__(self, *factors: Weight) -> None:
        self.factors = factors

    def __call__(self, step: int) -> float:
        """Their values multiplied."""
        return at(self.factors[0], step) * at(self.factors[1], step)

    def __repr__(self) -> str:
        return " * ".join(map(repr, self.factors))


def written(weight: Weight, term: Term) -> str:
    """The summand as it was written."""
    if isinstance(weight, Product):
        first, second = weight.factors
        return f"{first!r} * ({written(second, term)})"
    if callable(weight):
        return f"{weight!r} * {term!r}"
    if abs(weight) == 1.0:
        return repr(term) if weight > 0 else f"-{term!r}"
    return f"{weight:g} * {term!r}" if float(f"{weight:g}") == weight else f"{weight!r} * {term!r}"
