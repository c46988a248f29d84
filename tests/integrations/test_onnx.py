"""Exported parts give the model's numbers in another runtime."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

import vaekit as vk
from vaekit.conditionals import Bernoulli, Gaussian
from vaekit.data import DataSpec, Domain
from vaekit.integrations import onnx
from vaekit.integrations.onnx import export_onnx
from vaekit.models import Model
from vaekit.networks import MLP
from vaekit.recipes import recipe

SPEC = DataSpec("d", (1, 8, 8), Domain.LEVELS, levels=17, classes=10)


def session(path):
    return pytest.importorskip("onnxruntime").InferenceSession(str(path))


@pytest.mark.slow
def test_a_vae_is_exported_whole_for_any_batch(tmp_path):
    model = recipe("vae")(SPEC, hidden=(16,), latent=3).model
    files = export_onnx(model, SPEC, tmp_path / "out")
    assert [path.name for path in files] == ["encoder.onnx", "decoder.onnx", "parts.json"]
    x = torch.rand(7, 1, 8, 8)
    loc, scale = session(files[0]).run(None, {"input": x.numpy()})
    q = model.eval().encode(x)
    assert_close(torch.from_numpy(loc), q.mean.detach(), atol=1e-4, rtol=1e-3)
    assert_close(torch.from_numpy(scale), q.stddev.detach(), atol=1e-4, rtol=1e-3)
    about = json.loads(files[2].read_text())
    assert about["parts"]["encoder"]["outputs"]["loc"] == {"dtype": "float32", "shape": ["batch", 3]}
    assert about["parts"]["decoder"]["head"] == "DiscretisedLogistic"


@pytest.mark.slow
def test_a_conditioned_model_takes_labels_as_they_are(tmp_path):
    spec = DataSpec("d", (1, 8, 8), Domain.LEVELS, levels=17, classes=10, context=())
    model = recipe("cvae")(spec, hidden=(16,), latent=3).model.eval()
    export_onnx(model, spec, tmp_path)
    z, labels = torch.randn(4, 3), torch.tensor([0, 3, 9, 3])
    feed = {"input": z.numpy(), "context": labels.numpy()}
    loc = session(tmp_path / "decoder.onnx").run(["loc"], feed)[0]
    expected = model.decode(z, labels).base_dist.loc.detach()
    assert_close(torch.from_numpy(loc), expected, atol=1e-4, rtol=1e-3)
    other = session(tmp_path / "decoder.onnx").run(["loc"], {**feed, "context": labels.numpy()[::-1].copy()})[0]
    assert not np.allclose(loc, other)


def test_a_model_without_parts_says_so(tmp_path):
    class Bare(Model):
        def walk(self, walk):
            walk.latent("z", vk.StandardNormal(1)())

    with pytest.raises(ValueError, match="Bare names no parts"):
        export_onnx(Bare(), SPEC, tmp_path / "out")
    assert not (tmp_path / "out").exists()


class Unsorted(nn.Module):
    """Something that ONNX has no operator for."""

    def forward(self, z):
        return torch.linalg.eigh(z[:, :, None] * z[:, None, :])[0]


@pytest.mark.slow
def test_a_part_that_onnx_has_no_operators_for_leaves_nothing_behind(tmp_path):
    """The encoder can be exported, the decoder cannot: neither appears."""
    decoder = Bernoulli(nn.Sequential(Unsorted(), MLP(3, 8)), (1, 8, 8), features=8)
    model = vk.VAE(vk.StandardNormal(3), Gaussian(MLP(64, 8), 3), decoder)
    with pytest.raises(ValueError, match=r"^decoder cannot be exported to ONNX: .+") as raised:
        export_onnx(model, SPEC, tmp_path / "deep" / "out")
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("broken", ["encoder", "decoder"])
def test_all_parts_appear_or_those_that_were_there_stay(tmp_path, monkeypatch, broken):
    model = recipe("vae")(SPEC, hidden=(16,), latent=3).model
    (tmp_path / "encoder.onnx").write_text("the old one")

    def written(part, spec, path):
        if path.stem == broken:
            raise ValueError("no")
        path.write_text("the new one")
        return {}

    monkeypatch.setattr(onnx, "written", written)
    monkeypatch.setattr(onnx, "find_spec", lambda name: True)
    with pytest.raises(ValueError, match="no"):
        export_onnx(model, SPEC, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["encoder.onnx"]
    assert (tmp_path / "encoder.onnx").read_text() == "the old one"
