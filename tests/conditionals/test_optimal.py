import torch
from torch import nn
from torch.distributions import Normal
from torch.testing import assert_close

from vaekit.conditionals import Gaussian, Optimal
from vaekit.distributions import parameters_of


def head():
    return Gaussian(nn.Identity(), 3, scale=Optimal(), features=2)


def test_a_training_batch_is_priced_under_its_own_best_scale():
    p_x, x = head()(torch.randn(5, 2)), torch.randn(5, 3)
    best = (x - p_x.mean).square().mean().sqrt()
    assert_close(p_x.log_prob(x), Normal(p_x.mean, best.detach()).log_prob(x).sum(-1))
    for other in (0.9 * best, 1.1 * best):
        assert p_x.log_prob(x).sum() > Normal(p_x.mean, other).log_prob(x).sum()


def test_its_gradient_is_that_of_the_likelihood_with_the_scale_maximised_out():
    loc = torch.randn(5, 3, requires_grad=True)
    x = torch.randn(5, 3)
    p_x = head().distribution(loc=loc, scale=torch.ones(5, 3))
    (gradient,) = torch.autograd.grad(p_x.log_prob(x).sum(), loc)
    maximised = -x.numel() / 2 * (x - loc).square().mean().log()
    assert_close(gradient, torch.autograd.grad(maximised, loc)[0])


def test_the_frozen_scale_is_the_mean_over_the_batches_seen():
    gaussian, best = head(), []
    for _ in range(3):
        p_x, x = gaussian(torch.randn(5, 2)), torch.randn(5, 3)
        p_x.log_prob(x)
        best.append((x - p_x.mean).square().mean().detach())
    frozen = gaussian.eval().outputs(torch.randn(5, 2))["scale"]
    assert_close(frozen, torch.stack(best).mean().sqrt().expand(5, 3), check_dtype=False)


def test_old_batches_are_forgotten():
    rule = Optimal(memory=2)
    for scale in (1.0, 2.0, 3.0):
        rule.observe(torch.tensor(scale))
    assert_close(rule.mean_square, torch.tensor(((1 + 4) / 2 + 9) / 2), check_dtype=False)


def test_a_test_density_does_not_depend_on_what_it_prices():
    gaussian, x = head().eval(), torch.randn(5, 3)
    p_x = gaussian(torch.randn(5, 2))
    whole = p_x.log_prob(x)
    assert type(p_x.base_dist) is Normal
    assert_close(p_x.log_prob(torch.cat([x[:1], 9 * x[1:]]))[0], whole[0])
    assert gaussian.scale.batches == 0


def test_perfect_reconstructions_do_not_make_the_density_infinite():
    p_x = head()(torch.randn(5, 2))
    assert torch.isfinite(p_x.log_prob(p_x.mean)).all()


def test_the_frozen_scale_is_saved():
    trained, again = head(), head()
    trained(torch.randn(5, 2)).log_prob(torch.randn(5, 3))
    again.load_state_dict(trained.state_dict())
    inputs = torch.randn(5, 2)
    assert_close(parameters_of(again(inputs)), parameters_of(trained(inputs)))
