"""The deviation that a sigma-vae finds, against that of the data."""

import pytest
import torch

import vaekit as vk
from vaekit.data import DataSpec, Domain


@pytest.mark.parametrize("learned", [False, True])
def test_the_deviation_is_that_of_the_noise(tmp_path, learned):
    generator = torch.Generator().manual_seed(0)
    loading = torch.randn(2, 8, generator=generator)
    x = torch.randn(2000, 2, generator=generator) @ loading + 0.5 * torch.randn(2000, 8, generator=generator)
    data = vk.data.open(x.numpy(), standardise=False, seed=0)
    arguments = {"latent": 2, "hidden": (32,), "learned": learned}
    plan = {"steps": 600, "lr": 5e-3, "patience": 0, "report": vk.Silent()}
    run = vk.train("sigma-vae", data, folder=tmp_path / "run", arguments=arguments, **plan)
    found = float(run.model.decode(torch.zeros(1, 2)).stddev.mean())
    assert found == pytest.approx(0.5, rel=0.1)


def test_levels_are_refused_with_what_to_do():
    with pytest.raises(
        ValueError, match=r"sigma-vae has a normal likelihood, .* give levels as numbers \(dequantise=True"
    ):
        vk.recipe("sigma-vae")(DataSpec("grey", (1, 8, 8), Domain.LEVELS, levels=16))
