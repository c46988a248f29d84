"""Which parts a run moves, and what its phases observe."""

import pytest
import torch

import vaekit as vk
from vaekit.training import Silent

QUICK = {"epochs": 1, "batch_size": 50, "accelerator": "cpu", "report": Silent()}


@pytest.fixture(scope="module")
def digits() -> vk.data.Data:
    return vk.data.open("digits", binarise="visit", limit=300, labels_per_class=3)


def composed() -> vk.LabelFromCode:
    torch.manual_seed(0)
    return vk.LabelFromCode(
        vk.StandardNormal(2),
        vk.Gaussian(vk.MLP(64, 8), 2),
        vk.Bernoulli(vk.MLP(2, 8), (1, 8, 8)),
        vk.Categorical(vk.MLP(2, 8), (), 10),
    )


def changed(before: vk.Model, after: vk.Model) -> set[str]:
    was = before.state_dict()
    return {name.split(".")[0] for name, t in after.state_dict().items() if not torch.equal(t, was[name])}


def observed(batch):
    return {"y": vk.Observe(batch["labels"].clamp_min(0), where=batch["labels"] >= 0)}


def test_the_main_phase_moves_the_modules_that_are_named_and_no_others(digits, tmp_path):
    model = composed()
    vk.fit(model, 1.0 * vk.Rate(), digits, folder=tmp_path / "r", moves=[model.classifier], at=observed, **QUICK)
    assert changed(composed(), model) == {"classifier"}


def test_a_phase_may_observe_other_things_than_the_run(digits, tmp_path):
    """The classifier learns from observed labels alone: a phase that observes none leaves it where it was."""
    seen = {}
    for name, at in (("as the run", None), ("nothing", lambda batch: {"y": vk.Draw()})):
        model = composed()
        phase = vk.Phase("label", 1.0 * vk.Rate("y"), [model.classifier], at=at)
        options = {"phases": [phase], "moves": [model.decoder], "at": observed, **QUICK}
        vk.fit(model, vk.Distortion() + vk.Rate("z"), digits, folder=tmp_path / name, **options)
        seen[name] = changed(composed(), model)
    assert seen == {"as the run": {"decoder", "classifier"}, "nothing": {"decoder"}}


def test_rows_that_are_repeated_are_recorded_as_the_data_were_and_resumed_with(digits, tmp_path):
    run = vk.fit(composed(), vk.Distortion() + vk.Rate(), digits, folder=tmp_path / "r", labelled_share=0.5, **QUICK)
    assert run.record["examples"]["train"]["count"] == len(digits.train)
    steps = run.metrics[-1]["step"]
    assert steps == -(-len(digits.train.with_labelled_share(0.5)) // 50) > -(-len(digits.train) // 50)


def test_what_training_observed_is_not_observed_when_the_run_is_asked(digits, tmp_path):
    """The labels of the test split are those of the batch, so observing them would show in its figures."""
    model = composed()
    run = vk.fit(model, vk.Distortion() + vk.Rate(), digits, folder=tmp_path / "r", at=observed, **QUICK)
    assert run.at is None
    asked = run.evaluate(samples=2)
    assert asked.rates["y"].value == pytest.approx(0, abs=1e-6)  # an observed label would cost -log p(y|z)


@pytest.mark.parametrize("own", [None, vk.Adam(0.01)])
def test_a_phase_without_an_optimiser_follows_the_learning_rate_of_the_run(digits, tmp_path, own):
    """Adam moves no weight by much more than its learning rate in a step."""
    model, begun = composed(), composed().decoder.state_dict()
    phase = vk.Phase("code", vk.Distortion() + vk.Rate("z"), [model.decoder], own)
    vk.fit(model, 1.0 * vk.Rate("y"), digits, folder=tmp_path / "r", phases=[phase], lr=1e-9, at=observed, **QUICK)
    furthest = max(float((t - begun[name]).abs().max()) for name, t in model.decoder.state_dict().items())
    assert (furthest < 1e-6) == (own is None)
