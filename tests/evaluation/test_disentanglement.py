"""Every score against loops written from its paper, and at codes whose score is known: the factors, turned factors, noise."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import chisquare, entropy
from sklearn.metrics import mutual_info_score
from torch.testing import assert_close

from vaekit.data import shapes
from vaekit.evaluation import beta_vae_score, dci, factor_vae_score, mig, modularity, sap
from vaekit.evaluation.disentanglement.dci import DCI
from vaekit.evaluation.disentanglement.points import checked
from vaekit.evaluation.disentanglement.together import Together

SIZES = (3, 6, 40, 32, 32)
SCORES = {"mig": mig, "modularity": modularity, "factor-vae": factor_vae_score, "beta-vae": beta_vae_score, "sap": sap}
SCORES["dci"] = dci


def some_points(n, seed=0):
    """Factors of n pictures of the grid, drawn evenly."""
    grid = shapes()
    return torch.from_numpy(grid.factors(np.random.default_rng(seed).integers(len(grid), size=n)))


def turned(factors, seed):
    """Factors at unit scale under a random rotation."""
    z = (factors - factors.double().mean(0)) / factors.double().std(0)
    axes, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(z.shape[1],) * 2))
    return z @ torch.from_numpy(axes)


@pytest.fixture(scope="module")
def factors():
    return some_points(10_000)


@pytest.fixture(scope="module")
def mixed():
    """Codes of six dimensions that know of three factors in part, and hardly of one at all; few points."""
    rng = np.random.default_rng(1)
    few = torch.from_numpy(np.stack([rng.integers(size, size=600) for size in (3, 5, 4)], 1))
    z = few.double() @ torch.from_numpy(rng.normal(size=(3, 6))) + 0.5 * torch.from_numpy(rng.normal(size=(600, 6)))
    return z, few


def loops_of_information(z, factors, bins=20):
    """The protocol as loops: equal bins of each dimension's range, and the mutual information of two labellings."""
    found = np.zeros((z.shape[1], factors.shape[1]))
    for j, k in itertools.product(range(z.shape[1]), range(factors.shape[1])):
        edges = np.histogram(z[:, j], bins)[1]
        found[j, k] = mutual_info_score(np.digitize(z[:, j], edges[:-1]), factors[:, k])
    return found


def test_information_and_gaps_are_those_of_a_loop(mixed):
    z, factors = mixed
    found, expected = mig(z, factors), loops_of_information(z.numpy(), factors.numpy())
    assert_close(found.information, torch.from_numpy(expected))
    gaps = []
    for k in range(3):
        one, other = sorted(expected[:, k])[-1:-3:-1]
        gaps.append((one - other) / entropy(np.bincount(factors[:, k])))
    assert_close(found.gaps, torch.tensor(gaps, dtype=torch.float64))
    assert found.score == pytest.approx(np.mean(gaps))


def test_the_factors_themselves_have_a_gap_below_one_where_they_have_more_values_than_bins(factors):
    every = torch.from_numpy(shapes().factors(np.arange(len(shapes()))[::7]))  # about evenly, so hardly any chance
    positions = (math.log(32) - 24 / 32 * math.log(2)) / math.log(32)  # twelve bins hold two values, eight hold one
    exact = [1, 1, math.log(20) / math.log(40), positions, positions]
    assert_close(mig(every.double(), every).gaps, torch.tensor(exact).double(), atol=2e-3, rtol=0)
    assert mig(factors.double(), factors).score == pytest.approx(0.895, abs=0.002)


def test_turned_factors_have_a_small_gap(factors):
    found = [mig(turned(factors, seed), factors).score for seed in range(20)]
    assert 0.10 < np.mean(found) < 0.17


def test_noise_has_the_information_that_chance_gives_and_no_gap(factors):
    found = mig(torch.rand(10_000, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), factors)
    chance = torch.tensor([19 * (size - 1) / 20_000 for size in SIZES], dtype=torch.float64)
    spread = (2 * chance / 20_000 / 10).sqrt()  # of a mean over ten dimensions: 2 N I is a chi-squared
    assert ((found.information.mean(0) - chance).abs() < 4 * spread).all()
    assert found.score < 0.005


def test_the_number_of_bins_is_an_option(mixed):
    z, factors = mixed
    assert_close(mig(z, factors, bins=7).information, torch.from_numpy(loops_of_information(z, factors, 7)))


def test_modularity_is_that_of_a_loop(mixed):
    z, factors = mixed
    information = loops_of_information(z, factors)
    each = []
    for row in information:
        best = int(row.argmax())
        others = sum(row[k] ** 2 for k in range(3) if k != best)
        each.append(1 - others / (row[best] ** 2 * 2))
    found = modularity(z, factors)
    assert_close(found.dimensions, torch.tensor(each, dtype=torch.float64))
    assert found.score == pytest.approx(np.mean(each))


def test_modularity_is_one_of_the_factors_and_zero_of_a_dimension_that_says_nothing(factors):
    assert modularity(factors.double(), factors).score > 0.9999
    idle = torch.cat([factors.double(), torch.ones(len(factors), 1)], 1)
    assert modularity(idle, factors).dimensions[-1] == 0


def test_a_dimension_without_range_knows_nothing(factors):
    idle = torch.cat([factors.double(), torch.ones(len(factors), 1)], 1)
    assert mig(idle, factors).information[-1].tolist() == [0.0] * 5
    assert mig(idle, factors).score == pytest.approx(mig(factors.double(), factors).score)


def test_rows_are_drawn_evenly_from_those_that_share_a_value():
    values = torch.tensor([2, 0, 1, 2, 2, 0, 1, 2])
    together, wanted = Together.by(values, 3), torch.arange(3).repeat_interleave(4000).reshape(3, 40, 100)
    rows = together.draw(wanted, torch.Generator().manual_seed(0))
    assert torch.equal(values[rows], wanted)
    for value in range(3):
        counts = rows[value].flatten().bincount(minlength=8)[values == value]
        assert chisquare(counts.numpy()).pvalue > 0.001


def loops_of_votes(z, factors, n, batch, seed):
    """Kim & Mnih 2018: fix a factor, take a batch, and see which dimension varies least for its spread."""
    rng, votes = np.random.default_rng(seed), np.zeros((z.shape[1], factors.shape[1]))
    spread = z.std(0)
    for _ in range(n):
        k = rng.integers(factors.shape[1])
        value = rng.choice(np.unique(factors[:, k]))
        rows = rng.choice(np.flatnonzero(factors[:, k] == value), batch)
        votes[(z[rows] / spread).var(0).argmin(), k] += 1
    return votes


def test_votes_are_those_of_a_loop_but_for_chance(mixed):
    z, factors = mixed
    found = factor_vae_score(z, factors, learn=4000, test=4000, batch=10)
    expected = loops_of_votes(z.numpy(), factors.numpy(), 4000, 10, seed=3)
    for votes in (found.learned, found.tested):
        assert int(votes.sum()) == 4000
        assert np.abs(votes.numpy() - expected).max() < 5 * math.sqrt(2 * 1333 * 0.25)
    majority = expected.argmax(1)
    score = loops_of_votes(z.numpy(), factors.numpy(), 4000, 10, seed=4)[np.arange(6), majority].sum() / 4000
    assert found.score == pytest.approx(score, abs=4 * math.sqrt(0.5 / 4000))


def test_the_majority_is_learned_before_it_is_tested(mixed):
    found = factor_vae_score(*mixed, learn=500, test=300, batch=8)
    right = sum(int(found.tested[d, found.learned[d].argmax()]) for d in range(6))
    assert found.score == pytest.approx(right / 300)


def test_idle_dimensions_have_no_vote(factors):
    z = torch.cat([factors.double(), 0.01 * torch.randn(len(factors), 2, dtype=torch.float64)], 1)
    found = factor_vae_score(z, factors)
    assert found.active.tolist() == [True] * 5 + [False] * 2
    assert found.learned[5:].sum() == 0
    assert found.score == 1
    assert factor_vae_score(1e-3 * factors, factors).score == 0


def test_the_known_scores_of_batches(factors):
    noise = torch.randn(10_000, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for score in (factor_vae_score, beta_vae_score):
        assert score(factors.double(), factors).score == 1
        assert score(noise, factors).score == pytest.approx(0.2, abs=0.03)
    assert 0.5 < factor_vae_score(turned(factors, 0), factors).score < 0.95


def loops_of_differences(z, factors, n, batch, seed):
    """Higgins et al. 2017: pairs that share one factor's value, and the mean of their absolute differences."""
    rng, x, y = np.random.default_rng(seed), [], []
    for _ in range(n):
        k, pairs = rng.integers(factors.shape[1]), []
        for _ in range(batch):
            one = rng.integers(len(z))
            other = rng.choice(np.flatnonzero(factors[:, k] == factors[one, k]))
            pairs.append(np.abs(z[one] - z[other]))
        x.append(np.mean(pairs, 0))
        y.append(k)
    return np.array(x), np.array(y)


def test_differences_are_those_of_a_loop_but_for_chance(mixed):
    from sklearn.linear_model import LogisticRegression

    z, factors = mixed
    line = LogisticRegression().fit(*loops_of_differences(z.numpy(), factors.numpy(), 600, 8, seed=0))
    expected = line.score(*loops_of_differences(z.numpy(), factors.numpy(), 600, 8, seed=1))
    found = beta_vae_score(z, factors, learn=600, test=600, batch=8)
    assert 0.45 < expected < 0.95
    assert found.score == pytest.approx(expected, abs=0.1)


def test_a_support_vector_machine_of_one_dimension_is_at_its_optimum():
    rng = np.random.default_rng(0)
    y = (rng.random(300) < 0.3).astype(int)
    z = np.stack([y + rng.normal(size=300), rng.normal(size=300)], 1)
    factors = torch.from_numpy(np.stack([y, rng.integers(2, size=300)], 1))
    learn, test = (rows.numpy() for rows in checked(torch.from_numpy(z), factors).parted(0))
    weight = np.where(y[learn], 200 / (2 * y[learn].sum()), 200 / (2 * (1 - y[learn]).sum()))

    def cost(line):
        slack = np.maximum(0, 1 - (2 * y[learn] - 1) * (line[0] * z[learn, 0] + line[1]))
        return (line @ line) / 2 + 0.01 * (weight * slack**2).sum()

    slope, start = minimize(cost, np.zeros(2), tol=1e-10).x
    right = ((slope * z[test, 0] + start > 0) == y[test]).mean()
    assert sap(torch.from_numpy(z), factors).accuracy[0, 0] == pytest.approx(right, abs=0.011)


def test_sap_is_the_mean_gap_between_the_two_best_and_depends_on_the_scale(factors):
    few = factors[:1500]
    found, smaller = sap(few.double(), few), sap(0.01 * few.double(), few)
    gaps = [sorted(column)[-1] - sorted(column)[-2] for column in found.accuracy.T.tolist()]
    assert found.score == pytest.approx(np.mean(gaps))
    assert found.accuracy[0, 0] > 0.99
    assert abs(found.score - smaller.score) > 0.01


def test_entropies_of_importances_are_those_of_a_loop():
    importance = np.random.default_rng(0).dirichlet(np.full(4, 0.5), size=3).T  # (4, 3)
    disentangled = sum(importance[j].sum() / importance.sum() * (1 - entropy(importance[j], base=3)) for j in range(4))
    complete = np.mean([1 - entropy(importance[:, k], base=4) for k in range(3)])
    found = DCI(torch.from_numpy(importance), torch.zeros(3))
    assert (found.disentanglement, found.completeness) == (pytest.approx(disentangled), pytest.approx(complete))


def test_importances_at_their_ends():
    one, even = DCI(torch.eye(4), torch.ones(4)), DCI(torch.full((6, 4), 1 / 6), torch.ones(4))
    assert (one.disentanglement, one.completeness) == (1, 1)
    assert (even.disentanglement, even.completeness) == (pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6))
    spread = DCI(torch.eye(4).repeat(2, 1) / 2, torch.ones(4))  # two dimensions for every factor
    assert (spread.disentanglement, spread.completeness) == (1, pytest.approx(1 - math.log(2) / math.log(8)))
    idle = DCI(torch.cat([torch.eye(4), torch.zeros(2, 4)]), torch.ones(4))
    assert (idle.disentanglement, idle.completeness) == (1, 1)
    assert DCI(torch.zeros(3, 3), torch.ones(3)).disentanglement == 0


def test_importances_below_zero_count_as_none(mixed):
    def rounding(z, values, new):
        return np.array([1.0, 0, 0, 0, 0, -1e-17]), values[:1].repeat(len(new))

    assert dci(*mixed, learner=rounding).completeness == 1


def test_factors_predict_themselves(factors):
    few = factors[:1500, [0, 1, 3]]
    found = dci(torch.cat([few.double(), torch.rand(1500, 2, dtype=torch.float64)], 1), few)
    assert found.disentanglement > 0.99
    assert found.completeness > 0.99
    assert found.informativeness > 0.99


@pytest.mark.parametrize("name", ["mig", "modularity", "factor-vae", "dci"])
def test_scale_place_and_order_of_dimensions_change_nothing(mixed, name):
    z, factors = mixed
    order, options = [3, 0, 5, 1, 4, 2], {"batch": 8} if name == "factor-vae" else {}
    one, other = SCORES[name](z, factors, **options), SCORES[name]((4 * z - 8)[:, order], factors, **options)
    found = [s.disentanglement if name == "dci" else s.score for s in (one, other)]
    assert found[0] == pytest.approx(found[1], abs=1e-3 if name == "dci" else 1e-9)  # trees meet with ties


@pytest.mark.parametrize("name", SCORES)
def test_what_values_of_factors_are_called_changes_nothing(mixed, name):
    z, factors = mixed
    one, other = SCORES[name](z, factors), SCORES[name](z.float().double(), 7 * factors.int() - 3)
    found = [s.disentanglement if name == "dci" else s.score for s in (one, other)]
    assert found[0] == pytest.approx(found[1], abs=1e-6)


@pytest.mark.parametrize("name", ["factor-vae", "beta-vae", "sap", "dci"])
def test_a_seed_decides_every_draw_and_the_generators_are_left_alone(mixed, name):
    noise = torch.get_rng_state()
    found = [SCORES[name](*mixed, seed=seed) for seed in (1, 1, 2)]
    one, same, other = (str(vars(score)) for score in found)
    assert one == same != other
    assert torch.equal(torch.get_rng_state(), noise)


REFUSED = {
    "shapes": (
        lambda z, f: (z[:-1], f),
        r"codes and factors must be \(N, D\) and \(N, F\) of the same points, got \(59",
    ),
    "a vector": (lambda z, f: (z, f[:, 0]), r"codes and factors must be \(N, D\) and \(N, F\) of the same points"),
    "one dimension": (
        lambda z, f: (z[:, :1], f),
        "codes must have at least 2 columns, to tell one from another, got 1",
    ),
    "one factor": (lambda z, f: (z, f[:, :1]), "factors must have at least 2 columns, to tell one from another, got 1"),
    "one value": (
        lambda z, f: (z, f * torch.tensor([1, 1, 0])),
        "factor 2 must have at least 2 values among the points",
    ),
    "fractions": (lambda z, f: (z, f.double()), r"factors must be whole numbers, got torch\.float64"),
    "holes": (lambda z, f: (z.where(z > -2, torch.nan), f), "codes must be finite, got NaN or Inf among them"),
    "no end": (lambda z, f: (z.where(z > -2, torch.inf), f), "codes must be finite, got NaN or Inf among them"),
}


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize(("change", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_what_are_no_codes_or_factors_is_refused_in_a_sentence(mixed, name, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        SCORES[name](*change(*mixed))


def test_too_few_points_are_refused_in_a_sentence(mixed):
    z, factors = mixed
    with pytest.raises(ValueError, match="codes must be of at least 20 points, got 19"):
        mig(z[:19], factors[:19])
    lone = torch.cat([factors, torch.tensor([[9, 0, 0]])])
    for score in (factor_vae_score, beta_vae_score):
        with pytest.raises(
            ValueError, match="factor 0 must have at least 2 points of each value, got 1 of 9: give more"
        ):
            score(torch.cat([z, z[:1]]), lone)
    for score in (sap, dci):
        with pytest.raises(ValueError, match="factor 0 must have two values among the 2 points that are learned from"):
            score(torch.randn(3, 2), torch.tensor([[0, 0], [0, 1], [1, 0]]), seed=first_without_two())
    for wrong in ({"batch": 1}, {"learn": 0}, {"test": 2.5}):
        with pytest.raises(ValueError, match=rf"{next(iter(wrong))} must be a whole number of at least 2, got"):
            factor_vae_score(z, factors, **wrong)
    with pytest.raises(ValueError, match="bins must be a whole number of at least 2, got 1"):
        mig(z, factors, bins=1)


def first_without_two():
    """A seed under which the one point of another value is not learned from."""
    return next(
        seed for seed in range(99) if 2 not in torch.randperm(3, generator=torch.Generator().manual_seed(seed))[:2]
    )
