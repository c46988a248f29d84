"""The loop: phases, noise by example, averages, stopping."""

import math

import pytest
import torch
from torch.testing import assert_close

import vaekit.data
from vaekit.conditionals import Bernoulli, Gaussian
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.objectives import Distortion, Linear, Objective, Rate, Term
from vaekit.priors import StandardNormal
from vaekit.training import (
    Adam,
    Aggressive,
    Broken,
    Checkpoints,
    Metrics,
    Phase,
    Plan,
    Repeat,
    Silent,
    Trainer,
    plan_from,
)


@pytest.fixture(scope="module")
def digits() -> vaekit.data.Data:
    return vaekit.data.open("digits", binarise="visit", limit=300)


def small_vae(seed: int = 0) -> VAE:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        encoder = Gaussian(MLP(64, 16), 4)
        return VAE(StandardNormal(4), encoder, Bernoulli(MLP(4, 16), (1, 8, 8)))


def trained(data, model=None, objective=None, phases=(), **options) -> Trainer:
    model = model or small_vae()
    plan = plan_from({"epochs": 2, "batch_size": 50, "accelerator": "cpu", **options})
    main = Phase("train", 1.0 * (objective or Distortion() + Rate()), [model], plan.optimiser)
    trainer = Trainer(model, [*phases, main], data, plan)
    trainer.run()
    return trainer


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(digits):
    first, again, other = trained(digits), trained(digits), trained(digits, seed=1)
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_the_callers_random_numbers_are_left_alone(digits):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trained(digits)
    assert torch.equal(torch.rand(3), expected)


def test_a_batch_in_pieces_gives_the_gradients_of_the_whole(digits):
    whole, pieces = trained(digits, epochs=1), trained(digits, epochs=1, accumulate=3)
    assert_close(weights(whole), weights(pieces), rtol=1e-4, atol=1e-5)


def test_pieces_without_shared_noise_would_not(digits):
    """The negative control of the test above: other noise moves the weights by far more than its tolerance."""
    whole, other = trained(digits, epochs=1), trained(digits, epochs=1, seed=1)
    assert (weights(whole) - weights(other)).abs().max() > 1e-3


def test_one_step_of_the_loop_is_the_step_by_hand(digits):
    """Full batch, one epoch: SGD-free check that Adam's first step moves every weight by lr against its sign."""
    model = small_vae()
    before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    data = vaekit.data.open(digits.train.x[:40].numpy() > 7, valid=0)
    trainer = trained(data, model, epochs=1, batch_size=40, lr=1e-3)
    moved = weights(trainer) - before
    assert_close(moved.abs()[moved != 0], torch.full_like(moved[moved != 0], 1e-3), rtol=1e-2, atol=1e-5)


def test_epoch_figures_average_over_examples_not_batches():
    """250 rows in batches of 100 (the last of 50): the mean of a term that is the row's own number."""

    class Own(Term):
        def __init__(self):
            super().__init__("own")

        def forward(self, inference, coefficients):
            return inference.data["x"].flatten(1).sum(1) + 0 * inference.distortion

    x = (torch.arange(250).float()[:, None].expand(250, 3) / 250).numpy().copy()
    data = vaekit.data.open(x, valid=0, domain="real")
    model = VAE(StandardNormal(1), Gaussian(MLP(3), 1), Gaussian(MLP(1), 3))
    trainer = trained(data, model, Own() + 1e-9 * Rate(), batch_size=100, epochs=1)
    assert trainer.metrics.rows[0]["train/own"] == pytest.approx(float(x.sum(1).mean()), rel=1e-6)


def test_a_scheduled_weight_is_applied_and_terms_are_logged_unweighted(digits):
    trainer = trained(digits, objective=Distortion() + Linear(0.0, 1.0, steps=1000) * Rate(), epochs=1)
    row = trainer.metrics.rows[0]
    assert row["train/rate"] > 0
    assert row["train/loss"] - row["train/distortion"] < 0.01 * row["train/rate"]
    assert row["valid/loss"] == pytest.approx(row["valid/distortion"] + row["valid/rate"], rel=1e-5)


DECAY = 0.3


def averaged(digits, model, phases) -> tuple[Trainer, torch.Tensor, torch.Tensor]:
    """A run of an epoch: the trainer, its averages, and the recursion over the weights that each step left."""
    seen = []

    class Watch(Silent):
        def step(self, done):
            seen.append(weights(trainer))

    plan = plan_from({"epochs": 1, "batch_size": 50, "ema": DECAY, "accelerator": "cpu"})
    trainer = Trainer(model, phases, digits, plan, report=Watch())
    expected = weights(trainer)
    trainer.run()
    for t, now in enumerate(seen, 1):
        d = min(DECAY, (1 + t) / (10 + t))
        expected = d * expected + (1 - d) * now
    found = trainer.averaged_weights()
    return trainer, torch.cat([found[name].flatten() for name, _ in model.named_parameters()]), expected


def test_weight_averages_follow_their_recursion(digits):
    model = small_vae()
    trainer, found, expected = averaged(digits, model, [Phase("train", Distortion() + Rate(), [model])])
    assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(found, weights(trainer), rtol=1e-4, atol=1e-6)


def test_weights_that_another_phase_moves_are_averaged_once_in_a_round(digits):
    model, objective = small_vae(), Distortion() + Rate()
    phases = [Phase("both", objective, [model], rule=Repeat(2)), Phase("train", objective, [model.decoder])]
    trainer, found, expected = averaged(digits, model, phases)
    assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(found, weights(trainer), rtol=1e-4, atol=1e-6)


def test_a_resumed_run_of_several_phases_has_the_averages_of_one_that_never_stopped(digits, tmp_path):
    def run(folder, epochs):
        model, objective = small_vae(), Distortion() + Rate()
        plan = plan_from({"epochs": epochs, "batch_size": 50, "ema": 0.9, "accelerator": "cpu"})
        phases = [Phase("code", objective, [model.encoder]), Phase("train", objective, [model.decoder])]
        trainer = Trainer(model, phases, digits, plan, checkpoints=Checkpoints(folder / "checkpoint"))
        trainer.resume()
        trainer.run()
        return trainer.averaged_weights()

    run(tmp_path / "apart", 1)
    apart, whole = run(tmp_path / "apart", 2), run(tmp_path / "whole", 2)
    assert all(torch.equal(apart[name], t) for name, t in whole.items())


def test_warm_up_and_decay_follow_their_formula():
    adam = Adam(lr=2.0, warmup=4, decay=True)
    assert [adam.rate(step, 104) for step in (0, 1, 3)] == [0.5, 1.0, 2.0]
    assert adam.rate(54, 104) == pytest.approx(2.0 * (1 + math.cos(math.pi / 2)) / 2)
    assert adam.rate(104, 104) == pytest.approx(0.0)


def test_clipping_bounds_the_norm_that_the_optimiser_sees(digits, monkeypatch):
    norms = []
    step = torch.optim.Adam.step

    def watching(self, *args, **kwargs):
        grads = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(torch.cat([g.flatten() for g in grads]).norm().item())
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", watching)
    trained(digits, clip=0.1, epochs=1)
    assert norms
    assert max(norms) <= 0.1 + 1e-5


def test_early_stopping_stops_when_the_bound_no_longer_improves(digits):
    trainer = trained(digits, epochs=400, patience=3, lr=0.05)
    assert trainer.position.epoch < 400
    bounds = [row["valid/loss"] for row in trainer.metrics.rows]
    assert bounds.index(min(bounds)) == len(bounds) - 1 - 3


def test_a_broken_term_stops_the_run_and_is_named(digits):
    class Breaks(Term):
        def __init__(self):
            super().__init__("breaks")
            self.calls = 0

        def forward(self, inference, coefficients):
            self.calls += 1
            return inference.rate * (math.nan if self.calls > 3 else 1.0)

    with pytest.raises(Broken, match="step 3 of phase 'train': the term 'breaks' is nan"):
        trained(digits, objective=Distortion() + Breaks())


def test_a_broken_run_keeps_its_last_good_checkpoint(digits, tmp_path):
    class Breaks(Term):
        def __init__(self):
            super().__init__("breaks")
            self.calls = 0

        def forward(self, inference, coefficients):
            self.calls += 1
            return inference.rate * (math.inf if self.calls > 4 else 1.0)

    model = small_vae()
    plan = plan_from({"epochs": 3, "batch_size": 50, "checkpoint_seconds": 1e-9, "accelerator": "cpu"})
    phases = [Phase("train", Distortion() + Breaks(), [model])]
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    trainer = Trainer(model, phases, digits, plan, checkpoints=checkpoints, metrics=Metrics(tmp_path / "m.csv"))
    with pytest.raises(Broken, match="last good checkpoint is of step 4"):
        trainer.run()
    saved = checkpoints.latest()
    assert saved is not None
    assert all(t.isfinite().all() for t in saved[0].values())


def test_each_phase_moves_its_own_parameters_and_no_others(digits):
    model = small_vae()
    objective = Distortion() + Rate()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trained(digits, model, phases=[], epochs=1)
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == set(before)

    model = small_vae()
    plan = plan_from({"epochs": 1, "batch_size": 50, "accelerator": "cpu"})
    Trainer(model, [Phase("encoder", objective, [model.encoder])], digits, plan).run()
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name in before if name.startswith("encoder")}


def test_aggressive_training_steps_the_encoder_until_it_stops_gaining():
    rule = Aggressive(most=100, window=5)
    falling = [100.0 - i for i in range(100)]
    assert all(rule.another(falling[:n]) for n in range(100))
    assert not rule.another(falling)
    flat = [100.0 - i for i in range(10)] + [90.0] * 10
    assert rule.another(flat[:10])
    assert not rule.another(flat[:20])


def test_aggressive_training_ends_for_good_when_information_no_longer_rises(digits):
    rule = Aggressive()
    for information, on in ((1.0, True), (2.0, True), (1.9, False), (5.0, False)):
        rule.end_epoch(lambda i=information: i)
        assert rule.on is on
    assert not rule.another([])

    model, objective = small_vae(), Distortion() + Rate()
    rule = Aggressive(most=20, window=5)
    trainer = trained(
        digits, model, objective, phases=[Phase("encoder", objective, [model.encoder], Adam(0.01), rule)], lr=0.01
    )
    assert trainer.position.steps["encoder"] >= 10 * 2
    assert rule.information > 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"batch_size": 10_000}, "batch_size must be at most the"),
        ({"lr": 0.0}, "lr must be a finite number above 0"),
        ({"ema": 1.5}, "ema must lie between 0 and 1"),
        ({"precision": "fp8"}, "precision must be one of"),
        ({"epoch": 3}, "did you mean epochs"),
        ({"clip": -1.0}, "clip must be a finite number above 0"),
        ({"batch_size": 2, "accumulate": 3}, "cannot be cut"),
        ({"batch_size": 52, "accumulate": 4}, "the last batch of an epoch has 2 examples, too few"),
        pytest.param(
            {"accelerator": "cuda"},
            "accelerator 'cuda' with 1 devices",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device"),
        ),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_a_sentence(digits, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        trained(digits, **options)


def test_repeat_takes_its_number_of_steps():
    rule = Repeat(3)
    assert [rule.another([0.0] * n) for n in range(5)] == [True, True, True, False, False]


def test_a_plan_reads_back_from_its_record():
    plan = plan_from({"epochs": 3, "lr": 0.5, "warmup": 7, "ema": 0.9})
    assert Plan.from_dict(plan.to_dict()) == plan


def test_objectives_are_remade_from_their_summands(digits):
    objective = Distortion() + 2.0 * Rate()
    assert isinstance(objective, Objective)
    assert objective.coefficients(0) == {"distortion": 1.0, "rate": 2.0}


def test_double_precision_trains_validates_and_measures_information(digits):
    objective, model = Distortion() + Rate(), small_vae()
    rule = Aggressive(most=20, window=5)
    encoder = Phase("encoder", objective, [model.encoder], Adam(0.01), rule)
    trainer = trained(digits, model, objective, phases=[encoder], precision="64-true")
    assert weights(trainer).dtype == torch.float64
    assert math.isfinite(trainer.metrics.rows[-1]["valid/loss"])


def test_half_precision_products_stay_near_full_precision(digits):
    full, half = trained(digits), trained(digits, precision="bf16-mixed")
    assert half.metrics.rows[-1]["train/loss"] == pytest.approx(full.metrics.rows[-1]["train/loss"], rel=0.02)
    assert weights(half).dtype == torch.float32
