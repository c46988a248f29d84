"""How many numbers a model trains, part by part."""

import pytest
import torch
from torch import nn

import vaekit as vk
from models.small_hierarchy import hierarchy
from vaekit.models.sizes import in_lists


def test_parts_sum_to_all_and_each_level_is_a_part():
    model = hierarchy(2, 3)
    counts = vk.parameter_counts(model)
    assert list(counts) == ["start", "bottom_up", "decoder", "levels.0", "levels.1"]
    assert sum(counts.values()) == sum(p.numel() for p in model.parameters())
    assert counts["start"] == 6
    assert counts["levels.1"] == sum(p.numel() for p in model.levels[1].parameters())


def test_one_deeper_counts_inside_each_part():
    counts = vk.parameter_counts(hierarchy(2, 3), depth=2)
    assert counts["start"] == 6
    assert counts["levels.0.below"] == 6 * (6 + 2) + 6
    assert sum(counts.values()) == sum(vk.parameter_counts(hierarchy(2, 3)).values())


def test_what_is_shared_counts_once_and_what_is_frozen_not_at_all():
    shared = nn.Linear(3, 4)
    model = nn.ModuleDict(
        {"a": nn.Sequential(shared), "b": nn.Sequential(shared, nn.Linear(4, 2)), "c": nn.Linear(2, 2)}
    )
    model["c"].requires_grad_(False)
    assert vk.parameter_counts(model) == {"a": 16, "b": 10}


def test_sizes_are_known_without_memory():
    with torch.device("meta"):
        assert vk.parameter_counts(nn.Sequential(nn.Linear(10**6, 10**6))) == {"0": 10**12 + 10**6}


def test_the_members_of_a_list_are_told_together():
    counts = {"start": 6, "levels.0": 10, "levels.1": 20, "decoder": 5}
    assert in_lists(counts) == {"start": 6, "levels (2)": 30, "decoder": 5}


def test_a_depth_below_one_is_refused():
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        vk.parameter_counts(nn.Linear(1, 1), depth=0)
