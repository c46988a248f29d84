"""Contexts: what stands beside an example to condition on; tokens, features, anything of one shape.

Integers (N, T) are tokens from 0, and -1 is padding; lower ones are refused, as numbers that are no tokens are floats.
Floats (N, T, F) are sequences of features, and a row that is all NaN is padding. What is no sequence has no padding.
One number for each example, (N,), is a sequence or a vector of one.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.data.arrays import given_array
from vaekit.data.spec import DataSpec
from vaekit.data.values import is_integer, survey

__all__ = ["blank_context", "context_for"]

PADDING = -1


def check_context(context: np.ndarray, name: str) -> None:
    """Raise ValueError unless a context holds real numbers, and something besides padding."""
    survey_of(context, f"{name}: context")
    padding = padding_of(context)
    if padding is not None and padding.all():
        raise ValueError(f"{name}: context must hold at least one token, got padding alone in {len(context)} rows")


def padding_of(context: np.ndarray) -> np.ndarray | None:
    """Where tokens are negative, or whole rows of features NaN, with the context's axes; None of what has none."""
    if are_tokens(context):
        return context < 0
    sequence = context.ndim == 3 and context.dtype.kind == "f"
    return np.isnan(context).all(-1, keepdims=True) if sequence else None


def are_tokens(context: np.ndarray) -> bool:
    """Whether a context is one of tokens."""
    return context.ndim == 2 and context.dtype.kind in "iu"


def vocabulary_of(contexts: Iterable[np.ndarray | None]) -> int | None:
    """One more than the highest token of all splits; None where contexts are no tokens."""
    highest = [int(context.max()) for context in contexts if context is not None and are_tokens(context)]
    return max(highest) + 1 if highest else None


def blank_context(spec: DataSpec, n: int) -> Tensor | None:
    """Zeros of the shape and type of `n` contexts: the first label, the first token; None where there is no context."""
    if spec.context is None:
        return None
    numbered = spec.context == () or spec.vocabulary is not None
    return torch.zeros(n, *spec.context, dtype=torch.long if numbered else torch.float32)


def context_for(value: Any, spec: DataSpec) -> Tensor:
    """New contexts (N, ...), an array, a tensor or an .npy path, as those that `spec` describes.

    Sequences may be shorter, or longer by padding. Raises ValueError for another shape, and for tokens that the data
    did not have.
    """
    array = given_array(value)
    assert array is not None
    if spec.context is None:
        raise ValueError("context must not be given to a model that takes none")
    array = as_sequence(array) if spec.context == (1,) else array
    if spec.vocabulary is not None and not is_integer(array):
        raise ValueError(f"context must be whole numbers, tokens from 0 to {spec.vocabulary - 1}, got {array.dtype}")
    sequence = spec.vocabulary is not None or len(spec.context) == 2
    if sequence and array.ndim == 1 + len(spec.context) and array.shape[1]:
        array = of_length(array, spec.context[0])
    if tuple(array.shape[1:]) != spec.context or not len(array):
        raise ValueError(f"context must be (n, {', '.join(map(str, spec.context))}), got {tuple(array.shape)}")
    checked = survey_of(array, "context")
    if spec.vocabulary is not None and checked.max() >= spec.vocabulary:
        raise ValueError(
            f"context must be tokens that the data had, 0 to {spec.vocabulary - 1} (or -1 for none), got {checked.max()}"
        )
    whole = torch.from_numpy(np.ascontiguousarray(array))
    return whole.long() if is_integer(array) else whole.float()


def survey_of(array: np.ndarray, name: str) -> np.ndarray:
    """The array with zeros for its padding; ValueError where what is left is no real number, or no token."""
    padding = padding_of(array)
    known = array if padding is None else np.where(padding, 0, array)
    survey(known, name)
    if are_tokens(array) and array.min() < PADDING:
        raise ValueError(f"{name} must be tokens from 0, or -1 for none, or numbers as floats, got {array.min()}")
    return known


def as_sequence(context: np.ndarray) -> np.ndarray:
    """Contexts (N, ...), single numbers (N,) as (N, 1)."""
    return context[:, None] if context.ndim == 1 else context


def of_length(array: np.ndarray, length: int) -> np.ndarray:
    """Sequences (N, T, ...) with padding behind them, or less of it, so that T is `length`."""
    padding, here = padding_of(array), array.shape[1]
    if here < length:
        widths = [(0, 0), (0, length - here), *[(0, 0)] * (array.ndim - 2)]
        signed = array.astype(np.int64) if is_integer(array) else array
        return np.pad(signed, widths, constant_values=PADDING if is_integer(array) else np.nan)
    if here > length and (padding is None or not padding[:, length:].all()):
        raise ValueError(f"context must be sequences of at most {length}, got some that are longer")
    return array[:, :length]
