"""Latents from the top on, paths for what cannot lie between, and latents over time."""

import pytest
import torch
from models.small_hierarchy import by_hand, hierarchy
from torch.testing import assert_close

import vaekit as vk
from vaekit.latent import decoded, from_priors, halfway, in_words, traversal, typical, worth_showing

NAMES = ["z1", "z2", "z3"]


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_first_latents_are_read_and_the_rest_are_their_priors_means(levels):
    model, x = hierarchy(2, 3, 4), torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    below = dict.fromkeys(NAMES[levels:])
    expected, codes = by_hand(model, x, below)
    found = model.infer(x, at=from_priors(NAMES, levels), default=vk.Mean())
    assert_close(typical(found), expected)
    for name in NAMES:
        assert_close(found.latents[name].value, codes[name])


@pytest.mark.parametrize("levels", [0, 4])
def test_levels_that_are_not_there_are_refused(levels):
    with pytest.raises(ValueError, match=rf"levels must lie between 1 and 3 \(the latents z1, z2, z3\), got {levels}"):
        from_priors(NAMES, levels)


def test_values_that_are_not_given_are_the_priors_means_given_those_above():
    model, z = hierarchy(2, 3, 4), torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    assert_close(decoded(model, z, latent="z2"), by_hand(model, None, {"z2": z}, 6)[0])
    both = {"z3": torch.ones(6, 4), "z1": torch.full((6, 2), 0.5)}
    assert_close(decoded(model, both), by_hand(model, None, both, 6)[0])


def test_few_levels_are_all_worth_showing():
    assert worth_showing([3.0, 0.0, 1.0], 8) == [1, 2, 3]


def test_of_many_levels_those_are_shown_after_which_as_many_more_nats_are_told():
    assert worth_showing([0.0] * 10 + [1.0] * 10, 6) == [1, 12, 14, 16, 18, 20]
    assert worth_showing([5.0] + [0.0] * 30 + [5.0], 3)[::2] == [1, 32]
    assert worth_showing([0.0] * 20, 5) == [1, 5, 10, 15, 20]
    assert len(worth_showing([10.0] + [0.001] * 40, 8)) == 8


def test_a_picture_of_levels_has_room_for_the_first_and_the_last():
    with pytest.raises(ValueError, match="most must be at least 2, got 1"):
        worth_showing([1.0, 1.0], 1)


@pytest.mark.parametrize(("steps", "early"), [(4, 2), (5, 3), (2, 1)])
def test_what_cannot_lie_between_changes_halfway(steps, early):
    way = halfway(torch.tensor([1, 1]), torch.tensor([7, 8]), steps)
    assert way.tolist() == [[1, 1]] * early + [[7, 8]] * (steps - early)


def test_a_dimension_of_a_latent_over_time_is_moved_at_every_step():
    z = torch.arange(12.0).reshape(3, 4)  # (T, D)
    rows = traversal(z, 2, [-1.0, 1.0], timed=True)
    assert rows.shape == (2, 3, 4)
    assert rows[:, :, 2].tolist() == [[-1.0] * 3, [1.0] * 3]
    kept = [0, 1, 3]
    assert torch.equal(rows[:, :, kept], z[:, kept].expand(2, 3, 3))
    with pytest.raises(ValueError, match="dimension must lie between 0 and 3, got 4"):
        traversal(z, 4, [0.0], timed=True)


def test_many_names_are_told_by_their_ends():
    assert in_words(["a", "b"]) == "a, b"
    assert in_words([f"z{i}" for i in range(1, 41)]) == "z1, z2, ..., z40"
