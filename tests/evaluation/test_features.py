"""The classifier whose features stand in for Inception's: it learns, it is kept, and it says what it is."""

import pytest
import torch
from torch.testing import assert_close

from vaekit.data import open as open_data
from vaekit.evaluation import Moments, classifier_features


@pytest.fixture(scope="module")
def digits():
    return open_data("digits")


def blobs(n=400, classes=3, **options):
    labels = torch.arange(n) % classes
    x = torch.nn.functional.one_hot(labels, 5) * 40.0 + torch.randn(n, 5)
    return open_data(x.float(), labels=labels, domain="real", **options)


def test_it_reads_digits_and_says_how_well(digits):
    found = classifier_features(digits, steps=150)
    assert found.accuracy.value > 0.95
    assert f"share of {len(digits.test)} held-out examples" in found.accuracy.what
    x, labels = (digits.test.all()[name] for name in ("x", "labels"))
    right = (found.logits(x).argmax(1) == labels).double()
    assert found.accuracy.value == pytest.approx(float(right.mean()))
    assert found.accuracy.standard_error == pytest.approx(float(right.std(correction=0)) / len(right) ** 0.5)
    assert found(x).shape == (len(x), 64)
    assert not found(x).requires_grad


def test_noise_in_the_pictures_moves_their_features_away(digits):
    found = classifier_features(digits, steps=150)
    x = digits.test.all()["x"]
    clean, noise = Moments().add(found(x)), torch.randn_like(x)
    moved = [clean.distance(Moments().add(found(x + s * noise))) for s in (0.0, 0.1, 0.3, 0.6)]
    assert moved == sorted(moved)
    assert moved[0] == pytest.approx(0, abs=1e-6)


def test_vectors_on_any_scale_are_told_apart():
    found = classifier_features(blobs(valid=0.1), steps=60)
    assert found.accuracy.value == 1
    assert found(torch.randn(3, 5)).shape == (3, 64)


def test_without_a_held_out_split_a_tenth_is_held_out_of_training():
    found = classifier_features(blobs(n=300, valid=0), steps=30)
    assert "share of 30 held-out examples" in found.accuracy.what


def test_large_pictures_are_shrunk_by_averaging():
    x = torch.rand(40, 3, 130, 70)
    x[20:] *= 0.3
    found = classifier_features(open_data(x, labels=(torch.arange(40) >= 20).long(), valid=0), steps=3)
    assert found.body[0](x[:1].float()).shape == (1, 3, 44, 24)
    assert found(x[:2]).shape == (2, 64)


def test_one_is_trained_for_a_set_a_seed_and_a_length_and_then_kept(digits):
    first = classifier_features(digits, seed=1, steps=5)
    assert classifier_features(open_data("digits"), seed=1, steps=5) is first
    assert classifier_features(digits.conditioned_on_labels(), seed=1, steps=5) is first
    assert classifier_features(digits, seed=2, steps=5) is not first
    assert classifier_features(open_data("digits", limit=500), seed=1, steps=5) is not first


def test_training_repeats_itself_and_leaves_the_callers_random_numbers_alone(monkeypatch):
    torch.manual_seed(5)
    data = blobs()
    state = torch.random.get_rng_state()
    first = classifier_features(data, steps=4)
    assert torch.equal(torch.random.get_rng_state(), state)
    monkeypatch.setattr("vaekit.evaluation.features.TRAINED", {})
    again = classifier_features(data, steps=4)
    assert again is not first
    assert_close(again.state_dict(), first.state_dict(), rtol=0, atol=0)


def test_what_it_cannot_learn_from_is_refused():
    with pytest.raises(
        ValueError, match="a classifier needs data with labels of at least 2 classes, got array: 5 real"
    ):
        classifier_features(open_data(torch.randn(20, 5)))
    codes = open_data(torch.randint(3, (20, 5)), labels=torch.arange(20) % 2, domain="categories")
    with pytest.raises(ValueError, match="a classifier needs numbers, got array: 5 categories"):
        classifier_features(codes)
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1, got 0"):
        classifier_features(blobs(), steps=0)
    with pytest.raises(ValueError, match=r"x must have the shape \(N, 5\), got \(2, 4\)"):
        classifier_features(blobs(), steps=1)(torch.rand(2, 4))
