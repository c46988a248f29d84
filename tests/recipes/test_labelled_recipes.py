"""The recipes with a label: which objective, which parameters a phase moves, and that hidden labels cannot matter."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from recipes.rows import SPECS, Row, first_step
from vaekit.data import DataSpec, Domain
from vaekit.models import Observe
from vaekit.recipes import recipe
from vaekit.training.step import Step

NAMES = ("m1", "m2", "m1-m2")


def system(name, **options):
    return Row(name, options.pop("spec", SPECS["binary"]), options).system()


@pytest.mark.parametrize("name", ["m2", "m1-m2"])
@pytest.mark.parametrize(("labelled", "weight"), [(None, 0.3), (1.0, 0.3), (0.002, 150.0)])
def test_classification_is_shared_among_the_examples_that_have_a_label(name, labelled, weight):
    spec = replace(SPECS["binary"], labelled=labelled)
    coefficients = system(name, spec=spec, alpha=0.3).objective.coefficients(1 << 40)
    assert coefficients == {"distortion": 1.0, "rate": 1.0, "classification": pytest.approx(weight)}


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_observed_where_they_are_known(name):
    built = system(name)
    (choice,) = built.at({"labels": torch.tensor([2, -1])}).values()
    assert isinstance(choice, Observe)
    assert choice.where.tolist() == [True, False]
    assert built.at({}) == {}
    whole = system(name, spec=replace(SPECS["binary"], labelled=None))
    assert whole.at({"labels": torch.tensor([2, 1])})["y"].where is None
    assert whole.at({}) == {}


@pytest.mark.parametrize("name", NAMES)
def test_fully_labelled_data_have_the_loss_of_partly_labelled_ones_without_a_gap(name):
    """Without the axis of labels: noise differs, and so the losses are compared on average."""
    labels, losses = torch.arange(400) % 4, []
    for labelled in (None, 1.0):
        built = system(name, spec=replace(SPECS["binary"], labelled=labelled))
        x = Row(name, SPECS["binary"]).batch(built, 400)["x"]
        losses.append(first_step(built, {"x": x, "labels": labels})["loss"])
    assert_close(
        losses[0].mean(), losses[1].mean(), rtol=0, atol=6 * float((losses[0] - losses[1]).detach().std()) / 20
    )
    assert (losses[0] - losses[1]).abs().max() < 1.0


def test_without_classification_labelled_rows_do_not_move_the_classifier():
    built = system("m2", alpha=0.0, falling_steps=0)
    batch = {**Row("m2", SPECS["binary"]).batch(built), "labels": torch.arange(12) % 4}
    first_step(built, batch)["loss"].mean().backward()
    assert all(p.grad is None or p.grad.abs().max() == 0 for p in built.model.classifier.parameters())


@pytest.mark.parametrize(("name", "below"), [("m1-m2", {"z1"}), ("m1", {"z"})])
def test_the_code_is_trained_as_a_vae_of_its_own(name, below):
    """Its phase has the loss of the vae with the same weights, and moves what the main phase leaves alone."""
    built, plain = system(name), Row("vae", SPECS["binary"]).system()
    plain.model.encoder.load_state_dict(built.model.encoder.state_dict())
    plain.model.decoder.load_state_dict(built.model.decoder.state_dict())
    (phase,) = built.phases
    batch = Row(name, SPECS["binary"]).batch(built)
    losses = []
    for model, objective, at in [(built.model, phase.objective, phase.at), (plain.model, plain.objective, None)]:
        torch.manual_seed(5)
        losses.append(Step(model, 1.0 * objective, at)(batch, (1.0 * objective).coefficients(0))["loss"])
    assert_close(*losses)
    moved = [{id(p) for m in modules for p in m.parameters()} for modules in (phase.modules, built.moves)]
    assert not moved[0] & moved[1]
    assert moved[0] | moved[1] == {id(p) for p in built.model.parameters()}


def test_the_main_phase_of_m1_and_m2_is_the_bound_of_the_whole_graph():
    built = system("m1-m2")
    x = Row("m1-m2", SPECS["binary"]).batch(built)["x"]
    torch.manual_seed(2)
    loss = first_step(built, {"x": x, "labels": torch.full((12,), -1)})["loss"]
    torch.manual_seed(7)
    assert_close(loss, -built.model.infer(x).elbo())


@pytest.mark.parametrize("name", NAMES)
def test_data_without_labels_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} needs data with labels of at least 2 classes, got vectors: 5 real"):
        recipe(name)(DataSpec("vectors", (5,), Domain.REAL))
    with pytest.raises(ValueError, match="of at least 2 classes, got vectors: 5 real, 1 classes"):
        recipe(name)(DataSpec("vectors", (5,), Domain.REAL, classes=1))
