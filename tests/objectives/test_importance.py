"""Estimators of the bound's gradient, on the Gaussian of Rainforth et al. 2018, sec. 4: z ~ N(m, I), x|z ~ N(z, I), D = 20."""

import pytest
import torch
from models.graphs import Graph, normal, two_levels
from torch.distributions import Independent, Normal
from torch.testing import assert_close

from vaekit.objectives import ImportanceWeighted

D, KINDS = 20, ("standard", "sticking-the-landing", "doubly-reparameterised")


def gradients(kind: str, draws: int, repeats: int, seed: int = 0):
    """Independent gradients of b and m at one x, (repeats, D) each, near the optimum: q = N((x + m) / 2 + b, 2/3)."""
    torch.manual_seed(seed)
    x = (2**0.5 * torch.randn(D)).expand(repeats, D)
    b = (0.01 * torch.randn(D)).expand(repeats, D).clone().requires_grad_()
    m = (0.01 * torch.randn(D)).expand(repeats, D).clone().requires_grad_()

    def walk(w):
        prior = Independent(Normal(m, 1.0), 1)
        z = w.latent("z", prior, lambda: normal(x / 2 + b, (2 / 3) ** 0.5))
        w.likelihood("x", normal(z))

    inference = Graph(walk).infer(x, samples=draws)
    ImportanceWeighted(draws, gradient=kind)(inference, {}).sum().backward()
    return b.grad, m.grad


def snr(g):
    return float((g.mean(0).abs() / g.std(0)).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_all_have_the_value_of_the_bound_and_its_gradient_of_the_model(kind):
    torch.manual_seed(1)
    w = torch.randn(D, requires_grad=True)
    x = torch.randn(3, D)

    def walk(where):
        z = where.latent("z", normal(torch.zeros(D)), lambda: normal(x / 2))
        where.likelihood("x", normal(w * z))

    inference = Graph(walk).infer(x, samples=7)
    found = ImportanceWeighted(7, gradient=kind)(inference, {})
    exact = -inference.log_mean_w()
    assert_close(found, exact)
    assert_close(torch.autograd.grad(found.sum(), w, retain_graph=True), torch.autograd.grad(exact.sum(), w))


def test_the_doubly_reparameterised_gradient_has_the_mean_of_the_bounds_own():
    own, _ = gradients("standard", 5, 40_000)
    other, _ = gradients("doubly-reparameterised", 5, 40_000)
    error = (own.std(0) ** 2 + other.std(0) ** 2).sqrt() / 40_000**0.5
    assert ((own.mean(0) - other.mean(0)).abs() < 4.5 * error).all()
    assert (other.std(0) < 0.7 * own.std(0)).all()


def test_with_more_draws_its_signal_grows_above_its_noise_and_the_bounds_own_drowns():
    own = [snr(gradients("standard", k, 4000)[0]) for k in (1, 100)]
    doubly = [snr(gradients("doubly-reparameterised", k, 400)[0]) for k in (1, 10, 100, 1000)]
    assert doubly[0] < doubly[1] < doubly[2] < doubly[3]
    assert doubly[3] > 5 * doubly[0]
    assert own[1] < own[0]


def test_sticking_the_landing_is_biased_so_its_mean_does_not_shrink_with_more_draws():
    def size(kind, draws):
        return gradients(kind, draws, 2000)[0].mean(0).norm()

    assert size("doubly-reparameterised", 10) > 6 * size("doubly-reparameterised", 100)
    assert size("sticking-the-landing", 100) > 0.7 * size("sticking-the-landing", 10)


def test_at_the_optimum_one_draw_has_no_noise():
    x = torch.randn(5, D)
    loc = (x / 2).requires_grad_()
    graph = Graph(
        lambda w: w.likelihood("x", normal(w.latent("z", normal(torch.zeros(D)), lambda: normal(loc, 0.5**0.5))))
    )
    ImportanceWeighted(1, gradient="sticking-the-landing")(graph.infer(x, samples=1), {}).sum().backward()
    assert_close(loc.grad, torch.zeros_like(loc), atol=1e-12, rtol=0)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_what_it_is_not_for_is_refused(kind):
    with pytest.raises(ValueError, match=r"for one latent with several draws, got .*: use the standard one"):
        ImportanceWeighted(3, gradient=kind)(Graph(two_levels).infer(torch.zeros(2, 3), samples=3), {})
