import pytest
import torch
from models.graphs import Graph, normal
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch.testing import assert_close

from vaekit.models import Inference
from vaekit.models.axes import Axes
from vaekit.objectives import Distortion, Rate, SpectralNorm
from vaekit.training.step import Step


class Layers(Graph):
    """Weights of every kind beside a graph that uses none of them."""

    def __init__(self):
        super().__init__(
            lambda walk: walk.likelihood(
                "x", normal(walk.latent("z", normal(torch.zeros(2)), lambda: normal(walk.evidence)))
            )
        )
        self.linear = nn.Linear(5, 7)
        self.again = nn.Linear(5, 7)
        self.down = nn.Conv2d(3, 4, 3)
        self.depthwise = nn.Conv2d(6, 6, 5, groups=6)
        self.up = nn.ConvTranspose2d(4, 3, 2)
        self.normed = weight_norm(nn.Conv1d(2, 3, 3))
        self.norm = nn.BatchNorm2d(3)
        self.plain = nn.BatchNorm1d(3, affine=False)
        with torch.no_grad():
            self.norm.weight[:] = torch.tensor([0.5, -3.0, 1.0])


def expected(model: Layers) -> torch.Tensor:
    layers = (model.linear, model.again, model.down, model.depthwise, model.up, model.normed)
    return sum(torch.linalg.svdvals(layer.weight.flatten(1))[0] for layer in layers) + 3.0


def priced(term: SpectralNorm, model: Layers, times: int = 1) -> torch.Tensor:
    for _ in range(times):
        found = term(model.infer(torch.randn(4, 2)), {})
    return found


def test_the_term_is_the_sum_of_the_largest_singular_values_and_gammas():
    model = Layers()
    assert_close(priced(SpectralNorm(model), model, 200), expected(model))


def test_its_gradient_is_that_of_the_largest_singular_values():
    model = Layers()
    priced(SpectralNorm(model), model, 200).backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert_close(found.pop("norm.weight"), torch.tensor([0.0, -1.0, 0.0]))
    model.zero_grad()
    expected(model).backward()
    assert_close(found, {n: p.grad for n, p in model.named_parameters() if p.grad is not None}, atol=1e-5, rtol=1e-5)


def test_an_estimate_is_never_above():
    model = Layers()
    term = SpectralNorm(model, iterations=1)
    assert all(priced(term, model) <= expected(model) + 1e-9 for _ in range(10))


def test_vectors_are_kept_from_step_to_step_and_follow_the_weights():
    model = Layers()
    term = SpectralNorm(model, iterations=1)
    first = expected(model) - priced(term, model)
    assert 0 <= expected(model) - priced(term, model, 20) < first / 5
    with torch.no_grad():
        model.linear.weight.mul_(3)
    assert_close(priced(term, model, 200), expected(model))


def test_evaluation_moves_no_vector():
    model = Layers()
    term = SpectralNorm(model)
    before = {name: t.clone() for name, t in term.state_dict().items()}
    term.eval()
    priced(term, model, 3)
    assert all(torch.equal(t, before[name]) for name, t in term.state_dict().items())


def test_the_model_is_not_stored_in_the_term():
    model = Layers()
    step = Step(model, Distortion() + Rate() + 0.01 * SpectralNorm(model))
    assert list(step.objective.parameters()) == []
    assert all(name.startswith("terms.spectral.v_") for name in step.objective.state_dict())
    other = Layers()
    assert_close(priced(step.objective.terms["spectral"], other, 200), expected(other))


def test_one_number_is_added_to_the_loss_of_every_example():
    model = Layers()
    objective = Distortion() + Rate() + 0.01 * SpectralNorm(model)
    terms = objective.evaluate(model.infer(torch.randn(4, 2)), objective.coefficients(0))
    assert terms["spectral"].shape == ()
    assert_close(terms["loss"], terms["distortion"] + terms["rate"] + 0.01 * terms["spectral"])


def test_what_has_no_weights_is_refused():
    with pytest.raises(ValueError, match="Graph has no linear or convolutional weight"):
        SpectralNorm(Graph(lambda walk: None))
    with pytest.raises(ValueError, match="iterations must be a whole number of at least 1, got 0"):
        SpectralNorm(Layers(), iterations=0)
    with pytest.raises(ValueError, match="this inference says no model"):
        SpectralNorm(Layers())(Inference({}, None, {}, {}, Axes(1)), {})
