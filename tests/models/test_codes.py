"""Models with codes: exact rates, gradients that pass, how codes are used."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import vaekit as vk
from vaekit.conditionals import Quantised
from vaekit.distributions import Coded, UniformIntegers
from vaekit.models.code_statistics import CodeStatistics
from vaekit.networks import Codebook, FiniteScalar, ResidualQuantiser
from vaekit.priors import UniformCodes


def coder(quantiser, positions=()) -> vk.VAE:
    torch.manual_seed(0)
    shape = (quantiser.dim, *positions)
    encoder = Quantised(vk.MLP(64, 16), shape, quantiser)
    return vk.VAE(UniformCodes(shape, quantiser.sizes), encoder, vk.Bernoulli(vk.MLP(shape, 16), (1, 8, 8)))


@pytest.mark.parametrize(
    ("quantiser", "positions", "nats"),
    [
        (lambda: Codebook(7, 3), (), math.log(7)),
        (lambda: Codebook(7, 3), (2, 2), 4 * math.log(7)),
        (lambda: FiniteScalar((5, 3)), (3,), 3 * math.log(15)),
        (lambda: ResidualQuantiser([Codebook(4, 2), Codebook(6, 2)]), (5,), 5 * math.log(24)),
    ],
)
def test_a_uniform_prior_charges_the_logarithm_of_the_number_of_codes(quantiser, positions, nats):
    quantiser = quantiser()
    model, x = coder(quantiser, positions), torch.rand(6, 1, 8, 8).round()
    inference = model.infer(x)
    assert_close(inference.rate, torch.full((6,), nats))
    assert_close(inference.log_w(), -inference.distortion - nats)
    assert inference.latents["z"].rate_elements.shape == (6, len(quantiser.sizes), *positions)
    assert model.sample(3).shape == (3, 1, 8, 8)


def test_the_gradient_of_the_likelihood_reaches_the_encoder():
    model = coder(Codebook(7, 3))
    model.infer(torch.rand(6, 1, 8, 8).round()).distortion.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.encoder.parameters())


def test_draws_of_the_prior_are_embeddings_of_evenly_drawn_codes():
    model = coder(Codebook(4, 3), (2,))
    z = model.prior(posterior=model.encoder).sample((4000,))
    which = (z.transpose(1, 2)[:, :, None] - model.encoder.quantiser.vectors).square().sum(-1)
    assert which.min(-1).values.max() == 0
    assert torch.bincount(which.argmin(-1).flatten(), minlength=4).tolist() == pytest.approx([2000] * 4, abs=150)


def test_whole_numbers_are_drawn_evenly_and_priced_within_their_range():
    d = UniformIntegers(torch.tensor([3, 10]))
    drawn = d.sample((30_000,))
    for i, size in enumerate((3, 10)):
        assert torch.bincount(drawn[:, i]).tolist() == pytest.approx([30_000 / size] * size, rel=0.06)
    assert_close(d.log_prob(torch.tensor([2, 9])), -torch.tensor([3.0, 10.0]).log())
    assert d.log_prob(torch.tensor([3, -1])).tolist() == [-math.inf, -math.inf]


def test_an_embedding_has_no_price():
    model = coder(Codebook(4, 3))
    prior = model.prior(posterior=model.encoder)
    assert isinstance(prior, Coded)
    with pytest.raises(ValueError, match="prices codes, whole numbers, got an embedding"):
        prior.log_prob(torch.zeros(3))


def test_a_prior_over_other_codes_is_refused():
    with pytest.raises(ValueError, match=r"needs an encoder that quantises into codes of \(4,\) kinds"):
        UniformCodes((3,), (4,))(posterior=Quantised(nn.Identity(), 3, Codebook(5, 3), features=3))
    with pytest.raises(ValueError, match=r"event_shape must begin with the quantiser's 3 numbers, got \(4, 2\)"):
        Quantised(nn.Identity(), (4, 2), Codebook(5, 3), features=3)


def test_usage_counts_codes_over_batches():
    model, statistics = coder(ResidualQuantiser([Codebook(5, 2), Codebook(9, 2)]), (3,)), CodeStatistics()
    batches = [torch.rand(20, 1, 8, 8).round() for _ in range(3)]
    with torch.no_grad():
        codes = torch.cat([model.encoder(x).code for x in batches])
        for x in batches:
            statistics.add(model.infer(x))
    found = statistics.usage()["z"]
    assert (found.used, found.size) == (len(codes[:, 0].unique()) + len(codes[:, 1].unique()), 14)
    entropies = [
        torch.distributions.Categorical(torch.bincount(c.flatten()).double()).entropy() for c in codes.unbind(1)
    ]
    assert found.perplexity == pytest.approx(math.exp(sum(entropies) / 2))
    assert found.dead == 14 - found.used
