"""Which posteriors may stand under which priors: what has a finite divergence, and why the others are refused."""

import pytest

import vaekit as vk
from vaekit.data import DataSpec, Domain

SPEC = DataSpec("vectors", (5,), Domain.REAL)
FINITE = [
    ("laplace", "normal"),
    ("student-t", "normal"),
    ("cauchy", "student-t"),
    ("uniform", "normal"),
    ("gamma", "normal"),
]
INFINITE = [
    ("cauchy", "normal", r"a Cauchy posterior under StandardNormal has an infinite divergence: .* like \|z\|\^2"),
    ("cauchy", "laplace", r"a Cauchy posterior under StandardLaplace has an infinite divergence: .* like \|z\|\^1"),
    ("gaussian", "uniform", "a Gaussian posterior draws all real numbers, where UniformBox has not all of its mass"),
    ("gaussian", "gamma", "where GammaPrior has not all of its mass: it is of positive numbers"),
    ("gamma", "beta", r"a Gamma posterior draws positive numbers, where BetaPrior .* numbers in \(0, 1\)"),
    ("beta", "dirichlet", "it is of positive numbers that sum to 1, so their divergence is infinite"),
]


@pytest.mark.parametrize(("posterior", "prior"), FINITE)
def test_a_pair_of_finite_divergence_is_built(posterior, prior):
    assert vk.recipe("vae")(SPEC, posterior=posterior, prior=prior, latent=2, hidden=(8,)).model is not None


@pytest.mark.parametrize(("posterior", "prior", "said"), INFINITE)
def test_a_pair_of_infinite_divergence_is_refused_when_it_is_put_together(posterior, prior, said):
    with pytest.raises(ValueError, match=said):
        vk.recipe("vae")(SPEC, posterior=posterior, prior=prior, latent=2, hidden=(8,))


def test_a_student_of_too_few_degrees_of_freedom_is_refused_under_a_normal():
    network = vk.networks.MLP(5, 8)
    decoder = vk.Gaussian(vk.networks.MLP(2, 8), 5)
    with pytest.raises(ValueError, match="a StudentT posterior under StandardNormal has an infinite divergence"):
        vk.VAE(vk.StandardNormal(2), vk.conditionals.StudentT(network, 2, df=2.0), decoder)
    vk.VAE(vk.StandardNormal(2), vk.conditionals.StudentT(network, 2, df=2.1), decoder)
