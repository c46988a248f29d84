"""Levels whose latents are maps: their densities, their states, and what stands between them."""

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.testing import assert_close

from vaekit.conditionals import Bernoulli
from vaekit.models import FromPrior, Hierarchy, Level, ResidualNormal, Set, TopDown
from vaekit.networks import Beside, Chain, Meet, Rise, Stages

C, D, SIZE = 4, 2, (3, 5)


@pytest.fixture(autouse=True)
def in_double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def residual(source: str, *, top: bool = False) -> ResidualNormal:
    prior = None if top else nn.Conv2d(C, 2 * D, 1)
    return ResidualNormal(source, (D, *SIZE), prior, Meet(C, 2 * D), Beside(nn.Conv2d(C + D, C, 1)))


def top_down(source: str) -> TopDown:
    parts = {"prior": nn.Conv2d(C, 2 * D + C, 1), "posterior": Beside(nn.Conv2d(2 * C, 2 * D, 1))}
    return TopDown(source, D, **parts, project=nn.Conv2d(D, C, 1), refine=nn.Conv2d(C, C, 3, padding=1))


def hierarchy(*levels: nn.Module) -> Hierarchy:
    stages = {"e1": nn.Conv2d(1, C, 1), "e2": nn.Conv2d(C, C, 1)}
    model = Hierarchy(Stages(stages), (C, *SIZE), levels, Bernoulli(Chain((C, *SIZE), nn.Tanh()), (1, *SIZE)))
    with torch.no_grad():
        model.start.normal_()
    return model


def pictures(n: int = 6) -> Tensor:
    return torch.rand(n, 1, *SIZE).round()


MODELS = {
    "residual": lambda: hierarchy(residual("e2", top=True), nn.Conv2d(C, C, 1), residual("e1"), nn.Tanh()),
    "top-down": lambda: hierarchy(top_down("e2"), nn.Tanh(), top_down("e1"), nn.Conv2d(C, C, 1)),
}
every_model = pytest.mark.parametrize("name", MODELS)


def clamp(t: Tensor) -> Tensor:
    return 5 * torch.tanh(t / 5)


def test_the_rate_of_a_residual_level_is_the_closed_form_of_two_normals():
    level, x = residual("e1"), pictures()
    model = hierarchy(residual("e2", top=True), level)
    inference = model.infer(x)
    e, z1 = model.bottom_up(x), inference.latents["z1"].value
    h = model.levels[0].combine(model.start.expand(6, C, *SIZE), z1)
    (m, s), (dm, ds) = level.prior(h).chunk(2, 1), level.posterior(e["e1"], h).chunk(2, 1)
    q = Normal(clamp(m + dm), clamp(s + ds).exp() + 0.01)
    p = Normal(clamp(m), clamp(s).exp() + 0.01)
    assert_close(inference.latents["z2"].rate(), kl_divergence(q, p).sum((1, 2, 3)))
    assert inference.latents["z2"].analytic


def test_the_first_residual_level_starts_from_a_standard_normal():
    prior = MODELS["residual"]().generate(4).latents["z1"].prior
    assert_close(prior.mean, torch.zeros(D, *SIZE))
    assert_close(prior.stddev, torch.ones(D, *SIZE))


def test_a_residual_posterior_that_changes_nothing_is_the_prior():
    level = residual("e1")
    model = hierarchy(residual("e2", top=True), level)
    with torch.no_grad():
        level.posterior.last.parametrizations.weight.original0.fill_(-torch.inf)
        level.posterior.last.bias.zero_()
    assert_close(model.infer(pictures()).latents["z2"].rate(), torch.zeros(6))


def test_means_and_scales_of_residual_levels_stay_within_their_clamps():
    level = residual("e1")
    model = hierarchy(residual("e2", top=True), level)
    with torch.no_grad():
        level.prior.weight.mul_(1e6)
    prior = model.generate(8).latents["z2"].prior
    assert prior.mean.abs().max() <= 5
    assert 0.01 < prior.stddev.min() < 0.02 < 148 < prior.stddev.max() < 149


def test_a_top_down_level_adds_its_residual_and_its_latent_and_refines_the_sum():
    level, x = top_down("e1"), pictures()
    model = hierarchy(level)
    inference = model.infer(x)
    latent, h = inference.latents["z1"], model.start.expand(6, C, *SIZE)
    m, s, r = level.prior(h).split((D, D, C), 1)
    mq, sq = level.posterior(h, model.bottom_up(x)["e1"]).chunk(2, 1)
    assert_close(latent.rate(), kl_divergence(Normal(mq, sq.exp()), Normal(m, s.exp())).sum((1, 2, 3)))
    below = level.refine(h + r + level.project(latent.value))
    assert_close(inference.distortion, -model.decoder(below).log_prob(x))


@every_model
def test_each_of_several_draws_has_the_weight_that_it_has_alone(name):
    model, x = MODELS[name](), pictures()
    model.eval()
    together = model.infer(x, samples=3)
    values = {z: latent.value for z, latent in together.latents.items()}
    for k, log_w in enumerate(together.log_w()):
        alone = model.infer(x, at={z: Set(value[k]) for z, value in values.items()})
        ratio = torch.zeros(len(x))
        for z, latent in together.latents.items():
            drawn, prior = latent.value[k], alone.latents[z].prior
            q = latent.posterior if z == "z1" else row(latent.posterior, k)
            ratio = ratio + q.log_prob(drawn) - prior.log_prob(drawn)
        assert_close(log_w, -alone.distortion - ratio)


def row(q, k: int):
    normal = q.base_dist
    return type(q)(Normal(normal.loc[k], normal.scale[k]), 3)


@every_model
def test_generation_and_upper_levels_alone_need_no_evidence_of_the_others(name):
    model, x = MODELS[name](), pictures()
    mean = {"z2": FromPrior(0)}
    inference = model.infer(x, at=mean)
    assert_close(inference.latents["z2"].value, inference.latents["z2"].prior.mean)
    assert_close(inference.latents["z2"].rate(), torch.zeros(6))
    assert model.sample(5).shape == (5, 1, *SIZE)


@every_model
def test_what_stands_between_levels_is_applied_to_the_state_and_names_no_latent(name):
    model = MODELS[name]()
    assert list(model.generate(2).latents) == ["z1", "z2"]
    model.levels[3].register_forward_hook(lambda module, inputs, h: torch.zeros_like(h))
    flat = model.generate(2).likelihoods["x"].distribution.mean
    assert_close(flat[0], flat[1])


def test_levels_of_several_sizes_are_numbered_from_the_top():
    small = TopDown(
        "e2", D, nn.Conv2d(C, 2 * D + C, 1), Beside(nn.Conv2d(2 * C, 2 * D, 1)), nn.Conv2d(D, C, 1), nn.Tanh()
    )
    stages = {"e1": nn.Conv2d(1, C, 1), "e2": nn.AvgPool2d(4, ceil_mode=True)}
    decoder = Bernoulli(Chain((C, *SIZE), nn.Tanh()), (1, *SIZE))
    model = Hierarchy(Stages(stages), (C, 1, 2), [small, Rise(C, 4, SIZE), top_down("e1")], decoder)
    shapes = {z: latent.value.shape for z, latent in model.infer(pictures(3), samples=2).latents.items()}
    assert shapes == {"z1": (2, 3, D, 1, 2), "z2": (2, 3, D, *SIZE)}


@every_model
def test_densities_are_single_where_networks_run_in_half_precision(name):
    model = MODELS[name]().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inference = model.infer(pictures().float())
    assert {latent.posterior.mean.dtype for latent in inference.latents.values()} == {torch.float32}


def test_a_hierarchy_of_plain_modules_alone_is_refused():
    with pytest.raises(ValueError, match="a hierarchy needs at least one level, got none"):
        hierarchy(nn.Tanh())


def test_a_level_is_abstract():
    with pytest.raises(TypeError):
        Level()
