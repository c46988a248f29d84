import pytest
import torch
from torch.testing import assert_close

from vaekit.conditionals import Deterministic, Gaussian
from vaekit.data import Split
from vaekit.evaluation import latent_use
from vaekit.models import VAE
from vaekit.networks import MLP


def reading(build, slopes, variance):
    """E[z_j|x] = slopes_j x_j, with the same variance for every x."""
    d = len(slopes)
    return build(torch.zeros(d), torch.eye(d), 1.0, torch.diag(slopes), variance)


def test_a_unit_is_active_where_its_posterior_mean_varies(build_linear_vae):
    x = torch.randn(500, 4).float()
    variance = x.double().var(0, correction=0)
    slopes = (torch.tensor([0.0, 0.009, 0.011, 1.0]) / variance).sqrt()
    use = latent_use(reading(build_linear_vae, slopes, torch.ones(4)), Split(x), batch_size=7)["z"]
    assert_close(use.variance, torch.tensor([0.0, 0.009, 0.011, 1.0]))
    assert (use.active, use.dimensions) == (2, 4)
    assert use.verdict.startswith("2 of 4 dimensions are active; the others carry 0.0045 of ")


def test_rate_per_dimension_is_the_closed_form(build_linear_vae):
    x, slopes, variance = torch.randn(50, 3).float(), torch.tensor([0.5, 1.0, 2.0]), torch.tensor([0.9, 0.5, 0.1])
    use = latent_use(reading(build_linear_vae, slopes, variance), Split(x), batch_size=20)["z"]
    mean_square = (slopes * x.double()).square().mean(0)
    assert_close(use.rate, (mean_square + variance - 1 - variance.log()) / 2)
    assert use.verdict == "all 3 dimensions are active"


def test_collapse_is_said_in_words(build_linear_vae):
    use = latent_use(reading(build_linear_vae, torch.zeros(3), torch.ones(3)), Split(torch.randn(9, 3)))["z"]
    assert use.verdict == (
        "all 3 dimensions are inactive: E[z|x] is nearly the same for every x (its variance is at most 0, active is "
        "above 0.01), and the rate is 0 nats"
    )


def test_a_deterministic_latent_has_no_use_of_this_kind():
    model = VAE(None, Deterministic(MLP(6), 2), Gaussian(MLP(2), 6))
    assert latent_use(model, Split(torch.randn(5, 6))) == {}


def test_an_empty_split_is_refused(exact):
    with pytest.raises(ValueError, match="split must hold at least one example"):
        latent_use(exact, Split(torch.zeros(0, 6)))
