"""An objective written out as a formula, in the words that a run's record has it in; read, and never executed."""

import ast
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from vaekit import objectives
from vaekit.objectives import (
    MMD,
    Constant,
    Cosine,
    CovariancePenalty,
    Cyclical,
    DimensionwiseKL,
    Distortion,
    HeldRate,
    ImportanceWeighted,
    InverseMultiquadric,
    Linear,
    Logistic,
    MutualInformation,
    Objective,
    RadialBasis,
    Rate,
    Term,
    TotalCorrelation,
)
from vaekit.objectives.objective import Algebra

__all__ = ["objective_from"]

TERMS: tuple[type[Term], ...] = (
    Distortion,
    Rate,
    ImportanceWeighted,
    MutualInformation,
    TotalCorrelation,
    DimensionwiseKL,
    MMD,
    CovariancePenalty,
    HeldRate,
)
OTHERS = (Constant, Linear, Cosine, Cyclical, Logistic, objectives.After, InverseMultiquadric, RadialBasis)
KNOWN: Mapping[str, Callable[..., Any]] = {made.__name__: made for made in (*TERMS, *OTHERS)}
LONGEST = 2000


def objective_from(formula: str) -> Objective:
    """A weighted sum of terms, as in "Distortion() + 4 * Rate(free_bits=0.25)"; also without empty parentheses.

    Terms are those that need nothing but the model: no critic and no network of their own. Weights are numbers or schedules
    of the step, as in "Linear(0, 1, steps=1000) * Rate". Raises ValueError, with what is known, for anything else.
    """
    if len(formula) > LONGEST:
        raise ValueError(f"objective is written in at most {LONGEST:,} characters, got {len(formula):,}")
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
        found = value(tree)
    except (SyntaxError, RecursionError):
        raise ValueError(f"objective must be a sum of terms such as Distortion + 4 * Rate, got {formula!r}") from None
    found = made(found) if inspect.isclass(found) else found
    if not isinstance(found, Algebra):
        raise ValueError(f"objective must be a sum of terms such as Distortion + 4 * Rate, got {formula!r}")
    return 1.0 * found


def value(node: ast.expr) -> Any:
    """What an expression stands for: a number, a text, a name of ours, what one makes, or a sum or product of terms."""
    match node:
        case ast.Constant(value=int() | float() | str() | bool() | None as plain):
            return plain
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -checked(value(inner))
        case ast.Tuple(elts=inner) | ast.List(elts=inner):
            return tuple(value(part) for part in inner)
        case ast.Name(id=name):
            return known(name)
        case ast.Call(func=ast.Name(id=name), args=given, keywords=named) if all(k.arg for k in named):
            return made(known(name), *(value(part) for part in given), **{str(k.arg): value(k.value) for k in named})
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as sign, right=right):
            return combined(checked(value(left)), sign, checked(value(right)))
    raise ValueError(f"objective holds {ast.unparse(node)!r}, which is no sum of terms with weights")


def combined(left: Any, sign: ast.operator, right: Any) -> Any:
    """left + right, left - right, or left * right, of which one is a number or a schedule."""
    if not isinstance(left, Algebra) and not isinstance(right, Algebra):
        raise ValueError(f"terms and their weights can be added and multiplied, got {left!r} and {right!r}")
    if isinstance(sign, ast.Mult):
        return right * left if isinstance(right, Algebra) else left * right
    return left + right if isinstance(sign, ast.Add) else left - right


def checked(found: Any) -> Any:
    """A term that was named without parentheses is made; what cannot be added or multiplied is refused."""
    found = made(found) if inspect.isclass(found) else found
    if isinstance(found, str | tuple | bool) or found is None:
        raise ValueError(f"terms and numbers can be added and multiplied, got {found!r}")
    return found


def known(name: str) -> Callable[..., Any]:
    """What stands under a name. Raises ValueError, with all names, for another."""
    if name not in KNOWN:
        terms, others = (", ".join(made.__name__ for made in of) for of in (TERMS, OTHERS))
        raise ValueError(f"objective knows no {name!r}: terms are {terms}; beside them there are {others}")
    return KNOWN[name]


def made(what: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """What a constructor makes of arguments. Raises ValueError in the place of a TypeError."""
    try:
        inspect.signature(what).bind(*given, **named)
        return what(*given, **{k: made(v) if inspect.isclass(v) else v for k, v in named.items()})
    except TypeError as error:
        raise ValueError(f"objective: {what.__name__}{inspect.signature(what)} cannot take that: {error}") from None
