"""What latent values decode to, against the model's own parts."""

import pytest
import torch
from torch.testing import assert_close

import vaekit as vk
from vaekit.latent import decoded, encoded


@pytest.fixture
def model() -> vk.VAE:
    torch.manual_seed(0)
    encoder, decoder = vk.Gaussian(vk.MLP(5, 8), 3), vk.Gaussian(vk.MLP(3, 8), (5,))
    return vk.VAE(vk.StandardNormal(3), encoder, decoder).eval()


def test_decoding_a_value_is_the_mean_of_the_decoder_there(model):
    z = torch.randn(4, 3)
    assert_close(decoded(model, z), model.decode(z).mean)


def test_encoding_gives_the_posteriors_mean_or_draws_of_it(model):
    x = torch.randn(6, 5)
    q = model.encode(x)
    assert_close(encoded(model, x)["z"], q.mean)
    draws = encoded(model, x, draws=4000)["z"]
    assert draws.shape == (4000, 6, 3)
    assert_close(draws.mean(0), q.mean, atol=0.1, rtol=0)
    assert_close(draws.std(0), q.stddev, atol=0.1, rtol=0)


def test_a_context_needs_a_row_for_each_value(model):
    with pytest.raises(ValueError, match="row for each of the 4 values, got 2"):
        decoded(model, torch.zeros(4, 3), torch.zeros(2))


def test_an_autoencoder_decodes_without_a_prior():
    encoder, decoder = vk.Deterministic(vk.MLP(5, 8), 3), vk.Gaussian(vk.MLP(3, 8), (5,))
    model = vk.VAE(None, encoder, decoder)
    assert decoded(model, torch.zeros(2, 3)).shape == (2, 5)
