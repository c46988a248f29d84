"""Estimators of a gradient against variances and expectations that are written out or summed exactly."""

import pytest
import torch
from torch.distributions import Independent, Normal
from torch.testing import assert_close

import vaekit as vk
from vaekit.distributions import RelaxedCodes
from vaekit.evaluation import gradient_noise
from vaekit.evaluation.gradient_noise import OTHERS, PATH, SCORE, estimators_of, gradient_of, noise_of


def normal(dimensions: int) -> Independent:
    return Independent(Normal(torch.zeros(1, dimensions), torch.ones(1, dimensions)), 1)


def quadratic(z: torch.Tensor) -> torch.Tensor:
    """sum_d (z_d - 1)^2, of which the gradient in the mean at 0 is -2 for each dimension, in the scale 2."""
    return (z - 1).square().sum(-1)


@pytest.mark.parametrize("dimensions", [1, 10])
def test_the_variances_are_those_of_a_quadratic_of_normals(dimensions):
    torch.manual_seed(0)
    q = normal(dimensions)
    found = noise_of(q, quadratic, estimators_of(q), draws=2, repeats=2500)
    # along the path: 2 (z - 1) in the mean and 2 (z - 1) z in the scale, variances 4 and 4 (Var z^2 + Var z) = 12
    assert found[PATH].variance == pytest.approx(dimensions * (4 + 12) / 2, rel=0.1)
    # the score: (z_d) f and (z_d^2 - 1) f, by the moments of a normal, f = sum (z - 1)^2 = (z_d - 1)^2 + the others
    rest, spread = 2.0 * (dimensions - 1), 6.0 * (dimensions - 1)  # mean and variance of the other terms
    mean = sum(c * m for c, m in zip((1, 2, 1), (3, 0, 1), strict=True)) + rest  # not used for the gradient itself
    assert mean == 4 + rest
    own = moments((0, 1), rest, spread) - 4, moments((-1, 0, 1), rest, spread) - 4
    assert found[SCORE].variance == pytest.approx(dimensions * sum(own) / 2, rel=0.15)
    assert found[OTHERS].variance < found[SCORE].variance
    assert found[PATH].signal == pytest.approx(8.0 * dimensions, rel=0.1)
    assert [row.bias for row in found.values()] == [None] * 4


def moments(score: tuple[float, ...], rest: float, spread: float) -> float:
    """E[s(z)^2 ((z - 1)^2 + R)^2] for z ~ N(0, 1), a polynomial s and an independent R with this mean and variance."""
    z = torch.distributions.Normal(torch.zeros((), dtype=torch.float64), 1.0)
    grid = torch.linspace(-12, 12, 20_001, dtype=torch.float64)
    s = sum(c * grid**k for k, c in enumerate(score))
    f = (grid - 1).square()
    return float(torch.trapezoid(z.log_prob(grid).exp() * s**2 * (f**2 + 2 * f * rest + rest**2 + spread), grid))


def test_estimators_of_codes_have_the_exact_gradient_or_say_how_far_they_are():
    torch.manual_seed(0)
    q = RelaxedCodes(torch.randn(2, 3, 2), positions=1)  # two examples of two variables with three values
    worth = torch.randn(3, 2)

    def cost(z):
        return (z * worth).flatten(-2).sum(-1).square()

    logits = q.logits.clone().requires_grad_()
    p = logits.softmax(1)
    total = sum(
        p[:, i, 0] * p[:, j, 1] * (worth[i, 0] + worth[j, 1]) ** 2 for i in range(3) for j in range(3)
    )  # the expectation, value by value
    (exact,) = torch.autograd.grad(total.sum(), logits)
    estimators = estimators_of(q)
    for name, estimator in estimators.items():
        found = torch.stack([gradient_of(q, cost, estimator, 4) for _ in range(1500)])
        off = (found.mean(0) - exact.flatten(1)).abs() / (found.std(0) / 1500**0.5 + 1e-9)
        assert off.max() < 5 or not name.startswith("score"), name
        assert off.max() > 5 or name not in ("relaxed, temperature 1", "straight-through, temperature 1"), name
    rows = noise_of(q, cost, estimators, draws=4, repeats=1000)
    assert rows[OTHERS].variance < rows[SCORE].variance
    hot, cold = rows["relaxed, temperature 1"], rows["relaxed, temperature 0.1"]
    assert cold.bias < hot.bias
    assert hot.variance < cold.variance
    assert_close(torch.tensor(rows[SCORE].signal), exact.flatten(1).square().sum(1).mean(), rtol=0.1, atol=0)


def test_a_model_is_asked_at_its_own_posterior_and_left_as_it_was():
    data = vk.data.open("digits")
    torch.manual_seed(0)
    model = vk.recipe("vae")(data.spec, latent=2, hidden=(8,)).model
    before, state = {name: p.clone() for name, p in model.named_parameters()}, torch.get_rng_state()
    first, again = (gradient_noise(model, data.test, 8, repeats=20, seed=3) for _ in range(2))
    assert first == again
    assert torch.equal(state, torch.get_rng_state())
    assert model.training
    assert all(p.grad is None and torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert first[PATH].variance < first[SCORE].variance


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"draws": 1}, "draws must be a whole number of at least 2, got 1"),
        ({"repeats": 1}, "repeats must be a whole number of at least 2, got 1"),
        ({"n": 0}, "n must be a whole number of at least 1, got 0"),
    ],
)
def test_says_what_it_needs(options, said):
    with pytest.raises(ValueError, match=said):
        gradient_noise(None, None, **options)


def test_refuses_models_of_several_latents_and_codes_without_noise(tmp_path):
    data = vk.data.open("digits")
    for recipe, arguments, said in (
        ("ladder-vae", {"latents": (3, 2), "widths": (8, 8)}, "models of one latent"),
        ("autoencoder", {"latent": 2, "hidden": (8,)}, "or one of codes, is needed, got PointMass"),
    ):
        system = vk.recipe(recipe)(data.spec, **arguments)
        with pytest.raises(ValueError, match=said):
            gradient_noise(system.model, data.test)
