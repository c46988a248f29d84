"""The optimisers that a phase can be moved by."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

import vaekit as vk
from vaekit.training import Adam, Callback, Silent


def moved(adam: Adam, gradients: np.ndarray) -> np.ndarray:
    """A parameter from 1 after steps with these gradients, (T, D) -> (D,)."""
    p = nn.Parameter(torch.ones(gradients.shape[1], dtype=torch.float64))
    optimiser = adam.build([p])
    for g in gradients:
        p.grad = torch.tensor(g)
        optimiser.step()
    return p.detach().numpy()


def adamax(gradients: np.ndarray, lr: float, betas: tuple[float, float], eps: float, decay: float) -> np.ndarray:
    """Kingma & Ba 2015, algorithm 2, with eps added to the gradient's size and the decay to the gradient."""
    x, m, u = np.ones(gradients.shape[1]), 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        g = g + decay * x
        m = betas[0] * m + (1 - betas[0]) * g
        u = np.maximum(betas[1] * u, np.abs(g) + eps)
        x = x - lr / (1 - betas[0] ** t) * m / u
    return x


def test_adamax_is_the_papers_algorithm():
    gradients = np.random.default_rng(0).normal(size=(20, 5))
    given = {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3}
    ours = moved(Adam(adamax=True, weight_decay=0.1, **given), gradients)
    np.testing.assert_allclose(ours, adamax(gradients, 0.02, (0.8, 0.95), 1e-3, 0.1), rtol=1e-10)
    assert np.abs(ours - moved(Adam(weight_decay=0.1, **given), gradients)).max() > 1e-3


def test_the_decay_of_the_rate_ends_where_it_is_told():
    adam = Adam(lr=1e-2, warmup=4, decay=True, end_lr=1e-4)
    assert adam.rate(1, 104) == pytest.approx(5e-3)
    assert adam.rate(3, 104) == pytest.approx(1e-2)
    assert adam.rate(54, 104) == pytest.approx((1e-2 + 1e-4) / 2)
    assert adam.rate(29, 104) == pytest.approx(1e-4 + (1e-2 - 1e-4) * (1 + math.cos(math.pi / 4)) / 2)
    assert adam.rate(104, 104) == adam.rate(1 << 40, 104) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"lr": 1e-3, "end_lr": 1e-2, "decay": True}, "end_lr must lie between 0 and lr, which is 0.001, got 0.01"),
        ({"end_lr": -1e-4, "decay": True}, "end_lr must lie between 0 and lr"),
        ({"end_lr": math.nan, "decay": True}, "end_lr must lie between 0 and lr"),
        ({"end_lr": 1e-4}, "end_lr is where the decay of the learning rate ends: set decay too, got 0.0001"),
        ({"eps": -1.0}, "eps must be a finite number of 0 or more, got -1.0"),
        ({"betas": (0.9, 1.0)}, r"betas must lie in \[0, 1\)"),
    ],
)
def test_an_optimiser_that_cannot_be_is_refused_in_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Adam(**options)


class Interrupts(Callback):
    def on_step(self, trainer, step, loss):
        if step == 7:
            raise RuntimeError("stopped")


def test_a_run_under_adamax_is_recorded_and_taken_up_to_the_same_weights(tmp_path):
    data = vk.data.open("digits", binarise="visit", limit=250, valid=50)
    plan = {
        "epochs": 3,
        "batch_size": 50,
        "adamax": True,
        "decay": True,
        "end_lr": 1e-4,
        "lr": 1e-2,
        "betas": (0.9, 0.99),
    }
    arguments, quiet = {"latent": 2, "hidden": (8,)}, {"report": Silent(), "accelerator": "cpu"}
    unbroken = vk.train("vae", data, folder=tmp_path / "one", arguments=arguments, **quiet, **plan)
    with pytest.raises(RuntimeError, match="stopped"):
        vk.train("vae", data, folder=tmp_path / "two", arguments=arguments, callbacks=[Interrupts()], **quiet, **plan)
    resumed = vk.resume(tmp_path / "two", report=Silent())
    assert resumed.record["plan"]["optimiser"]["adamax"] is True
    assert resumed.record["plan"]["optimiser"]["betas"] == [0.9, 0.99]
    assert resumed.metrics == unbroken.metrics
    assert_close(dict(resumed.model.state_dict()), dict(unbroken.model.state_dict()), rtol=0, atol=0)


def test_a_state_of_another_optimiser_is_not_taken_up(tmp_path):
    data = vk.data.open("digits", binarise="visit", limit=250, valid=50)
    arguments, quiet = {"latent": 2, "hidden": (8,)}, {"report": Silent(), "accelerator": "cpu"}
    vk.train("vae", data, folder=tmp_path / "run", arguments=arguments, epochs=1, batch_size=50, **quiet)
    with pytest.raises(ValueError, match=r"cannot be taken up: .*exp_(inf|avg_sq)' is in only one of the two"):
        vk.resume(tmp_path / "run", report=Silent(), epochs=2, adamax=True)
