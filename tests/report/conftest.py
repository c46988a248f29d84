import matplotlib
import pytest
import torch

import vaekit.data
from vaekit.conditionals import Bernoulli, Gaussian
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.priors import StandardNormal


@pytest.fixture(autouse=True)
def untouched():
    """Whatever a test draws, global generator and global settings are as before."""
    settings, noise = dict(matplotlib.rcParams), torch.get_rng_state()
    yield
    assert dict(matplotlib.rcParams) == settings
    assert torch.equal(torch.get_rng_state(), noise)


@pytest.fixture(scope="session")
def digits():
    return vaekit.data.open("digits", limit=200)


@pytest.fixture(scope="session")
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return VAE(StandardNormal(3), Gaussian(MLP(64, 16), 3), Bernoulli(MLP(3, 16), (1, 8, 8)))


@pytest.fixture
def rows():
    """Thirty epochs whose first is far off and whose validation is best in the twentieth."""
    return [
        {
            "epoch": epoch,
            "step": 10 * epoch,
            "train/loss": 50.0 + 1000.0 * (epoch == 1) - epoch,
            "train/rate": 0.5 * epoch,
            "valid/loss": 60.0 + abs(epoch - 20) + 1000.0 * (epoch == 1),
            "valid/rate": 0.4 * epoch,
            "valid/active:z": 3,
        }
        for epoch in range(1, 31)
    ]
