"""The conditional VAE on what it can be conditioned on: labels, vectors, sequences, a part of the picture."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from recipes.rows import CONTEXTS, SPECS, Row, first_step
from vaekit.data import DataSpec, Domain
from vaekit.integrations.onnx import export_onnx
from vaekit.networks import quadrants
from vaekit.priors import StandardNormal
from vaekit.recipes import recipe
from vaekit.training.step import Step

SMALL = {"latent": 2, "hidden": (8,), "width": 8}
CONDITIONED = {
    "a quadrant": Row("cvae", SPECS["binary"], {"observed_quadrants": 1}),
    "captions": Row("cvae", CONTEXTS["captions"]),
    "features": Row("cvae", CONTEXTS["features"]),
}
every = pytest.mark.parametrize("row", CONDITIONED.values(), ids=list(CONDITIONED))


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("observed", [1, 2, 3])
def test_quadrants_that_are_observed_cost_nothing_and_are_not_changed(observed):
    model = recipe("cvae")(SPECS["binary"], observed_quadrants=observed, **SMALL).model
    x, mask = torch.randint(2, (5, 1, 8, 8)).float(), quadrants((1, 8, 8), observed)
    p_x = model.infer(x).likelihoods["x"]
    assert (p_x.elements()[:, mask] == 0).all()
    assert (p_x.elements()[:, ~mask] < 0).all()
    assert torch.equal(model.sample(context=x)[:, mask], x[:, mask])


def test_the_prior_is_learned_for_quadrants_and_sequences_unless_it_is_refused():
    quadrant, captions, labels = ({"observed_quadrants": 1}, {}, {})
    specs = SPECS["binary"], CONTEXTS["captions"], SPECS["binary"]
    for spec, options, learned in zip(specs, (quadrant, captions, labels), (True, True, False), strict=True):
        asked = recipe("cvae")(spec, **options, **SMALL).model.prior
        assert isinstance(asked, StandardNormal) != learned
        other = recipe("cvae")(spec, learned_prior=not learned, **options, **SMALL).model.prior
        assert isinstance(other, StandardNormal) == learned


def test_tokens_behind_the_end_of_a_caption_change_nothing():
    model = recipe("cvae")(CONTEXTS["captions"], **SMALL).model.double()
    x = torch.randint(2, (4, 1, 8, 8)).double()
    short = torch.tensor([[0, 1, -1]] * 4)
    for other in (torch.tensor([[0, 1, -7]] * 4), short[:, :2], torch.cat([short, short.new_full((4, 5), -1)], 1)):
        torch.manual_seed(1)
        one = model.infer(x, short)
        torch.manual_seed(1)
        two = model.infer(x, other)
        assert_close(one.distortion, two.distortion, rtol=1e-12, atol=1e-12)
        assert_close(one.rate, two.rate, rtol=1e-12, atol=1e-12)


def test_encoder_prior_and_decoder_all_read_the_caption():
    model = recipe("cvae")(CONTEXTS["captions"], **SMALL).model
    x, one, other = torch.zeros(1, 1, 8, 8), torch.tensor([[0, 1, 2]]), torch.tensor([[0, 1, 3]])
    assert not torch.equal(model.encode(x, one).mean, model.encode(x, other).mean)
    priors = [model.generate(context=c).latents["z"].prior.mean for c in (one, other)]
    assert not torch.equal(*priors)
    z = torch.zeros(1, 2)
    assert not torch.equal(model.decode(z, one).mean, model.decode(z, other).mean)


def test_a_context_of_two_axes_is_looked_up_in_unless_it_is_to_be_flat():
    spec = replace(SPECS["vectors"], context=(3, 2))
    flat = recipe("cvae")(spec, conditioning="flat", latent=2, hidden=(8,)).model
    assert flat.context(torch.zeros(4, 3, 2)).shape == (4, 6)
    assert recipe("cvae")(spec, **SMALL).model.context(torch.zeros(4, 3, 2)).shape == (4, 1 + 3, 8)


def test_whole_numbers_are_read_as_numbers_where_the_context_is_to_be_flat():
    attributes = replace(SPECS["vectors"], context=(3,), vocabulary=2)
    torch.manual_seed(0)
    whole = recipe("cvae")(attributes, conditioning="flat", latent=2, hidden=(8,)).model.double()
    torch.manual_seed(0)
    real = recipe("cvae")(replace(attributes, vocabulary=None), latent=2, hidden=(8,)).model.double()
    c, x = torch.tensor([[-1, 1, 1], [1, -1, 1]]), torch.zeros(2, 5).double()
    assert_close(whole.encode(x, c).mean, real.encode(x, c.double()).mean)
    assert (whole.encode(x, c).mean != whole.encode(x, c.clamp(0)).mean).any(1).all()


def test_tokens_are_looked_up_unless_they_are_to_be_flat():
    assert recipe("cvae")(CONTEXTS["captions"], **SMALL).model.context(torch.zeros(2, 3).long()).ndim == 3


REFUSED = {
    "no quadrants": (SPECS["binary"], {"observed_quadrants": 0}, "observed_quadrants must be at least 1, got 0"),
    "all quadrants": (SPECS["binary"], {"observed_quadrants": 4}, "observed_quadrants must be at most 3, got 4"),
    "quadrants of vectors": (
        SPECS["vectors"],
        {"observed_quadrants": 1},
        r"observed_quadrants needs pictures \(channels, height, width\), got events \(5,\)",
    ),
    "quadrants beside a context": (
        CONTEXTS["captions"],
        {"observed_quadrants": 1},
        "observed_quadrants makes a picture its own context, but captions brings one",
    ),
    "attention to a vector": (
        CONTEXTS["measurements"],
        {"conditioning": "attention"},
        r"attention needs a context of tokens .* measurements has \(2,\)",
    ),
    "attention to a label": (SPECS["binary"], {"conditioning": "attention"}, "attention needs a context of tokens"),
    "a width for no four heads": (CONTEXTS["captions"], {"width": 10}, "width must be a multiple of 4, got 10"),
    "a likelihood of pixels together": (
        replace(SPECS["levels"], levels=16),
        {"observed_quadrants": 1, "likelihood": "discretised-logistic-mixture"},
        "observed needs a likelihood that prices each element alone",
    ),
}


@pytest.mark.parametrize(("spec", "options", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_conditioned_on_is_refused_in_a_sentence(spec, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        recipe("cvae")(spec, **options)


def test_pictures_of_odd_sides_have_quadrants_too():
    spec = DataSpec("odd", (3, 7, 5), Domain.UNIT)
    system = recipe("cvae")(spec, observed_quadrants=2, **SMALL)
    assert system.model.infer(torch.rand(4, 3, 7, 5)).elbo().isfinite().all()


@pytest.mark.slow
@every
def test_a_step_is_one_compiled_graph_with_the_eager_loss(row):
    torch.compiler.reset()
    system = row.system()
    batch, step = row.batch(system), Step(system.model, 1.0 * system.objective, system.at)
    compiled = torch.compile(step, fullgraph=True, options={"fallback_random": True})
    assert_close(first_step(system, batch, compiled), first_step(system, batch, step), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@every
def test_the_parts_are_exported_with_what_they_are_conditioned_on(row, tmp_path):
    pytest.importorskip("onnxruntime")
    system = row.system()
    files = export_onnx(system.model, row.spec, tmp_path / "onnx")
    assert [file.name for file in files] == ["encoder.onnx", "decoder.onnx", "parts.json"]
