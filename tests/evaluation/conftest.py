import math

import pytest
import torch

from vaekit.conditionals import Gaussian, Shared
from vaekit.data import Split
from vaekit.evaluation import ppca
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.priors import StandardNormal

FLOOR = 1e-4  # of both scale rules


@pytest.fixture(autouse=True)
def seeded_float64():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def linear_vae(mean, weight, noise, encoder, variance):
    """N(weight z + mean, noise) with q = N(encoder (x - mean), variance), composed from parts."""
    d, k = weight.shape
    model = VAE(StandardNormal(k), Gaussian(MLP(d), k), Gaussian(MLP(k), d, scale=Shared()))
    q, p = model.encoder.last.layer, model.decoder.last.layer
    raw = (variance.sqrt() - FLOOR).expm1().log() - math.log(math.e - 1)
    with torch.no_grad():
        q.weight.copy_(torch.cat([encoder, torch.zeros_like(encoder)]))
        q.bias.copy_(torch.cat([-encoder @ mean, raw]))
        p.weight.copy_(weight)
        p.bias.copy_(mean)
        model.decoder.scale.log_scale.fill_(math.log(noise**0.5 - FLOOR))
    return model


@pytest.fixture
def build_linear_vae():
    return linear_vae


@pytest.fixture
def correlated():
    """A split of 40 examples in 6 dimensions; the values are float32, as a split gives them."""
    loading = torch.randn(3, 6)
    x = torch.randn(40, 3) @ loading + 0.4 * torch.randn(40, 6) + 1.5
    return Split(x.float())


@pytest.fixture
def optimum(correlated):
    return ppca(correlated.x, 3)


@pytest.fixture
def exact(optimum):
    """The linear VAE at the maximum, with the true posterior as q."""
    p = optimum
    return linear_vae(p.mean, p.weight, p.noise, p.encoder, p.posterior_variance)


@pytest.fixture
def wrong(optimum):
    """The same p(x) with a q that is too narrow, and off."""
    p = optimum
    return linear_vae(p.mean, p.weight, p.noise, 0.8 * p.encoder, 0.6 * p.posterior_variance)
