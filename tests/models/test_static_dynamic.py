"""A latent of the whole sequence and one of each step: every figure by hand from the parts, at the values drawn."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.testing import assert_close

from vaekit.conditionals import Gaussian
from vaekit.models import Drift, FromPrior, Infer, Mean, Set, StaticDynamic
from vaekit.networks import LSTM, MLP, BothWays, EachStep, Summary
from vaekit.priors import StandardNormal

B, T, X, F, Z, H = 3, 5, 4, 2, 3, 6
LENGTHS = torch.tensor([5, 2, 3])
MASK = torch.arange(T) < LENGTHS[:, None]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def x():
    return torch.randn(B, T, X, dtype=torch.float64)


def build(factorised: bool = False) -> StaticDynamic:
    update = LSTM(Z, H)
    read = None if factorised else BothWays(H + F, H)
    dynamic = Drift(
        "motion",
        Gaussian(MLP(2 * H, H), Z),
        Gaussian(MLP(H if factorised else 2 * H, H), Z),
        update,
        *update.out_shape,
    )
    model = StaticDynamic(
        StandardNormal(F),
        EachStep(MLP(X, H), (H,)),
        Gaussian(Summary(H, H), F),
        dynamic,
        Gaussian(MLP(((Z,), F), H), X),
        T,
        read=read,
        name="content",
    ).double()
    for parameter in model.parameters():  # away from the start, where all heads are nearly constant
        torch.nn.init.normal_(parameter, std=0.4)
    return model


@pytest.fixture(params=[False, True], ids=["full", "factorised"])
def model(request):
    return build(request.param)


def by_hand(model, x, f, z):
    """q(f|x), q(z_t|f, x), p(z_t|z_<t), p(x_t|f, z_t) of one whole sequence (T, X), from the parts alone."""
    seen = model.see.network(x)
    q_f = model.static(seen[None])
    read = seen if model.read is None else model.read(seen[None], f[None])[0]
    state, priors = torch.zeros(1, 2 * H, dtype=x.dtype), []
    for value in z:
        priors.append(model.dynamic.prior(state))
        state = model.dynamic.update(value[None], state)
    return q_f, model.dynamic.posterior(read), priors, model.decoder(z, f.expand(len(z), F))


@pytest.mark.parametrize("masked", [False, True])
def test_rates_and_distortion_are_those_of_the_formulas_at_the_draws(model, x, masked):
    inference = model.infer({"x": x, "mask": MASK} if masked else x)
    f, z = inference.latents["content"].value, inference.latents["motion"].value
    for b in range(B):
        n = int(LENGTHS[b]) if masked else T
        q_f, q_z, priors, p_x = by_hand(model, x[b, :n], f[b], z[b, :n])
        p_f = Normal(torch.zeros(F, dtype=x.dtype), 1.0)
        content = kl_divergence(q_f.base_dist, p_f).sum()
        motion = sum(
            kl_divergence(Normal(m, s), p.base_dist).sum() for m, s, p in zip(q_z.mean, q_z.stddev, priors, strict=True)
        )
        log_x = p_x.log_prob(x[b, :n]).sum()
        assert_close(inference.latents["content"].rate()[b], content)
        assert_close(inference.latents["motion"].rate()[b], motion)
        assert_close(inference.distortion[b], -log_x)
        log_p = (
            sum(p.log_prob(value[None])[0] for p, value in zip(priors, z[b], strict=False)) + p_f.log_prob(f[b]).sum()
        )
        log_q = q_z.log_prob(z[b, :n]).sum() + q_f.log_prob(f[b][None])[0]
        assert_close(inference.log_w()[b], log_x + log_p - log_q)


def test_the_prior_is_that_of_the_posteriors_own_draws(model, x):
    """Not of its own draws: from another path the priors of all steps but the first are others."""
    inference = model.infer(x)
    z = inference.latents["motion"].value
    *_, priors, _ = by_hand(model, x[0], inference.latents["content"].value[0], z[0])
    steps = inference.latents["motion"].steps
    for t in range(T):
        assert_close(steps[t].prior.mean[0], priors[t].mean[0])
    other = model.infer(x, at={"motion": Set(z + 1)}).latents["motion"].steps
    assert_close(other[0].prior.mean, steps[0].prior.mean)
    assert all((other[t].prior.mean - steps[t].prior.mean).abs().min() > 1e-6 for t in range(1, T))


def figures(model, x, mask, samples):
    torch.manual_seed(1)
    leaf = x.clone().requires_grad_()
    inference = model.infer({"x": leaf, "mask": mask}, samples=samples)
    loss = inference.distortion + inference.rate
    gradients = torch.autograd.grad(loss.sum(), [leaf, *model.parameters()])
    return [
        inference.distortion,
        inference.log_w(),
        *(latent.rate() for latent in inference.latents.values()),
    ], gradients


@pytest.mark.parametrize("samples", [None, 4])
def test_what_stands_behind_an_end_changes_no_figure_and_no_gradient(model, x, samples):
    other = torch.where(MASK[..., None], x, 100 * torch.randn_like(x))
    one, two = figures(model, x, MASK, samples), figures(model, other, MASK, samples)
    assert_close(one, two)
    assert not one[1][0][~MASK].any()


def test_a_masked_sequence_is_the_shorter_sequence(model, x):
    at = {"content": Mean(), "motion": Mean()}
    whole = model.infer({"x": x, "mask": MASK}, at=at)
    for b in range(B):
        alone = model.infer(x[b : b + 1, : LENGTHS[b]], at=at)
        assert_close(whole.distortion[b], alone.distortion[0])
        assert_close(whole.rate[b], alone.rate[0])


def test_several_draws_are_several_walks(model, x):
    inference = model.infer(x, samples=3)
    content, motion = (inference.latents[name].value for name in ("content", "motion"))
    assert (content.shape, motion.shape) == ((3, B, F), (3, B, T, Z))
    for k in range(3):
        alone = model.infer(x, at={"content": Set(content[k]), "motion": Set(motion[k])})
        assert_close(inference.distortion[k], alone.distortion)


@pytest.mark.parametrize("length", [1, T, 9])
def test_generation_takes_as_many_steps_as_it_is_told(model, length):
    assert model.sample(4, length=length).shape == (4, length, X)
    assert model.generate(4, length=length).latents["motion"].value.shape == (4, length, Z)


def test_generation_follows_the_prior(model):
    torch.manual_seed(3)
    z = model.generate(40_000).latents["motion"].value[:, 0]
    p = model.dynamic.prior(torch.zeros(1, 2 * H, dtype=torch.float64))
    assert_close(z.mean(0), p.mean[0], atol=0.03, rtol=0)
    assert_close(z.std(0), p.stddev[0], atol=0.03, rtol=0)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("samples", [None, 2])
def test_a_sequence_that_is_imagined_further_costs_what_it_cost_before(model, x, masked, samples):
    data = {"x": x, "mask": MASK} if masked else {"x": x}
    torch.manual_seed(1)
    known = model.infer(data, samples=samples, at={"content": Mean()})
    torch.manual_seed(1)
    ahead = model.infer(data, samples=samples, at={"content": Mean()}, length=T + 4)
    assert_close(ahead.log_w(), known.log_w())
    assert_close(ahead.rate, known.rate)
    shown = ahead.likelihoods["x"].value
    assert shown.shape[-2:] == (T + 4, X)
    there = MASK if masked else torch.ones_like(MASK)
    assert_close(shown[..., :T, :][..., there, :], x[there].expand(*shown.shape[:-3], -1, -1))


def test_a_shorter_sequence_goes_on_from_its_own_end(model, x):
    """In the mean, where nothing but x is drawn: the motion of each row is that of the row alone."""
    whole = model.infer({"x": x, "mask": MASK}, default=Mean(), length=T + 2)
    p_x = whole.likelihoods["x"].distribution
    for b, n in enumerate(LENGTHS):
        alone = model.infer(x[b : b + 1, :n], default=Mean(), length=T + 2)
        assert_close(whole.latents["motion"].value[b], alone.latents["motion"].value[0])
        assert_close(p_x.mean[b], alone.likelihoods["x"].distribution.mean[0])
    shown = whole.likelihoods["x"].value
    assert_close(shown[:, :T][MASK], x[MASK])
    assert (shown[:, :T][~MASK] != x[~MASK]).all()


def test_what_is_no_number_behind_an_end_reaches_no_figure_and_no_gradient(model, x):
    broken = x.masked_fill(~MASK[..., None], torch.nan)
    found = figures(model, broken, MASK, None)
    assert all(bool(g.isfinite().all()) for g in found[1])
    assert_close(found, figures(model, x, MASK, None))


def test_what_is_imagined_comes_from_the_prior_after_the_path_so_far(model, x):
    inference = model.infer(x, default=Mean(), length=T + 2)
    z = inference.latents["motion"].value
    state = torch.zeros(B, 2 * H, dtype=x.dtype)
    for t in range(T):
        state = model.dynamic.update(z[:, t], state)
    assert_close(z[:, T], model.dynamic.prior(state).mean)
    state = model.dynamic.update(z[:, T], state)
    assert_close(z[:, T + 1], model.dynamic.prior(state).mean)
    assert_close(
        inference.likelihoods["x"].distribution.mean[:, -1],
        model.decoder(z[:, -1], inference.latents["content"].value).mean,
    )


def test_a_swap_infers_the_motion_of_the_other_given_the_content(model, x):
    content = model.infer(x, default=Mean()).latents["content"].value.roll(1, 0)
    swapped = model.infer(x, at={"content": Set(content)}, default=Mean())
    _, q_z, _, p_x = by_hand(model, x[0], content[0], swapped.latents["motion"].value[0])
    assert_close(swapped.latents["motion"].value[0], q_z.mean)
    assert_close(swapped.likelihoods["x"].distribution.mean[0], p_x.mean)
    assert_close(swapped.latents["content"].rate(), torch.zeros(B, F, dtype=x.dtype).sum(-1))


def test_content_can_be_kept_and_motion_imagined(model, x):
    inference = model.infer(x, at={"motion": FromPrior(), "content": Infer()})
    assert_close(inference.latents["motion"].rate(), torch.zeros(B, dtype=x.dtype))
    assert (inference.latents["content"].rate() > 0).all()


REFUSED = {
    "another frame": (lambda m, x: m.infer(x[..., :-1]), r"x must have the shape \(B, T, 4\), got \(3, 5, 3\)"),
    "no step": (
        lambda m, x: m.infer({"x": x, "mask": MASK & (LENGTHS != 2)[:, None]}),
        "every sequence needs a step: mask leaves none in row 1",
    ),
    "a mask of numbers": (
        lambda m, x: m.infer({"x": x, "mask": MASK.double()}),
        "mask must be bool, True or False at each step, got torch.float64",
    ),
    "a mask alone": (lambda m, x: m.infer({"mask": MASK}), r"data must hold 'x', and may hold 'mask', got \['mask'\]"),
    "nothing in time": (lambda m, x: m.infer(x[:, :0]), r"sequences must have a step, got x of shape \(3, 0, 4\)"),
    "another mask": (
        lambda m, x: m.infer({"x": x, "mask": MASK[:, :-1]}),
        r"sequences must share their first two axes \(B, T\)",
    ),
    "a reset": (lambda m, x: m.infer({"x": x, "reset": MASK}), "data must hold 'x', and may hold 'mask', got"),
    "too short": (lambda m, x: m.infer(x, length=3), "length must be at least the 5 steps of the data, got 3"),
    "nothing": (lambda m, x: m.sample(2, length=0), "length must be at least 1, got 0"),
}


@pytest.mark.parametrize(("act", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_what_does_not_fit_is_refused_in_a_sentence(model, x, act, sentence):
    with pytest.raises(ValueError, match=sentence):
        act(model, x)


def test_a_length_for_a_model_without_steps_is_refused():
    from vaekit.models import VAE

    flat = VAE(StandardNormal(2), Gaussian(MLP(X, H), 2), Gaussian(MLP(2, H), X))
    with pytest.raises(ValueError, match="length belongs to models of sequences, got 4 for a model without steps"):
        flat.sample(2, length=4)
    with pytest.raises(ValueError, match="x came with a mask of the steps that exist, which this model cannot heed"):
        flat.infer({"x": torch.zeros(B, X), "mask": MASK})


def test_content_can_be_told_from_features_of_its_own(x):
    model = build(factorised=True)
    model.see_static = EachStep(MLP(X, H), (H,)).double()
    own = model.static.distribution(**model.static.outputs(model.see_static(x)))
    found = model.infer(x, default=Mean())
    assert_close(found.latents["content"].value, own.mean)
    model.see_static = None
    assert_close(model.infer(x, default=Mean()).latents["motion"].value, found.latents["motion"].value)
