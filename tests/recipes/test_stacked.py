"""The ladder and the plain stack of the same sizes."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from recipes.rows import SPECS, Row
from vaekit.data import DataSpec, Domain
from vaekit.recipes import recipe

NAMES = ["ladder-vae", "stack-vae"]
both = pytest.mark.parametrize("name", NAMES)
PAPER = {"latents": (64, 32, 16, 8, 4), "widths": (512, 256, 128, 64, 64)}
MNIST = DataSpec("mnist", (1, 28, 28), Domain.BINARY, classes=10)


def mlp(inputs, width, outputs, norm=2):
    """Parameters of two hidden layers, with batch norm, and of the linear map after them."""
    return inputs * width + width + width * width + width + 2 * norm * width + width * outputs + outputs


def test_the_default_sizes_are_the_papers_layer_by_layer():
    z, h = PAPER["latents"], PAPER["widths"]
    down = mlp(z[0], h[0], 784) + sum(mlp(z[i + 1], h[i + 1], 2 * z[i]) for i in range(4))
    up = sum(mlp(below, h[i], 2 * z[i]) for i, below in enumerate((784, *h[:4])))
    ladder = recipe("ladder-vae")(MNIST).model
    assert sum(p.numel() for p in ladder.parameters()) == up + down
    stacked = sum(mlp(below, h[i], 2 * z[i]) for i, below in enumerate((784, *z[:4])))
    stack = recipe("stack-vae")(MNIST).model
    assert sum(p.numel() for p in stack.parameters()) == stacked + down


@both
def test_latents_are_named_from_the_top(name):
    model = Row(name, SPECS["binary"], {"latents": (4, 3, 2), "widths": (8, 8, 8)}).system().model
    latents = model.infer(torch.rand(5, 1, 8, 8).round()).latents
    assert {z: tuple(latent.value.shape) for z, latent in latents.items()} == {"z1": (5, 2), "z2": (5, 3), "z3": (5, 4)}


def test_ladder_and_stack_generate_alike():
    """Only inference differs: with the priors and the decoder of the one, the other draws the same samples."""
    ladder, stack = (Row(name, SPECS["binary"]).system().model.eval() for name in NAMES)
    for rung, prior in zip(list(ladder.levels)[1:], stack.priors, strict=True):
        prior.load_state_dict(rung.prior.state_dict())
    stack.decoder.load_state_dict(ladder.decoder.state_dict())
    drawn = []
    for model in (ladder, stack):
        torch.manual_seed(4)
        drawn.append(model.sample(6))
    assert torch.equal(*drawn)


@both
def test_the_rate_is_weighed_in(name):
    objective = Row(name, SPECS["binary"], {"annealing_steps": 10}).system().objective
    assert [objective.coefficients(step)["rate"] for step in (0, 5, 10, 99)] == [0.0, 0.5, 1.0, 1.0]
    at_once = Row(name, SPECS["binary"], {"annealing_steps": 0}).system().objective
    assert at_once.coefficients(0)["rate"] == 1.0


@both
def test_the_allowance_is_of_each_latent(name):
    system = Row(name, SPECS["binary"], {"free_bits": 1000.0, "annealing_steps": 0}).system()
    inference = system.model.infer(torch.rand(5, 1, 8, 8).round())
    assert_close(system.objective(inference), (inference.distortion + 2 * 1000.0))


@both
def test_batch_norm_is_an_option(name):
    def norms(**options):
        model = Row(name, SPECS["binary"], options).system().model
        return sum(isinstance(m, nn.BatchNorm1d) for m in model.modules())

    assert norms() == 4 * 2  # two hidden layers, on the way up and on the way down of each of two latents
    assert norms(batch_norm=False) == 0


@both
def test_a_fresh_model_generates_the_mean_of_the_data(name):
    model = Row(name, SPECS["binary"]).system().model.eval()
    mean = torch.rand(1, 8, 8) * 0.8 + 0.1
    model.start_at(mean)
    shown = model.generate(200).likelihoods["x"].distribution.mean.mean(0)
    assert_close(shown, mean, atol=0.05, rtol=0)


@both
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"latents": (), "widths": ()}, "latents must hold a size for each level, got none"),
        ({"latents": (4, 2), "widths": (8,)}, "widths must hold one width for each of the 2 latents, got 1"),
        ({"latents": (4, 2), "widths": (8, 8, 8)}, "widths must hold one width for each of the 2 latents, got 3"),
        ({"latents": (4, 0), "widths": (8, 8)}, "latents must be at least 1, got 0"),
        ({"layers": 0}, "layers must be at least 1, got 0"),
        ({"annealing_steps": -1}, "annealing_steps must be at least 0, got -1"),
    ],
)
def test_sizes_that_cannot_be_are_refused_in_a_sentence(name, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        recipe(name)(SPECS["binary"], **options)
