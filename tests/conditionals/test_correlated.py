"""Posteriors with correlated elements, on a linear-Gaussian model whose true posterior is known."""

import math

import pytest
import torch
from torch import nn

from vaekit.conditionals import FlowPosterior, FullGaussian, Gaussian, LowRankGaussian
from vaekit.models import VAE
from vaekit.networks import MaskedFlow
from vaekit.priors import StandardNormal

X, Z, NOISE = 5, 3, 0.7


class Identity(nn.Module):
    out_shape = (X,)

    def forward(self, x):
        return x


class Linear(Gaussian):
    """p(x|z) = N(W z, NOISE^2), W fixed with columns far from orthogonal."""

    def __init__(self):
        wide = nn.Linear(Z, X, bias=False)
        wide.out_shape = (X,)
        super().__init__(wide, X, scale=NOISE)
        torch.manual_seed(2)
        with torch.no_grad():
            wide.weight.copy_(torch.randn(X, 1) + 0.6 * torch.randn(X, Z))
            self.last.layer.weight.copy_(torch.eye(X))
            self.last.layer.bias.zero_()
        for p in self.parameters():
            p.requires_grad_(False)


def closed_form(W, x):
    """log p(x), and what the best independent normals fall short of it: (sum log of precisions - log det) / 2."""
    precision = torch.eye(Z) + W.T @ W / NOISE**2
    marginal = torch.distributions.MultivariateNormal(torch.zeros(X), W @ W.T + NOISE**2 * torch.eye(X))
    return marginal.log_prob(x), (precision.diagonal().log().sum() - precision.logdet()) / 2


def trained_gap(head) -> tuple[float, float]:
    decoder = Linear()
    model = VAE(StandardNormal(Z), head(Identity()), decoder)
    W = decoder.network.weight
    x = torch.randn(256, Z) @ W.T + NOISE * torch.randn(256, X)
    evidence, short = closed_form(W, x)
    optimiser = torch.optim.Adam(model.encoder.parameters(), 0.03)
    for step in range(900):
        for group in optimiser.param_groups:
            group["lr"] = 0.03 * (1 + math.cos(math.pi * step / 900)) / 2
        loss = -model.infer(x).elbo().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        elbo = model.infer(x, samples=2000).elbo().mean()
    return float(evidence.mean() - elbo), float(short)


def test_a_full_covariance_closes_the_gap_and_a_diagonal_one_keeps_what_the_formula_says():
    full, short = trained_gap(lambda network: FullGaussian(network, Z))
    assert full < 0.01
    diagonal, _ = trained_gap(lambda network: Gaussian(network, Z))
    assert short > 0.3
    assert abs(diagonal - short) < 0.02


@pytest.mark.slow
def test_common_factors_as_many_as_needed_close_the_gap_too():
    gap, short = trained_gap(lambda network: LowRankGaussian(network, Z, rank=2))
    assert gap < 0.02 < short


@pytest.mark.slow
def test_a_flow_of_affine_maps_closes_the_gap_of_correlated_normals():
    gap, short = trained_gap(
        lambda network: FlowPosterior(network, Z, MaskedFlow(Z, 8, layers=2, hidden=(32,)).double(), 8)
    )
    assert gap < 0.05 < short


def test_covariances_are_positive():
    network = Identity()
    for head in (FullGaussian(network, Z), LowRankGaussian(network, Z, rank=2)):
        q = head(50 * torch.randn(20, X))
        assert (torch.linalg.eigvalsh(q.covariance_matrix) > 0).all()


@pytest.mark.parametrize("rank", [0, 4, 1.5])
def test_a_rank_beyond_the_elements_is_refused(rank):
    with pytest.raises(ValueError, match="rank must lie between 1 and the 3 elements"):
        LowRankGaussian(Identity(), Z, rank=rank)
