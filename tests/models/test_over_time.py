"""Steps after a latent of the whole sequence: f ~ N(0, 1), z_t ~ N(z_(t-1), 1), x_t ~ N(f + z_t, 1)."""

import pytest
import torch
from torch.distributions import kl_divergence
from torch.testing import assert_close

from models.graphs import normal
from vaekit.models import Carry, Cell, FromPrior, Model, Set, Walk, over_time

B, T, D = 3, 4, 2


class Drift(Cell):
    def initial(self, batch: int) -> Carry:
        return {"z": torch.zeros(batch, D)}

    def step(self, walk: Walk, carry: Carry) -> Carry:
        z = walk.latent("z", normal(carry["z"]), lambda: normal(walk.evidence["x"] - carry["f"], 0.5))
        walk.likelihood("x", normal(carry["f"] + z))
        return {"z": z}


class Static(Model):
    def __init__(self) -> None:
        super().__init__()
        self.cell = Drift()

    def evidence(self, data, context):
        return {"f": data["x"].mean(1), "steps": {"x": data["x"]}}

    def walk(self, walk: Walk) -> None:
        f = walk.latent("f", normal(torch.zeros(D)), lambda: normal(walk.evidence["f"], 0.3))
        steps = None if walk.evidence is None else walk.evidence["steps"]
        over_time(walk, self.cell, 6, steps, {"f": f})


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("samples", [None, 5])
def test_bound_and_weights_are_those_of_the_joint_density(samples):
    x = torch.randn(B, T, D)
    inference = Static().infer(x, samples=samples)
    f, z = inference.latents["f"].value, inference.latents["z"].value
    before = torch.cat([torch.zeros_like(z[..., :1, :]), z[..., :-1, :]], dim=-2)
    prior, posterior = normal(before), normal(x - f.unsqueeze(-2), 0.5)
    kl = kl_divergence(posterior, prior).sum(-1) + kl_divergence(normal(x.mean(1), 0.3), normal(torch.zeros(D)))
    log_x = normal(f.unsqueeze(-2) + z).log_prob(x).sum(-1)
    assert_close(inference.rate, kl)
    assert_close(inference.distortion, -log_x)
    log_q = posterior.log_prob(z).sum(-1) + normal(x.mean(1), 0.3).log_prob(f)
    log_p = prior.log_prob(z).sum(-1) + normal(torch.zeros(D)).log_prob(f)
    assert_close(inference.log_w(), log_x + log_p - log_q)


def test_the_sequence_s_own_latent_can_be_another_s():
    x, f = torch.randn(B, T, D), torch.randn(B, D)
    swapped = Static().infer(x, at={"f": Set(f)})
    assert_close(swapped.likelihoods["x"].distribution.mean, f[:, None] + swapped.latents["z"].value)
    assert_close(swapped.latents["z"].choice.steps[0].posterior.mean, x[:, 0] - f)


def test_steps_are_imagined_where_the_choice_says_so():
    generated = Static().generate(4000, at={"z": FromPrior()})
    assert generated.latents["z"].value.shape == (4000, 6, D)
    assert_close(generated.latents["z"].value[:, -1].var(), torch.tensor(6.0), atol=0.6, rtol=0)


def test_a_mask_cuts_what_does_not_exist():
    x, mask = torch.randn(B, T, D), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]]).bool()
    torch.manual_seed(1)
    whole = Static().infer({"x": x, "mask": mask}, default=FromPrior(0.0))
    assert_close(whole.distortion[1], -normal(torch.zeros(2, D)).log_prob(x[1, :2]).sum())
    assert_close(whole.distortion[2], -normal(torch.zeros(1, D)).log_prob(x[2, :1]).sum())
