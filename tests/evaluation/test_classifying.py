"""Predicted labels against q(y|x) written out, and figures of a split whose labels must not be looked at."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from vaekit.conditionals import Bernoulli, Categorical, Gaussian
from vaekit.data import DataSpec, Domain, Split
from vaekit.evaluation import Classified, classified, classifier_features, evaluate, label_probabilities, log_likelihood
from vaekit.models import VAE, LabelAboveCode, LabelAndStyle, LabelFromCode
from vaekit.networks import MLP, OneHot
from vaekit.priors import StandardNormal, UniformLabels

N, X, C = 23, 6, 3
SPEC = DataSpec("coins", (X,), Domain.BINARY, classes=C)


@pytest.fixture
def model() -> LabelAndStyle:
    torch.manual_seed(0)
    features = MLP(X, 4)
    made = LabelAndStyle(
        UniformLabels(C),
        StandardNormal(2),
        Categorical(MLP(X, 4), (), C),
        features,
        Gaussian(MLP(((4,), (C,)), 4), 2),
        Bernoulli(MLP((2, (C,)), 4), X),
        OneHot(C),
    )
    for p in made.parameters():
        nn.init.normal_(p, std=0.9)
    return made


@pytest.fixture
def split() -> Split:
    torch.manual_seed(1)
    return Split(torch.randint(2, (N, X)).float(), torch.randint(C, (N,)))


def by_hand(model, x):
    scores = model.classifier.last(model.classifier.network(x.to(next(model.parameters())))).T
    return (scores.exp() / scores.exp().sum(1, keepdim=True)).double()


@pytest.mark.parametrize("batch_size", [1, 7, 500])
def test_probabilities_are_those_of_the_classifier(model, split, batch_size):
    found = label_probabilities(model, split, batch_size=batch_size)
    assert found.dtype is torch.float64
    assert_close(found, by_hand(model, split.x), rtol=1e-5, atol=1e-6)


def test_a_label_above_a_code_is_read_from_the_mean_of_the_code(split):
    torch.manual_seed(0)
    above = LabelAboveCode(
        UniformLabels(C),
        StandardNormal(2),
        Gaussian(MLP(X, 4), 4),
        Bernoulli(MLP(4, 4), X),
        Categorical(MLP(4, 5), (), C),
        Gaussian(MLP((4, (C,)), 5), 2),
        Gaussian(MLP((2, (C,)), 5), 4),
        OneHot(C),
    )
    code = above.encoder.parametrise(above.encoder.network(split.x.to(next(above.parameters()))))["loc"]
    assert_close(label_probabilities(above, split), by_hand(above, code), rtol=1e-5, atol=1e-6)


def test_the_error_is_the_share_of_wrong_labels_with_a_binomial_standard_error(model, split):
    found = classified(model, split)
    wrong = int((by_hand(model, split.x).argmax(1) != split.labels).sum())
    assert 0 < wrong < N
    assert found.error == wrong / N
    assert found.standard_error == pytest.approx(math.sqrt(wrong * (N - wrong) / N**3))
    figure = evaluate(model, split, SPEC, samples=2).figures()["classification error"]
    assert (figure.value, figure.unit) == (100 * wrong / N, "%")


def test_the_matrix_counts_every_pair_of_label_and_guess(model, split):
    found = classified(model, split)
    guesses = by_hand(model, split.x).argmax(1)
    for own in range(C):
        for taken in range(C):
            count = int(((split.labels == own) & (guesses == taken)).sum())
            assert int(found.confusion()[own, taken]) == count


def test_only_known_labels_are_judged(model, split):
    labels = torch.where(torch.arange(N) < 5, split.labels, -1)
    found = classified(model, Split(split.x, labels))
    assert len(found.labels) == 5
    assert_close(found.probabilities, by_hand(model, split.x[:5]), rtol=1e-5, atol=1e-6)
    assert classified(model, Split(split.x, torch.full((N,), -1))) is None
    assert classified(model, Split(split.x)) is None


def test_no_figure_but_those_of_labels_depends_on_the_labels_of_the_split(model, split):
    other = Split(split.x, (split.labels + 1) % C)
    one, two = (evaluate(model, s, SPEC, samples=3).to_dict() for s in (split, other))
    for name in ("classification error", "log-loss of labels", "calibration error"):
        assert one["figures"].pop(name) != two["figures"].pop(name)
    assert one == two


def test_losses_and_calibration_are_those_written_out():
    p = torch.tensor([[0.9, 0.1], [0.92, 0.08], [0.3, 0.7], [0.45, 0.55]], dtype=torch.float64)
    found = Classified(p, torch.tensor([0, 1, 1, 1]))
    assert_close(found.log_losses, -torch.tensor([0.9, 0.08, 0.7, 0.55], dtype=torch.float64).log())
    # bins of a tenth: {0.9, 0.92}: half right, {0.7} and {0.55}: right
    assert found.calibration_error(bins=10) == pytest.approx((abs(1.82 - 1) + 0.3 + 0.45) / 4)
    assert Classified(torch.eye(2, dtype=torch.float64), torch.tensor([0, 1])).calibration_error() == 0


def test_draws_of_the_code_are_averaged_to_the_integral(split):
    """y read from a code z ~ N(m, s^2) of one number: the mean of softmax over z by quadrature."""
    torch.manual_seed(3)
    made = LabelFromCode(
        StandardNormal(1),
        Gaussian(MLP(X, 4), 1),
        Bernoulli(MLP(1, 4), X),
        Categorical(MLP(((1,),)), (), C),
    )
    for p in made.parameters():
        nn.init.normal_(p, std=1.5)
    found = label_probabilities(made, split, draws=4000)
    q = made.encoder(split.x.to(next(made.parameters())))
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    z = q.mean + q.stddev * torch.tensor(nodes, dtype=q.mean.dtype)
    each = made.classifier.outputs(z[..., None], leading=2)["logits"].softmax(-1)
    exact = (each * torch.tensor(weights / weights.sum())[:, None]).sum(1)
    assert_close(found, exact.detach().double(), atol=0.03, rtol=0)
    assert (label_probabilities(made, split) - exact).abs().max() > 0.05
    assert found.sum(1).allclose(torch.ones(N, dtype=torch.float64))


def test_the_likelihood_sums_over_the_label_rather_than_drawing_it(split):
    """Where z has no part in x and q(z|x,y) is its prior, the model is a mixture over labels: a sum of three terms."""
    torch.manual_seed(2)
    features, decoder = MLP(X, 4), Bernoulli(MLP((2, (C,)), 4), X)
    encoder = Gaussian(MLP(((4,), (C,)), 4), 2, scale=1.0)
    mixture = LabelAndStyle(
        UniformLabels(C), StandardNormal(2), Categorical(MLP(X, 4), (), C), features, encoder, decoder, OneHot(C)
    )
    nn.init.zeros_(encoder.last.layer.weight)
    nn.init.zeros_(encoder.last.layer.bias)
    nn.init.zeros_(decoder.network.layers[0].weight[:, :2].detach())
    nn.init.normal_(decoder.last.layer.weight)
    nn.init.normal_(mixture.classifier.last.layer.weight)
    logits = [decoder.outputs(torch.zeros(1, 2), torch.eye(C)[y : y + 1])["logits"] for y in range(C)]
    each = torch.stack([torch.distributions.Bernoulli(logits=one).log_prob(split.x.to(one)).sum(-1) for one in logits])
    found = log_likelihood(mixture, split, 1).per_example.values
    assert_close(found, (each.logsumexp(0) - math.log(C)).detach().double(), rtol=1e-5, atol=1e-5)


def test_a_model_without_a_label_predicts_none_and_has_no_error(split):
    plain = VAE(StandardNormal(2), Gaussian(MLP(X, 4), 2), Bernoulli(MLP(2, 4), X))
    with pytest.raises(ValueError, match="has no label to predict: no latent of it is one"):
        label_probabilities(plain, split)
    assert "classification error" not in evaluate(plain, split, SPEC, samples=2).figures()


def test_a_classifier_of_features_learns_from_the_labels_that_are_known():
    import vaekit.data

    data = vaekit.data.open("digits", limit=200, labels_per_class=2)
    found = classifier_features(data, steps=2)
    assert f"of {len(data.test)} held-out examples" in found.accuracy.what
