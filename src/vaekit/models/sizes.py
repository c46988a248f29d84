"""How many numbers a model trains, part by part."""

from collections.abc import Mapping
from itertools import groupby

from torch import nn

__all__ = ["in_lists", "parameter_counts"]

LISTS = (nn.ModuleList, nn.ModuleDict)


def parameter_counts(model: nn.Module, depth: int = 1) -> dict[str, int]:
    """Trained numbers by block, in the order of the model; the sum over blocks is the number of them all.

    A block is a submodule, or a parameter of the model's own, by its dotted name; `depth` 2 counts inside each block,
    and so on. A list of modules is no block: its members are ("levels.0", "levels.1", ...). What two blocks share
    counts in the first one, frozen parameters nowhere. ValueError for a depth below 1.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}")
    counts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            block = block_of(model, name, depth)
            counts[block] = counts.get(block, 0) + parameter.numel()
    return counts


def in_lists(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by block with the members of each list of modules together: "levels (28)" for "levels.0" to "levels.27"."""
    groups = [
        (name, list(group)) for name, group in groupby(counts, key=lambda block: block.rpartition(".")[0] or block)
    ]
    return {
        name if len(group) == 1 else f"{name} ({len(group)})": sum(counts[block] for block in group)
        for name, group in groups
    }


def block_of(model: nn.Module, name: str, depth: int) -> str:
    """The block that a parameter lies in, so many modules down; the parameter itself where it lies above them."""
    module, found, left = model, list[str](), depth
    for part in name.split(".")[:-1]:
        if left == 0:
            break
        module = module.get_submodule(part)
        found.append(part)
        left -= not isinstance(module, LISTS)
    return ".".join(found) if left == 0 else name
