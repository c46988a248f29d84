"""What a person and the table are told of several latents while a model trains."""

import pytest
import torch
from models.small_hierarchy import hierarchy

import vaekit as vk
from vaekit.training import Silent
from vaekit.training.progress import announced
from vaekit.training.step import Step
from vaekit.training.validation import validate


@pytest.fixture(scope="module")
def valid():
    return vk.data.open("digits", binarise="fixed", limit=200).valid


def test_the_rates_of_single_latents_are_averages_over_the_validation_examples(valid):
    model = hierarchy(2, 3)
    torch.manual_seed(0)
    found = validate(Step(model, vk.Distortion() + vk.Rate()), valid, torch.device("cpu"))
    torch.manual_seed(0)
    with torch.no_grad():
        inference = model.eval().infer(valid.batch(torch.arange(len(valid)))["x"])
    for name, latent in inference.latents.items():
        assert found.row()[f"valid/rate:{name}"] == pytest.approx(float(latent.rate().mean()), rel=1e-5)


def test_one_latent_alone_has_no_rate_of_its_own_beside_the_rate(valid):
    found = validate(Step(hierarchy(2), vk.Distortion() + vk.Rate()), valid, torch.device("cpu"))
    assert [name for name in found.row() if name.startswith("valid/rate")] == ["valid/rate"]


def test_a_term_of_one_latent_is_not_written_over(valid):
    objective = vk.Distortion() + vk.Rate("z1", free_bits=3.0) + vk.Rate("z2")
    found = validate(Step(hierarchy(2, 3), objective), valid, torch.device("cpu"))
    assert found.row()["valid/rate:z1"] >= 6.0


def test_a_line_of_progress_holds_the_rate_and_not_that_of_forty_latents():
    row = {"valid/rate": 9.0, **{f"valid/rate:z{i}": 0.1 for i in range(40)}, "valid/active:z1": 2}
    assert announced(row) == "valid: rate 9.00"
    assert announced({"train/distortion": 3.0, "train/rate:y": 2.0}) == "train: distortion 3.00  rate:y 2.00"


def test_collapsing_latents_are_named_in_one_sentence(tmp_path):
    said = []

    class Listens(Silent):
        def note(self, text):
            said.append(text)

    model = hierarchy(2, 3)
    for part in (model.bottom_up, *(level.below for level in model.levels)):
        for parameter in part.parameters():
            parameter.data.zero_()  # nothing of x reaches a latent, nothing of a latent the one below
    data = vk.data.open("digits", binarise="fixed", limit=200)
    plan = {"epochs": 1, "lr": 1e-9, "accelerator": "cpu"}
    vk.fit(model, vk.Distortion() + vk.Rate(), data, folder=tmp_path / "run", report=Listens(), **plan)
    warnings = [text for text in said if "are collapsing:" in text]
    assert len(warnings) == 1
    assert "latents z1, z2 are collapsing: none of their dimensions varies with x" in warnings[0]
