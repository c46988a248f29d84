"""Weights of Inception are read from a file of the user's, whole or not at all, and nothing in it is executed."""

import os

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from vaekit.evaluation import Inception
from vaekit.networks import InceptionV3


@pytest.fixture(autouse=True)
def plain_float32():
    """As a user has it; the network is large."""
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module")
def state():
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    return {name: t for name, t in InceptionV3().state_dict().items() if "num_batches" not in name}


@pytest.fixture(scope="module")
def folder(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights")
    save_file(state, path / "fid.safetensors")
    torch.save(state, path / "fid.pth")
    return path


def test_both_kinds_of_file_give_the_network_with_these_weights(folder, state):
    network = InceptionV3()
    network.load_state_dict(state, strict=False)
    x = torch.rand(1, 1, 16, 16)
    expected = network.eval()(x)
    for name in ("fid.safetensors", "fid.pth"):
        features = Inception(folder / name)
        assert torch.equal(features.train()(x), expected)
        assert not any(p.requires_grad for p in features.parameters())
    assert features.title(50_000) == "FID (Inception, 50,000 samples)"


def test_numbers_of_batches_in_the_file_are_passed_over(folder, state, tmp_path):
    torch.save({**state, "Conv2d_1a_3x3.bn.num_batches_tracked": torch.tensor(3)}, tmp_path / "more.pth")
    Inception(tmp_path / "more.pth")


def refusal(path):
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        Inception(path)
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_weights_of_another_network_are_refused_by_name_or_shape(state, tmp_path):
    save_file({"layer": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    assert "1 do not belong, layer first" in refusal(tmp_path / "foreign.safetensors")
    of_imagenet = {**state, "fc.weight": torch.zeros(1000, 2048)}
    torch.save(of_imagenet, tmp_path / "imagenet.pth")
    assert "fc.weight must have the shape (1008, 2048), got (1000, 2048)" in refusal(tmp_path / "imagenet.pth")
    del of_imagenet["fc.weight"]
    torch.save(of_imagenet, tmp_path / "headless.pth")
    assert "1 are missing, fc.weight first" in refusal(tmp_path / "headless.pth")


def test_a_file_that_is_no_state_is_refused(tmp_path):
    assert "weights must name a file that is there" in refusal(tmp_path / "nowhere.pth")
    for name in ("text.pth", "text.safetensors"):
        (tmp_path / name).write_text("weights")
        assert "weights must be a whole .safetensors or a state of torch" in refusal(tmp_path / name)
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    assert "weights must be a state, tensors by name, got list" in refusal(tmp_path / "list.pth")


def test_a_truncated_file_is_refused(folder, tmp_path):
    for name in ("fid.pth", "fid.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes()[:100_000])
        assert "weights must be a whole .safetensors or a state of torch" in refusal(tmp_path / name)


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("old", [False, True])
def test_nothing_in_a_pickle_is_executed(tmp_path, old):
    torch.save({"a": Bomb(str(tmp_path / "made"))}, tmp_path / "bomb.pth", _use_new_zipfile_serialization=not old)
    torch.save(nn.Linear(1, 1), tmp_path / "module.pth", _use_new_zipfile_serialization=not old)
    for name in ("bomb.pth", "module.pth"):
        assert "weights must be a whole .safetensors or a state of torch" in refusal(tmp_path / name)
    assert not (tmp_path / "made").exists()
