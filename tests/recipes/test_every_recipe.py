import pytest
import torch
from torch.testing import assert_close

from recipes.rows import DRAWS, PICTURES_ALONE, SPECS, Row, first_step, rows
from vaekit.data import DataSpec, Domain
from vaekit.recipes import recipe, recipes

IDLE = {
    "bigan": {"decoder.scale.log_scale"},  # of the likelihood, which the game does not know
    "geometric-vae": {"decoder.log_weight"},  # until its centres are placed
}
ROWS = rows()
every = pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
every_plain = pytest.mark.parametrize("row", [r for r in ROWS.values() if not r.options], ids=lambda r: r.recipe)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@every
def test_the_first_loss_is_finite_and_one_for_each_example(row: Row):
    system = row.system()
    loss = first_step(system, row.batch(system))["loss"]
    assert loss.shape == (12,)
    assert loss.isfinite().all()


@every
def test_every_trained_parameter_gets_a_gradient_in_the_first_steps_once_the_warm_up_is_over(row: Row):
    system = row.system()
    batch, optimiser = row.batch(system, 64), torch.optim.Adam(system.model.parameters(), lr=1e-2)
    idle = {name: p for name, p in system.model.named_parameters() if name not in IDLE.get(row.recipe, ())}
    for _ in range(4):  # what stands behind a layer that starts at zero waits for that layer to move
        first_step(system, batch, clock=1 << 62)["loss"].mean().backward()
        if "decoder" in {phase.name for phase in system.phases}:  # it looks on, and is moved apart
            phase = next(phase for phase in system.phases if phase.name == "decoder")
            (1.0 * phase.objective)(system.model.infer(batch["x"], at=system.at(batch))).mean().backward()
        idle = {name: p for name, p in idle.items() if p.grad is None or not p.grad.abs().sum() > 0}
        optimiser.step()
        optimiser.zero_grad()
    assert list(idle) == []


@every
def test_a_batch_of_one_is_a_batch(row: Row):
    system = row.system()
    batch = row.batch(system, 1)
    loss = first_step(system, batch)["loss"]
    assert loss.shape == (1,)
    assert loss.isfinite().all()
    assert system.model.eval().reconstruct(batch["x"], batch.get("context")).shape == batch["x"].shape


@every
def test_double_precision_stays_double_and_gives_the_same_loss_without_noise(row: Row):
    if row.recipe in DRAWS:
        pytest.skip("what it reconstructs is a draw, or words")
    system = row.system()
    system.model.eval()
    x, context = (row.batch(system).get(name) for name in ("x", "context"))
    single = system.model.reconstruct(x, context)
    context = context.double() if context is not None and context.is_floating_point() else context
    double = system.model.double().reconstruct(x.double() if x.is_floating_point() else x, context)
    assert double.dtype is torch.float64
    assert_close(double, single.double(), atol=1e-5, rtol=1e-4)
    (1.0 * system.objective).double()
    batch = {"x": x.double()} | ({} if context is None else {"context": context})
    assert {t.dtype for t in first_step(system, batch).values()} == {torch.float64}


@every
def test_saved_weights_make_another_model_the_same(row: Row):
    one, other = row.system(seed=1), row.system(seed=2)
    batch = row.batch(one)
    assert not torch.equal(first_step(one, batch)["loss"], first_step(other, batch)["loss"])
    other.model.load_state_dict(one.model.state_dict())
    other.objective.load_state_dict(one.objective.state_dict())
    assert torch.equal(first_step(one, batch)["loss"], first_step(other, batch)["loss"])


@every
def test_a_few_steps_on_one_batch_lower_the_loss(row: Row):
    system = row.system()
    batch, optimiser = row.batch(system), torch.optim.Adam(system.model.parameters(), lr=1e-2)
    before = first_step(system, batch)["loss"].mean()
    for _ in range(10):
        optimiser.zero_grad()
        first_step(system, batch)["loss"].mean().backward()
        optimiser.step()
    assert first_step(system, batch)["loss"].mean() < before


@every
def test_samples_are_data(row: Row):
    system = row.system()
    batch = row.batch(system)
    latents = system.model.infer(batch["x"], batch.get("context")).latents
    if any(step.prior is None for latent in latents.values() for step in latent.steps):
        with pytest.raises(ValueError, match="latent 'z' has no prior to draw from"):
            system.model.sample(3)
        return
    three = row.batch(system, 3)
    x = system.model.eval().sample(3, system.model.context_of(three, three.get("context")))
    assert x.shape == (3, *row.spec.shape)
    grid = {Domain.BINARY: 1, Domain.LEVELS: (row.spec.levels or 1) - 1}.get(row.spec.domain)
    if grid is not None:
        assert_close(x * grid, (x * grid).round(), atol=1e-4, rtol=0)
        assert 0 <= x.min() <= x.max() <= 1


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_says_what_it_is_for_and_explains_every_option(name):
    chosen = recipe(name)
    assert chosen.summary.endswith(".")
    assert all(option.help for option in chosen.options.values())


def losses(name, step=0, training=True, spec="binary", **options):
    system = Row(name, SPECS[spec], options).system(seed=3)
    system.model.train(training)
    torch.manual_seed(4)
    batch, objective = Row(name, SPECS[spec]).batch(system), 1.0 * system.objective
    torch.manual_seed(5)
    return objective(system.model.infer(batch["x"], batch.get("context"), samples=objective.samples), step)


def test_beta_1_is_the_vae():
    assert_close(losses("beta-vae", beta=1.0), losses("vae"))


def test_beta_0_is_the_distortion_alone():
    assert (losses("vae") > losses("beta-vae", beta=0.0)).all()


def test_a_capacity_of_nothing_yet_weighs_the_rate_by_gamma():
    assert_close(losses("annealed-capacity-vae", gamma=7.0), losses("beta-vae", beta=7.0))


def test_a_capacity_above_the_rate_at_last_is_charged_from_above():
    rate = losses("beta-vae", beta=2.0) - losses("beta-vae", beta=1.0)
    at_last = losses("annealed-capacity-vae", step=10, capacity=500.0, gamma=2.0, capacity_steps=10)
    assert_close(at_last, losses("beta-vae", beta=0.0) + 2 * (500.0 - rate))


def test_more_draws_are_a_lower_loss_on_average():
    assert losses("iwae", samples=200).mean() < losses("iwae", samples=1).mean()


def test_a_denoising_autoencoder_that_is_not_trained_corrupts_nothing():
    assert_close(losses("denoising-autoencoder", training=False), losses("autoencoder"))
    assert not torch.allclose(losses("denoising-autoencoder", amount=0.9), losses("autoencoder"))


def test_free_bits_are_at_least_the_allowance_of_every_dimension():
    assert_close(losses("vae", free_bits=1000.0), losses("beta-vae", beta=0.0) + 2 * 1000.0)


def test_the_aggressive_option_adds_a_phase_of_the_encoder_alone():
    system = Row("vae", SPECS["binary"], {"aggressive": True}).system()
    (phase,) = system.phases
    assert {id(p) for p in phase.parameters()} == {id(p) for p in system.model.encoder.parameters()}
    assert Row("vae", SPECS["binary"]).system().phases == []


def test_the_learned_prior_moves_with_the_label():
    model = Row("cvae", SPECS["binary"], {"learned_prior": True}).system().model
    means = model.generate(context=torch.arange(4)).latents["z"].prior.mean
    assert len(means.unique(dim=0)) == 4


def test_cvae_takes_a_context_that_comes_with_the_data():
    spec = DataSpec("measured", (5,), Domain.REAL, context=(2, 3))
    system = recipe("cvae")(spec, latent=2, hidden=(8,))
    assert not system.on_labels
    x, context = torch.randn(6, 5), torch.randn(6, 2, 3)
    loss = (1.0 * system.objective)(system.model.infer(x, context))
    assert loss.shape == (6,)
    assert not torch.allclose(system.model.reconstruct(x, context), system.model.reconstruct(x, context + 1))


def test_cvae_without_labels_is_refused():
    with pytest.raises(ValueError, match="cvae needs labels or a context, and vectors has neither"):
        recipe("cvae")(DataSpec("vectors", (5,), Domain.REAL))


@pytest.mark.parametrize("name", sorted(PICTURES_ALONE))
def test_a_convolutional_recipe_refuses_vectors(name):
    with pytest.raises(ValueError, match=r"a convolutional model needs pictures .* got events \(5,\)"):
        recipe(name)(SPECS["vectors"])


@pytest.mark.parametrize("name", recipes())
def test_categories_are_refused_in_a_sentence(name):
    with pytest.raises(ValueError, match=r"reads numbers, not categories: give it one-hot columns|reads text, got"):
        recipe(name)(DataSpec("words", (1, 8, 8), Domain.CATEGORIES, levels=7, classes=4))
