"""Build a recipe's system: first without memory, to see that it fits, then with weights."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from vaekit.data import Data
from vaekit.models import Model
from vaekit.recipes import System
from vaekit.training.noise import seed_at
from vaekit.training.step import matching, of_graph
from vaekit.training.weights import misfit

__all__ = ["blueprint", "built"]

MOST_TENSORS = 100_000
STARTS = (2000, 16_000, 128_000)  # examples
SLACK = 1 << 30  # bytes that a model may hold besides what is saved of it


def built(
    make: Callable[[], System], seed: int, data: Data | None = None, saved: Mapping[str, Tensor] | None = None
) -> System:
    """The system with initial weights that depend on the seed alone, and biases that start at the data's mean.

    ValueError, before any memory is taken, where its weights are not those of `saved`, or exceed this machine.
    """
    check_size(make, saved)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed_at(seed, 1 << 40))
        system = make()
    if data is not None:
        system.model.start_at(data.train.mean())
        start_on(system.model, data, seed)
    return system


def start_on(model: Model, data: Data, seed: int) -> None:
    """Start from some training examples; from more, where those that are taken first are too few."""
    for many in sorted({min(n, len(data.train)) for n in STARTS}):
        some = matching(data.train.first(many).all(), model)
        try:
            with torch.random.fork_rng([]):
                torch.manual_seed(seed_at(seed, (1 << 40) + 1))
                model.start_on(of_graph(some), some.get("context"))
            return
        except ValueError:
            if many == len(data.train):
                raise


def check_size(make: Callable[[], System], saved: Mapping[str, Tensor] | None) -> None:
    """Build it on the meta device, where tensors are shapes alone, and raise ValueError where it cannot be meant."""
    model = blueprint(make, MOST_TENSORS if saved is None else 4 * len(saved) + 64).model
    why = None if saved is None else misfit(saved, model.state_dict())
    if why is not None:
        raise ValueError(f"the saved weights are of another model: {why}")
    size, there = bytes_of(model), memory()
    bound = there if saved is None else SLACK + sum(t.nbytes for t in saved.values()) * 2
    if size > bound:
        raise ValueError(f"the model would need {in_gib(size)} for its weights alone, there are {in_gib(bound)}")


def blueprint(make: Callable[[], System], most: int = MOST_TENSORS) -> System:
    """The system on the meta device: its names, shapes and sizes, without memory. ValueError where there can be none."""
    try:
        with at_most(most), torch.random.fork_rng([]), torch.device("meta"):
            return make()
    except (RuntimeError, OverflowError, TypeError) as error:
        raise ValueError(f"no model can be built with these options: {str(error).splitlines()[0][:200]}") from error


@contextmanager
def at_most(tensors: int) -> Iterator[None]:
    """Raise ValueError as soon as modules made inside register more parameters than that."""
    seen = 0

    def count(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen > tensors:
            raise ValueError(f"the model would have more than {tensors:,} tensors of weights")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def bytes_of(model: nn.Module) -> int:
    """What parameters and buffers take once they hold numbers."""
    return sum(t.nbytes for t in (*model.parameters(), *model.buffers()))


def memory() -> int:
    """Bytes of this machine's memory; beyond any model where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 1 << 62


def in_gib(size: int) -> str:
    """Bytes in GiB."""
    return f"{size / (1 << 30):,.1f} GiB"
