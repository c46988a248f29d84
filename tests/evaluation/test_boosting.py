"""Boosting on bins: scikit-learn's where bins lose nothing, and near it where they do."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.tree import DecisionTreeRegressor

from vaekit.evaluation.disentanglement.boosting import BINS, best_splits, boosted, edges_of, grown, histograms, in_bins


def classes_from(z, kinds, rng):
    """Classes that depend on the codes through a bent score, with some noise."""
    score = z[:, 0] + np.abs(z[:, 1]) + 0.3 * rng.normal(size=len(z))
    return np.searchsorted(np.quantile(score, np.arange(1, kinds) / kinds), score)


@pytest.mark.parametrize("kinds", [2, 3, 7])
def test_where_every_value_has_a_bin_it_is_scikit_learns_gradient_boosting(kinds):
    rng = np.random.default_rng(kinds)
    z = np.round(rng.normal(size=(500, 4)), 2).clip(-1.2, 1.2)  # fewer values than bins, the same in single precision
    y = classes_from(z, kinds, rng)
    new = z[rng.permutation(500)[:200]]
    importance, predicted = boosted(z, y, new)
    witness = GradientBoostingClassifier(random_state=0).fit(z, y)
    np.testing.assert_allclose(
        importance, witness.feature_importances_, atol=8e-3
    )  # where splits tie, any may be taken
    assert (predicted == witness.predict(new)).mean() > 0.98


def test_trees_part_points_as_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    z = np.round(rng.normal(size=(400, 4)), 2).clip(-1.2, 1.2)
    residuals = rng.normal(size=(3, 400))
    bins = in_bins(z, [edges_of(column) for column in z.T])
    _, nodes, gains = grown(bins, residuals, 1.0)
    expected = np.zeros(4)
    for own, node in zip(residuals, nodes, strict=True):
        tree = DecisionTreeRegressor(max_depth=3).fit(z, own)
        expected += tree.tree_.compute_feature_importances(normalize=False)
        assert len(set(zip(tree.apply(z).tolist(), node.tolist(), strict=True))) == 8
    np.testing.assert_allclose(gains, expected, atol=2e-3)  # two dimensions tell a point apart equally well, and share
    assert gains.sum() == pytest.approx(expected.sum())


def test_continuous_codes_are_near_it():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(1500, 5)) @ rng.normal(size=(5, 5))
    y = classes_from(z, 4, rng)
    importance, predicted = boosted(z[:1000], y[:1000], z[1000:])
    witness = GradientBoostingClassifier(random_state=0).fit(z[:1000], y[:1000])
    np.testing.assert_allclose(importance, witness.feature_importances_, atol=0.03)
    assert (predicted == y[1000:]).mean() == pytest.approx(witness.score(z[1000:], y[1000:]), abs=0.03)
    assert importance.sum() == pytest.approx(1)


def test_the_best_split_is_that_of_a_loop_over_all():
    rng = np.random.default_rng(2)
    z, residuals = rng.integers(6, size=(40, 3)).astype(float), rng.normal(size=(2, 40))
    nodes = rng.integers(2, size=(2, 40))
    bins = in_bins(z, [edges_of(column) for column in z.T])
    dimension, last, gain = best_splits(*histograms(bins, residuals, nodes, 2))
    for k in range(2):
        for node in range(2):
            here = nodes[k] == node
            error = {}
            for d in range(3):
                for cut in range(5):
                    left, right = here & (z[:, d] <= cut), here & (z[:, d] > cut)
                    if left.any() and right.any():
                        parts = [residuals[k, part] for part in (left, right)]
                        error[d, cut] = sum(((r - r.mean()) ** 2).sum() for r in parts)
            best = min(error, key=error.get)
            whole = ((residuals[k, here] - residuals[k, here].mean()) ** 2).sum()
            assert (int(dimension[k, node]), int(last[k, node])) == best
            assert gain[k, node].argmax() == best[0]
            assert gain[k, node].sum() == gain[k, node].max() == pytest.approx(whole - error[best])


def test_many_values_share_bins_of_about_as_many_points():
    column = np.random.default_rng(0).exponential(size=10_000)
    bins = in_bins(column[:, None], [edges_of(column)])[0]
    counts = np.bincount(bins, minlength=BINS)
    assert len(counts) == BINS
    assert counts[1:-1].min() > 25
    assert np.array_equal(np.sort(bins), bins[np.argsort(column)])


def test_dimensions_that_part_points_alike_share_what_is_gained():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(300, 2))
    importance, _ = boosted(np.stack([z[:, 0], z[:, 1], 5 - 2 * z[:, 0]], 1), classes_from(z, 3, rng), np.zeros((1, 3)))
    assert importance[0] == pytest.approx(importance[2])
    assert importance[1] > 0.1


def test_a_dimension_without_range_is_of_no_use_and_labels_keep_their_names():
    rng = np.random.default_rng(0)
    z = np.stack([np.ones(200), rng.normal(size=200)], 1)
    y = np.where(z[:, 1] > 0, 9, -4)
    importance, predicted = boosted(z, y, np.array([[1.0, 2.0], [1.0, -2.0], [5.0, 2.0]]))
    assert importance.tolist() == [0.0, 1.0]
    assert predicted.tolist() == [9, -4, 9]
