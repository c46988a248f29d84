import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vaekit.conditionals import Deterministic, Gaussian
from vaekit.data import Split
from vaekit.evaluation import holes
from vaekit.evaluation.separation import area, separation
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.priors import StandardNormal

N = 2000


def normal(*shape):
    return Independent(Normal(torch.zeros(*shape), 1.0), 1)


def mixture(dimensions, spread):
    """Ten narrow hills whose mean and variance are about the standard normal's."""
    centres = torch.randn(10, dimensions) * (1 - spread**2) ** 0.5
    return MixtureSameFamily(Categorical(torch.ones(10)), Independent(Normal(centres, spread), 1))


def ring(n, radius=1.5, width=0.2):
    """Points about a circle, and their log density: the angle integrates out to a Bessel function."""
    angle = 2 * math.pi * torch.rand(n)
    return radius * torch.stack([angle.cos(), angle.sin()], -1) + width * torch.randn(n, 2)


def ring_log_density(z, radius=1.5, width=0.2):
    r, v = z.norm(dim=-1), width**2
    bessel = torch.special.i0e(radius * r / v).log() + radius * r / v
    return bessel - (r**2 + radius**2) / (2 * v) - math.log(2 * math.pi * v)


def best_area(log_q, log_p, z_q, z_p):
    """The area that the true density ratio reaches, by Monte Carlo."""
    ours, theirs = log_q(z_q) - log_p(z_q), log_q(z_p) - log_p(z_p)
    return float((ours[:, None] > theirs).double().mean())


def identity_vae():
    """z is x with noise so small that the aggregate posterior is the data's distribution."""
    model = VAE(StandardNormal(2), Gaussian(MLP(2), 2), Gaussian(MLP(2), 2))
    with torch.no_grad():
        layer = model.encoder.last.layer
        layer.weight.copy_(torch.cat([torch.eye(2), torch.zeros(2, 2)]))
        layer.bias.copy_(torch.tensor([0.0, 0.0, -9.0, -9.0]))
    return model


@pytest.mark.parametrize("dimensions", [2, 16, 40])
def test_draws_of_one_distribution_cannot_be_told_apart(dimensions):
    auc, error, _ = separation(torch.randn(N, dimensions), torch.randn(N, dimensions))
    assert abs(auc - 0.5) < 3 * error
    assert 0.005 < error < 0.02


@pytest.mark.parametrize(("dimensions", "spread"), [(2, 0.5), (8, 0.8)])
def test_a_mixture_is_told_from_the_normal_nearly_as_well_as_by_the_true_densities(dimensions, spread):
    q, p = mixture(dimensions, spread), normal(dimensions)
    z_q, z_p = q.sample((N,)), p.sample((N,))
    best = best_area(q.log_prob, p.log_prob, z_q, z_p)
    auc, error, _ = separation(z_p, z_q)
    assert best > 0.6
    assert best - 0.09 < auc < best + 3 * error


def test_a_ring_is_told_from_the_normal_nearly_as_well_as_by_the_true_densities():
    p, z_q, z_p = normal(2), ring(N), torch.randn(N, 2)
    best = best_area(ring_log_density, p.log_prob, z_q, z_p)
    auc, error, log_ratio = separation(z_p, z_q)
    assert best - 0.04 < auc < best + 3 * error
    truth = ring_log_density(z_p) - p.log_prob(z_p)
    emptiest = log_ratio.argsort()[:100]
    assert float((truth[emptiest] < truth.median()).double().mean()) > 0.97
    clear = truth > -4  # where there is anything to see in 2,000 draws
    correlation = torch.corrcoef(torch.stack([truth[clear], log_ratio[clear]]))[0, 1]
    assert correlation > 0.9


def test_shares_of_unequal_size_do_not_shift_the_log_ratio():
    _, _, log_ratio = separation(torch.randn(N, 2), torch.randn(N // 4, 2))
    assert abs(float(log_ratio.mean())) < 0.3  # log 4 where it is forgotten


def test_a_model_whose_codes_lie_on_a_ring_has_a_hole_in_the_middle():
    found = holes(identity_vae(), Split(ring(N).float()), n=1000, seed=3)
    assert found.latent == "z"
    assert found.prior.shape == found.aggregate.shape == (1000, 2)
    assert found.auc > 0.7
    radii = found.prior[found.emptiest(50)].norm(dim=-1)
    assert float(((radii < 1) | (radii > 2)).double().mean()) > 0.95
    assert 0.2 < found.share < 0.7
    assert str(found.figure) == f"{found.auc:.2f} ± {found.standard_error:.2f}"
    assert found.figure.what.endswith("0.5 alike, 1 always")


def test_a_model_whose_codes_are_the_prior_has_no_holes():
    found = holes(identity_vae(), Split(torch.randn(N, 2).float()))
    assert abs(found.auc - 0.5) < 3 * found.standard_error
    assert found.share < 0.05


def test_one_seed_gives_one_answer_and_leaves_the_generators_alone():
    split, model = Split(torch.randn(100, 2).float()), identity_vae()
    noise = torch.get_rng_state()
    first, again, other = (holes(model, split, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.log_ratio, again.log_ratio)
    assert not torch.equal(first.prior, other.prior)
    assert torch.equal(torch.get_rng_state(), noise)


def test_codes_without_a_prior_and_too_few_examples_have_no_answer():
    split = Split(torch.randn(50, 2).float())
    autoencoder = VAE(None, Deterministic(MLP(2), 2), Gaussian(MLP(2), 2))
    assert holes(autoencoder, split) is None
    assert holes(VAE(StandardNormal(2), Deterministic(MLP(2), 2), Gaussian(MLP(2), 2)), split) is None
    assert holes(identity_vae(), split.first(19)) is None
    assert holes(identity_vae(), split.first(20)) is not None


def test_mistakes_are_named():
    split = Split(torch.randn(50, 2).float())
    with pytest.raises(ValueError, match="latent must be one of z, got 'w'"):
        holes(identity_vae(), split, latent="w")
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, got 0"):
        holes(identity_vae(), split, n=0)
    with pytest.raises(ValueError, match="must have one shape"):
        separation(torch.randn(30, 2), torch.randn(30, 3))
    with pytest.raises(ValueError, match="aggregate must be finite"):
        separation(torch.randn(30, 2), torch.full((30, 2), torch.nan))


def test_the_area_counts_pairs_in_the_right_order_and_ties_by_half():
    low, high = torch.tensor([0.0, 1.0]).numpy(), torch.tensor([1.0, 2.0]).numpy()
    assert area([(low, high)])[0] == pytest.approx(3.5 / 4)
    assert area([(low, high), (high, low)])[0] == pytest.approx(0.5)
