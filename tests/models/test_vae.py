import pytest
import torch
from torch import nn
from torch.testing import assert_close

from vaekit.conditionals import Bernoulli, Deterministic, Gaussian, Shared
from vaekit.distributions import Rows, rows
from vaekit.models import VAE, FromPrior, Mean, Set
from vaekit.networks import MLP, OneHot
from vaekit.objectives import Distortion, Rate
from vaekit.priors import Prior, StandardNormal

B, K, CLASSES = 4, 3, 5
EVENT, LATENT = (1, 2, 3), 2


def plain(dtype=torch.float64):
    return VAE(StandardNormal(LATENT), Gaussian(MLP(EVENT, 7), LATENT), Bernoulli(MLP(LATENT, 7), EVENT)).to(dtype)


def conditional():
    """Every part sees the label: the prior's mean is the first entries of its one-hot vector."""
    prior = Gaussian(nn.Identity(), LATENT, scale=1.0, features=CLASSES)
    with torch.no_grad():
        prior.last.layer.weight.copy_(torch.eye(LATENT, CLASSES))
        prior.last.layer.bias.zero_()
    return VAE(
        prior,
        Gaussian(MLP((EVENT, CLASSES), 7), LATENT),
        Gaussian(MLP((LATENT, (CLASSES,)), 7), EVENT, scale=Shared()),
        context=OneHot(CLASSES),
    )


@pytest.fixture
def x():
    return torch.bernoulli(torch.full((B, *EVENT), 0.5))


def test_the_bound_is_made_of_the_conditionals_densities(x):
    model = plain()
    torch.manual_seed(1)
    inference = model.infer(x)
    q, z = model.encode(x), inference.latents["z"].value
    torch.manual_seed(1)
    assert_close(z, q.mean + q.stddev * torch.randn(B, LATENT))
    logits = model.decoder.outputs(z)["logits"]
    assert_close(inference.distortion, nn.functional.softplus(logits * (1 - 2 * x)).sum((1, 2, 3)))
    variance = q.variance
    assert_close(inference.rate, 0.5 * (variance + q.mean**2 - 1 - variance.log()).sum(-1))
    assert_close(inference.elbo(), -inference.distortion - inference.rate)


@pytest.mark.parametrize("batch", [1, B])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_dtypes_are_those_of_the_data(batch, dtype):
    model, x = plain(dtype), torch.ones(batch, *EVENT, dtype=dtype)
    assert model.encode(x).batch_shape == (batch,)
    assert model.encode(x).mean.shape == (batch, LATENT)
    assert model.decode(torch.zeros(batch, LATENT, dtype=dtype)).mean.shape == (batch, *EVENT)
    assert model.reconstruct(x).shape == (batch, *EVENT)
    assert model.sample(batch).shape == (batch, *EVENT)
    assert model.infer(x).elbo().shape == (batch,)
    assert {t.dtype for t in (model.reconstruct(x), model.sample(2), model.infer(x, samples=K).log_mean_w())} == {dtype}


def test_codes_with_several_leading_axes_are_decoded_row_by_row():
    model, z = plain(), torch.randn(2, K, B, LATENT)
    p = model.decode(z)
    assert p.batch_shape == (2, K, B)
    assert_close(p.mean[1, 2], model.decode(z[1, 2]).mean)


def test_one_code_without_leading_axes_is_decoded():
    model, z = plain(), torch.randn(LATENT)
    assert_close(model.decode(z).mean, model.decode(z[None]).mean[0])


def test_a_reconstruction_is_the_mean_at_the_mean_code(x):
    model = plain()
    assert_close(model.reconstruct(x), model.decode(model.encode(x).mean).mean)
    assert torch.equal(model.reconstruct(x), model.reconstruct(x))


def test_a_sample_is_what_the_decoder_makes_of_prior_draws():
    model = plain()
    torch.manual_seed(1)
    drawn = model.sample(B)
    torch.manual_seed(1)
    z = torch.randn(B, LATENT)
    assert_close(drawn, torch.bernoulli(model.decode(z).mean))


def test_a_sample_can_be_steered_at_the_latent():
    model, z = conditional(), torch.zeros(B, LATENT)
    labels = torch.arange(B)
    p = model.generate(context=labels, at={"z": Set(z)}).likelihoods["x"].distribution
    assert_close(p.mean, model.decode(z, labels).mean)


def test_the_context_reaches_encoder_decoder_and_prior(x):
    model, labels, vectors = conditional(), torch.tensor([0, 1, 2, 4]), torch.eye(CLASSES)[[0, 1, 2, 4]]
    inference = model.infer(x, labels, samples=K)
    z = inference.latents["z"]
    assert_close(z.posterior.mean, model.encoder(x, vectors).mean)
    assert_close(z.prior.mean, vectors[:, :LATENT])
    for k in range(K):
        expected = model.decoder(z.value[k], vectors).log_prob(x)
        assert_close(-inference.distortion[k], expected)
    assert_close(model.encode(x, labels).mean, z.posterior.mean)
    assert_close(model.decode(z.value, labels).mean, inference.likelihoods["x"].distribution.mean)
    assert_close(model.reconstruct(x, labels), model.decode(z.posterior.mean, labels).mean)


def test_a_prior_made_of_the_encoder_is_handed_it_at_the_call(x):
    class OfOneInput(Prior):
        event_shape = (LATENT,)

        def forward(self, context=None, *, posterior=None):
            return rows(posterior(x[:1]), 0)

    encoder = plain().encoder
    model = VAE(OfOneInput(), encoder, Bernoulli(MLP(LATENT, 7), EVENT))
    assert_close(model.infer(x).rate[0], torch.tensor(0.0))
    assert len(list(model.parameters())) == len(list(plain().parameters()))


def test_generation_under_a_context_gives_one_row_for_each_of_its_rows():
    model = conditional()
    labels = torch.tensor([0, 1]).repeat_interleave(4000)
    z = model.generate(context=labels).latents["z"].value
    centres = torch.stack([z[:4000].mean(0), z[4000:].mean(0)])
    assert_close(centres, torch.eye(2), atol=0.08, rtol=0)
    assert model.sample(context=labels[:3]).shape == (3, *EVENT)


def test_a_context_with_another_number_of_rows_is_refused(x):
    with pytest.raises(ValueError, match="context must have a row for each of the 4 examples, got 2"):
        conditional().infer(x, torch.tensor([0, 1]))


def test_x_of_another_shape_is_refused(x):
    for model_call in (plain().infer, plain().encode, plain().reconstruct):
        with pytest.raises(ValueError, match=r"x must have the shape \(B, 1, 2, 3\), got \(4, 6\)"):
            model_call(x.flatten(1))


def test_data_must_hold_x(x):
    with pytest.raises(ValueError, match=r"data must hold 'x', got \['y'\]"):
        plain().infer({"y": x})
    with pytest.raises(ValueError, match="data must hold at least one named tensor"):
        plain().infer({})


def test_codes_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"z must end in the shape \(2,\), got \(4, 3\)"):
        plain().decode(torch.zeros(B, 3))


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"prior draws z of shape \(3,\), the encoder of shape \(2,\)"):
        VAE(StandardNormal(3), Gaussian(MLP(EVENT), LATENT), Bernoulli(MLP(LATENT), EVENT))


def test_no_sample_at_all_is_refused():
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        plain().sample(0)


def autoencoder(prior=None):
    return VAE(prior, Deterministic(MLP(EVENT, 7), LATENT), Bernoulli(MLP(LATENT, 7), EVENT))


def test_without_a_prior_a_model_reconstructs_and_does_not_sample(x):
    model = autoencoder()
    assert_close(model.reconstruct(x), model.decoder(model.encoder(x).mean).mean)
    assert_close(Distortion()(model.infer(x), {}), -model.decode(model.encode(x).mean).log_prob(x))
    with pytest.raises(ValueError, match="latent 'z' has no prior to draw from: give the model one"):
        model.sample(2)
    with pytest.raises(ValueError, match="latent 'z' has no rate: it needs both a prior and a posterior"):
        Rate()(model.infer(x), {})


def test_a_deterministic_code_has_no_rate_under_a_continuous_prior(x):
    with pytest.raises(ValueError, match="a deterministic continuous code has no rate: use a posterior that draws"):
        Rate()(autoencoder(StandardNormal(LATENT)).infer(x), {})
    assert autoencoder(StandardNormal(LATENT)).sample(3).shape == (3, *EVENT)


def test_evidence_that_is_handed_over_is_used_in_place_of_the_encoder(x):
    model, other = plain(), 1 - x
    handed = model.infer(x, evidence=model.evidence({"x": other}, None))
    assert_close(handed.rate, model.infer(other).rate)
    assert_close(handed.distortion, -model.decode(handed.latents["z"].value).log_prob(x))


@pytest.mark.parametrize("samples", [None, K])
def test_rows_of_a_global_batch_have_the_noise_that_they_have_in_the_whole(samples):
    model, x, labels = conditional(), torch.rand(10, *EVENT), torch.arange(10) % CLASSES

    def loss(first, last):
        torch.manual_seed(7)
        part = None if (first, last) == (0, 10) else Rows(first, 10)
        return model.infer(x[first:last], labels[first:last], samples=samples, rows=part).log_w()

    assert_close(torch.cat([loss(0, 3), loss(3, 4), loss(4, 10)], dim=-1), loss(0, 10))


def test_every_parameter_gets_a_gradient(x):
    model = conditional()
    model.infer(x, torch.arange(B)).elbo().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_prior_draws_in_the_place_of_the_posterior_leave_the_encoder_alone(x):
    model = plain()
    inference = model.infer(x, default=FromPrior())
    (inference.distortion + inference.rate).sum().backward()
    assert all(p.grad is None for p in model.encoder.parameters())
    assert all(p.grad is not None for p in model.decoder.parameters())


def test_the_mean_code_has_the_rate_of_its_posterior(x):
    model = plain()
    assert_close(model.infer(x, default=Mean()).rate, model.infer(x).rate)
