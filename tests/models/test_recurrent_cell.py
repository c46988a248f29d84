"""A recurrent cell with a latent at every step, by hand from its parts (Chung et al. 2015, eqs. 5 to 11)."""

import pytest
import torch
from torch import nn
from torch.distributions import kl_divergence
from torch.testing import assert_close

from vaekit.conditionals import Gaussian
from vaekit.models import Mean, Recurrent, Scan, Set
from vaekit.networks import MLP

B, T, X, Z, H = 3, 4, 2, 3, 5
MASK = torch.arange(T) < torch.tensor([[4], [1], [3]])


@pytest.fixture
def x():
    return torch.randn(B, T, X, dtype=torch.float64)


@pytest.fixture
def model():
    torch.manual_seed(0)
    cell = Recurrent(
        MLP(X, H),
        MLP(Z, H),
        nn.GRUCell(2 * H, H),
        H,
        prior=Gaussian(MLP(H, H), Z),
        posterior=Gaussian(MLP(((H,), H), H), Z),
        decoder=Gaussian(MLP(((H,), H), H), X),
    )
    model = Scan(cell, T).double()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model


def by_hand(cell, x, z):
    """Rate and distortion of sequences (B, T, X) at a path z (B, T, Z), step by step, and the state after them."""
    h, rate, distortion = torch.zeros(len(x), H, dtype=x.dtype), 0.0, 0.0
    for t in range(x.shape[1]):
        seen, felt = cell.see(x[:, t]), cell.feel(z[:, t])
        rate = rate + kl_divergence(cell.posterior(seen, h), cell.prior(h))
        distortion = distortion - cell.decoder(felt, h).log_prob(x[:, t])
        h = cell.update(torch.cat([seen, felt], -1), h)
    return rate, distortion, h


def test_rate_and_distortion_are_those_of_the_formulas_at_the_draws(model, x):
    inference = model.infer(x)
    rate, distortion, _ = by_hand(model.cell, x, inference.latents["z"].value)
    assert_close(inference.rate, rate)
    assert_close(inference.distortion, distortion)


def test_what_stands_behind_an_end_changes_no_figure_and_no_gradient(model, x):
    def figures(values):
        torch.manual_seed(1)
        inference = model.infer({"x": values, "mask": MASK}, samples=3)
        loss = inference.distortion + inference.rate
        return [loss, inference.log_w(), *torch.autograd.grad(loss.sum(), list(model.parameters()))]

    assert_close(figures(x), figures(torch.where(MASK[..., None], x, 1e3 * torch.randn_like(x))))


def test_infer_four_and_imagine_ten_more(model, x):
    torch.manual_seed(1)
    known = model.infer(x)
    torch.manual_seed(1)
    inference = model.infer(x, length=14)
    assert_close(inference.log_w(), known.log_w())
    z, shown = inference.latents["z"].value, inference.likelihoods["x"].value
    assert (z.shape, shown.shape) == ((B, 14, Z), (B, 14, X))
    assert_close(shown[:, :T], x)
    _, _, h = by_hand(model.cell, x, z[:, :T])
    prior = inference.latents["z"].steps[T].prior
    assert_close(prior.mean, model.cell.prior(h).mean)
    assert_close(
        inference.likelihoods["x"].distribution.mean[:, T], model.cell.decoder(model.cell.feel(z[:, T]), h).mean
    )


def test_what_is_imagined_is_seen_by_what_is_imagined_next(model, x):
    inference = model.infer(x, length=T + 2)
    z, shown = inference.latents["z"].value, inference.likelihoods["x"].value
    *_, h = by_hand(model.cell, shown[:, : T + 1], z[:, : T + 1])
    assert_close(inference.latents["z"].steps[T + 1].prior.mean, model.cell.prior(h).mean)


def test_the_typical_way_on_is_the_priors_mean(model, x):
    inference = model.infer(x, default=Mean(), length=T + 1)
    *_, h = by_hand(model.cell, x, inference.latents["z"].value[:, :T])
    assert_close(inference.latents["z"].value[:, T], model.cell.prior(h).mean)
    assert_close(inference.log_w(), model.infer(x, default=Mean()).log_w())


def test_an_ended_sequence_goes_on_from_its_own_end(model, x):
    torch.manual_seed(1)
    inference = model.infer({"x": x, "mask": MASK}, length=T + 2)
    z, shown = inference.latents["z"].value, inference.likelihoods["x"].value
    assert_close(shown[:, :T][MASK], x[MASK])
    p_x = inference.likelihoods["x"].distribution
    for b in range(B):
        for n in range(int(MASK[b].sum()), T + 2):
            *_, h = by_hand(model.cell, shown[b : b + 1, :n], z[b : b + 1, :n])
            assert_close(p_x.mean[b, n], model.cell.decoder(model.cell.feel(z[b : b + 1, n]), h).mean[0])


def test_the_typical_way_on_from_an_end_is_that_of_the_shorter_sequence_alone(model, x):
    """Alone in its batch a row has its own first step ahead; in the batch it stands at the same place."""
    lengths = MASK.sum(1).tolist()
    whole = model.infer({"x": x, "mask": MASK}, samples=2, default=Mean(), length=T)
    z = whole.latents["z"].value
    for b, n in enumerate(lengths):
        alone = model.infer(x[b : b + 1, :n], default=Mean(), length=n + 1).latents["z"].value[0]
        assert_close(z[..., b, : n + 1, :][..., :T, :], alone[:T].expand(*z.shape[:-3], -1, -1))


def test_a_reset_behind_an_end_is_none(model, x):
    reset = ~MASK
    torch.manual_seed(1)
    plain = model.infer({"x": x, "mask": MASK}, length=T + 2).latents["z"].value
    torch.manual_seed(1)
    assert torch.equal(model.infer({"x": x, "mask": MASK, "reset": reset}, length=T + 2).latents["z"].value, plain)


def test_values_that_are_set_ahead_stand_at_their_own_steps(model, x):
    z = torch.randn(B, T + 2, Z, dtype=torch.float64)
    found = model.infer({"x": x, "mask": MASK}, at={"z": Set(z)}, length=T + 2)
    assert torch.equal(found.latents["z"].value, z)


def test_what_is_no_number_behind_an_end_reaches_no_gradient(model, x):
    def gradients(values):
        torch.manual_seed(1)
        inference = model.infer({"x": values, "mask": MASK}, samples=3)
        return torch.autograd.grad((inference.distortion + inference.rate).sum(), list(model.parameters()))

    found = gradients(x.masked_fill(~MASK[..., None], torch.nan))
    assert all(bool(g.isfinite().all()) for g in found)
    assert_close(found, gradients(x))


@pytest.mark.parametrize("length", [1, 7])
def test_generation_takes_as_many_steps_as_it_is_told(model, length):
    assert model.sample(3, length=length).shape == (3, length, X)
