import numpy as np
import pytest
import torch
from torch.distributions import Categorical
from torch.testing import assert_close

from models.graphs import Graph, normal, two_levels
from vaekit.conditionals import Bernoulli, Deterministic
from vaekit.models import VAE, Observe
from vaekit.models.statistics import ACTIVE, LatentStatistics
from vaekit.networks import MLP

X = torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3 + 1


def gathered(model, batches, **how):
    statistics = LatentStatistics()
    for batch in batches:
        statistics.add(model.infer(batch, **how))
    return statistics


def one_level(scales):
    """q(z|x) = N(scales * x, 1) under N(0, 1)."""
    return Graph(lambda walk: walk.latent("z", normal(torch.zeros(3)), lambda: normal(scales * walk.evidence)))


@pytest.mark.parametrize("sizes", [[50], [1] * 50, [7, 30, 13]], ids=str)
def test_moments_do_not_depend_on_the_batches(sizes):
    statistics = gathered(one_level(0.5), X.split(sizes))
    mean = 0.5 * X.numpy()
    assert_close(statistics.variance()["z"], torch.from_numpy(np.var(mean, axis=0)))
    assert_close(statistics.rate()["z"], torch.from_numpy((mean**2 / 2).mean(0)))


def test_a_variance_far_from_the_origin_keeps_its_digits():
    far = Graph(lambda walk: walk.latent("z", normal(torch.zeros(3)), lambda: normal(walk.evidence + 1e6)))
    assert_close(
        gathered(far, X.split(5)).variance()["z"], torch.from_numpy(np.var(X.numpy(), axis=0)), rtol=1e-6, atol=0
    )


def test_the_rate_of_a_latent_is_averaged_over_the_draws_of_its_parent():
    torch.manual_seed(1)
    found = gathered(Graph(two_levels), [X], samples=7).rate()["z"]
    torch.manual_seed(1)
    top = Graph(two_levels).infer(X, samples=7).latents["top"].value
    assert_close(found, ((X / 2 - top) ** 2 / 2).mean((0, 1)))


def test_dimensions_are_active_where_their_mean_varies():
    spread = (1.2 * ACTIVE / X.var(0, correction=0)).sqrt()
    scales = spread * torch.tensor([1.0, 0.5, 1.0])
    assert gathered(one_level(scales), X.split(10)).active() == {"z": (2, 3)}


def test_a_rate_that_does_not_split_is_left_out():
    from torch.distributions import MultivariateNormal

    full = lambda walk: MultivariateNormal(walk.evidence, torch.eye(3))  # noqa: E731
    model = Graph(lambda walk: walk.latent("z", normal(torch.zeros(3)), lambda: full(walk)))
    statistics = gathered(model, X.split(10))
    assert statistics.rate() == {}
    assert_close(statistics.variance()["z"], torch.from_numpy(np.var(X.numpy(), axis=0)))


def test_latents_without_a_posterior_mean_are_left_out():
    labels = Graph(lambda w: w.latent("y", Categorical(logits=torch.zeros(3)), lambda: Categorical(logits=w.evidence)))
    autoencoder = VAE(None, Deterministic(MLP(3), 2), Bernoulli(MLP(2), 3))
    assert gathered(labels, [X]).variance() == {}
    assert gathered(autoencoder, [X]).active() == {}
    assert gathered(one_level(0.5), [X], at={"z": Observe(X)}).active() == {}


def test_a_level_that_only_follows_its_prior_is_not_active_however_far_the_prior_moves():
    def levels(moves):
        def walk(w):
            top = w.latent("top", normal(torch.zeros(3)), lambda: normal(w.evidence))
            w.latent("follower", normal(5 * top), lambda: normal(5 * top))
            w.latent("teller", normal(top, 0.01), lambda: normal(top + 0.01 * moves * w.evidence, 0.01))

        return Graph(walk)

    torch.manual_seed(0)
    found = gathered(levels(0.3), X.split(10))
    assert found.active() == {"top": (3, 3), "follower": (0, 3), "teller": (3, 3)}
    assert_close(found.variance()["teller"], 0.09 * X.var(0, correction=0))
    assert_close(found.rate()["follower"], torch.zeros(3, dtype=torch.float64))
