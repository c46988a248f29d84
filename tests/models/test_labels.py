"""Graphs with a label against sums over labels that are written out by hand, with other formulas for every density."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Independent, MixtureSameFamily, Normal
from torch.testing import assert_close

from vaekit.conditionals import Bernoulli, Categorical, Conditional, Gaussian
from vaekit.models import Draw, Enumerate, Infer, LabelAboveCode, LabelAndStyle, LabelFromCode, Mean, Observe, Set
from vaekit.networks import MLP, OneHot
from vaekit.priors import StandardNormal, UniformLabels

B, X, Z, C = 5, 6, 2, 3
LABELS = torch.tensor([-1, 2, -1, 0, 1])


@pytest.fixture
def x() -> Tensor:
    return torch.randint(2, (B, X)).double()


def loud(model: nn.Module) -> nn.Module:
    """Weights large enough that every label and every row is another case."""
    for p in model.parameters():
        nn.init.normal_(p, std=0.7)
    return model


def label_and_style() -> LabelAndStyle:
    features = MLP(X, 4)
    return loud(
        LabelAndStyle(
            UniformLabels(C),
            StandardNormal(Z),
            Categorical(MLP(X, 4), (), C),
            features,
            Gaussian(MLP(((4,), (C,)), 4), Z),
            Bernoulli(MLP((Z, (C,)), 4), X),
            OneHot(C),
        )
    )


def label_above_code() -> LabelAboveCode:
    return loud(
        LabelAboveCode(
            UniformLabels(C),
            StandardNormal(Z),
            Gaussian(MLP(X, 4), 4),
            Bernoulli(MLP(4, 4), X),
            Categorical(MLP(4, 5), (), C),
            Gaussian(MLP((4, (C,)), 5), Z),
            Gaussian(MLP((Z, (C,)), 5), 4),
            OneHot(C),
        )
    )


def label_from_code() -> LabelFromCode:
    return loud(
        LabelFromCode(StandardNormal(Z), Gaussian(MLP(X, 4), Z), Bernoulli(MLP(Z, 4), X), Categorical(MLP(Z, 3), (), C))
    )


def observed(labels: Tensor) -> dict[str, Observe]:
    return {"y": Observe(labels.clamp_min(0), where=labels >= 0)}


def one_hot(label: int, rows: int = B) -> Tensor:
    return torch.eye(C)[label].expand(rows, C)


def coins(logits: Tensor, x: Tensor) -> Tensor:
    p = 1 / (1 + (-logits).exp())
    return (x * p.log() + (1 - x) * (1 - p).log()).sum(-1)


def log_normal(value: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    return (-0.5 * ((value - loc) / scale) ** 2 - scale.log() - 0.5 * math.log(2 * math.pi)).sum(-1)


def kl_to_standard(loc: Tensor, scale: Tensor) -> Tensor:
    return (0.5 * (loc**2 + scale**2 - 1) - scale.log()).sum(-1)


def log_softmax(logits: Tensor) -> Tensor:
    return logits - logits.exp().sum(-1, keepdim=True).log()


def by_label(model: LabelAndStyle, x: Tensor, z: Tensor) -> Tensor:
    """log p(x|y,z) + log p(y) - KL(q(z|x,y) || p(z)) for every label at draws z (C, B, Z): (C, B)."""
    found = []
    for label in range(C):
        p = model.encoder.parametrise(model.encoder.network(model.features(x), one_hot(label)))
        logits = model.decoder.parametrise(model.decoder.network(z[label], one_hot(label)))["logits"]
        found.append(coins(logits, x) - math.log(C) - kl_to_standard(p["loc"], p["scale"]))
    return torch.stack(found)


def log_q_y(model: LabelAndStyle, x: Tensor) -> Tensor:
    return log_softmax(model.classifier.last(model.classifier.network(x)).T).T


def test_an_unlabelled_bound_is_the_sum_over_labels_with_the_entropy(x):
    model = label_and_style()
    inference = model.infer(x)
    q = log_q_y(model, x)
    each = by_label(model, x, inference.latents["z"].value)
    assert_close(inference.elbo(), (q.exp() * (each - q)).sum(0))


def test_a_labelled_bound_is_that_of_its_label_alone(x):
    model = label_and_style()
    inference = model.infer(x, at=observed(LABELS))
    z, rows = inference.latents["z"].value, LABELS >= 0
    copies = []
    for copy in range(C):  # an observed row stands along the axis of labels in copies, each with a draw of its own
        under_own = by_label(model, x, z[copy].expand(C, B, Z))
        copies.append(under_own.gather(0, LABELS.clamp_min(0)[None])[0])
    assert_close(inference.elbo()[rows], torch.stack(copies).mean(0)[rows])


def test_a_mixed_batch_is_labelled_where_it_is_and_summed_elsewhere(x):
    model = label_and_style()
    inference = model.infer(x, at=observed(LABELS))
    q = log_q_y(model, x)
    each = by_label(model, x, inference.latents["z"].value)
    rows = LABELS < 0
    assert_close(inference.elbo()[rows], (q.exp() * (each - q)).sum(0)[rows])


@pytest.mark.parametrize("make", [label_and_style, label_above_code])
def test_rows_without_a_label_are_summed_unless_another_thing_is_said(make, x):
    model, found = make(), []
    for otherwise in (Infer(), Enumerate(), Draw()):
        torch.manual_seed(3)
        at = {"y": Observe(LABELS.clamp_min(0), LABELS >= 0, otherwise)}
        found.append(model.infer(x, at=at))
    meant, summed, drawn = found
    assert torch.equal(meant.elbo(), summed.elbo())
    assert (meant.axes.shape, drawn.axes.shape) == ((C, B), (B,))


def test_the_weighted_bound_sums_over_labels_inside_the_logarithm(x):
    model, K = label_and_style(), 7
    inference = model.infer(x, samples=K)
    z = inference.latents["z"].value  # (K, C, B, Z)
    log_p = []
    for label in range(C):
        p = model.encoder.parametrise(model.encoder.network(model.features(x), one_hot(label)))
        for k in range(K):
            logits = model.decoder.parametrise(model.decoder.network(z[k, label], one_hot(label)))["logits"]
            prior = log_normal(z[k, label], torch.zeros(Z), torch.ones(Z)) - math.log(C)
            log_p.append(coins(logits, x) + prior - log_normal(z[k, label], p["loc"], p["scale"]))
    assert_close(inference.log_mean_w(), torch.stack(log_p).logsumexp(0) - math.log(K))


@pytest.mark.parametrize("make", [label_and_style, label_above_code, label_from_code])
def test_what_stands_in_the_place_of_a_hidden_label_changes_nothing(make, x):
    model, found = make(), []
    for stand_in in (torch.zeros(B, dtype=torch.long), torch.tensor([1, 0, 2, 2, 2])):
        torch.manual_seed(3)
        value = torch.where(LABELS >= 0, LABELS, stand_in)
        at = {"y": Observe(value, where=LABELS >= 0)}
        inference = model.infer(x, at=at)
        grads = torch.autograd.grad(inference.elbo().sum(), list(model.parameters()), allow_unused=True)
        found.append([inference.elbo(), *(g for g in grads if g is not None)])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_a_label_above_a_code_has_the_bound_of_both_models_at_the_draws(x):
    model = label_above_code()
    inference = model.infer(x)
    z1, z2 = inference.latents["z1"].value, inference.latents["z2"].value
    assert (z1.shape, z2.shape) == ((B, 4), (C, B, Z))
    p = model.encoder.parametrise(model.encoder.network(x))
    below = coins(model.decoder.last(model.decoder.network(z1)), x) - log_normal(z1, p["loc"], p["scale"])
    q = log_softmax(model.classifier.last(model.classifier.network(z1)).T).T
    above = []
    for label in range(C):
        up = model.upper_encoder.parametrise(model.upper_encoder.network(z1, one_hot(label)))
        down = model.upper_decoder.parametrise(model.upper_decoder.network(z2[label], one_hot(label)))
        above.append(log_normal(z1, down["loc"], down["scale"]) - math.log(C) - kl_to_standard(up["loc"], up["scale"]))
    assert_close(inference.elbo(), below + (q.exp() * (torch.stack(above) - q)).sum(0))


class Fixed(Conditional):
    """A conditional whose distribution is a function of its inputs, with nothing to learn."""

    def __init__(self, function, event_shape=()) -> None:
        super().__init__(nn.Identity(), 1, per_element=1, features=1)
        self.function, self.event_shape = function, event_shape

    def _outputs(self, *inputs):
        return {str(i): t for i, t in enumerate(inputs)}

    def parametrise(self, h):
        raise NotImplementedError

    def distribution(self, **parameters):
        return self.function(*parameters.values())


def test_with_the_true_posteriors_every_weight_is_the_evidence():
    """y uniform, z2 ~ N(0, 1), z1 ~ N(m_y + 0.8 z2, 0.5^2), x ~ N(z1, 0.4^2): all posteriors are known."""
    m, a, s, r = torch.tensor([-2.0, 0.3, 1.5]), 0.8, 0.5, 0.4
    wide = (a**2 + s**2) ** 0.5  # of z1 given y

    def normal(loc, scale):
        return Independent(Normal(loc, torch.full_like(loc, scale)), 1)

    def q_z1(x):
        precision = 1 / wide**2 + 1 / r**2
        means = (m / wide**2 + x / r**2) / precision
        weights = Normal(m, (wide**2 + r**2) ** 0.5).log_prob(x)
        each = Independent(Normal(means[..., None], torch.full_like(means[..., None], precision**-0.5)), 1)
        return MixtureSameFamily(TorchCategorical(logits=weights), each)

    def q_z2(z1, y):
        return normal(a * (z1 - y @ m[:, None]) / wide**2, s / wide)

    model = LabelAboveCode(
        UniformLabels(C),
        StandardNormal(1),
        Fixed(q_z1, (1,)),
        Fixed(lambda z1: normal(z1, r), (1,)),
        Fixed(lambda z1: TorchCategorical(logits=Normal(m, wide).log_prob(z1))),
        Fixed(q_z2, (1,)),
        Fixed(lambda z2, y: normal(y @ m[:, None] + a * z2, s), (1,)),
        OneHot(C).double(),
    )
    x = torch.tensor([[-1.4], [0.2], [3.0]])
    evidence = (Normal(m, (wide**2 + r**2) ** 0.5).log_prob(x) - math.log(C)).logsumexp(1)
    inference = model.infer(x, samples=4)
    assert inference.log_w().shape == (C, 4, 3)
    assert_close(inference.log_w(), evidence.expand(C, 4, 3))
    assert_close(inference.log_mean_w(), evidence)


def test_a_label_read_off_a_code_costs_nothing_unless_it_is_known(x):
    model = label_from_code()
    inference = model.infer(x, at=observed(LABELS))
    z = inference.latents["z"].value
    log_p = log_softmax(model.classifier.last(model.classifier.network(z)).T).T  # (C, B)
    surprise = -log_p.gather(0, LABELS.clamp_min(0)[None])[0]
    expected = torch.where(LABELS >= 0, surprise, 0.0)
    assert_close(inference.expect(inference.latents["y"].rate()), expected)
    assert_close(model.infer(x, default=Mean()).latents["y"].rate(), torch.zeros(B))


@pytest.mark.parametrize("make", [label_and_style, label_above_code])
def test_a_label_that_is_set_decides_what_is_generated(make):
    model, means = make(), []
    for label in range(C):
        torch.manual_seed(1)
        made = model.generate(4, at={"y": Set(torch.full((4,), label))})
        assert made.latents["y"].value.tolist() == [label] * 4
        means.append(made.likelihoods["x"].distribution.mean)
    assert model.obeys_label
    assert not torch.allclose(means[0], means[1])


def test_labels_come_up_alike_where_nothing_is_said():
    model = label_and_style()
    drawn = model.generate(9000).latents["y"].value.bincount() / 9000
    assert_close(drawn, torch.full((C,), 1 / C), atol=0.02, rtol=0)


def test_codes_are_those_of_the_likeliest_label(x):
    model = label_and_style()
    inference = model.infer(x, default=Mean())
    likeliest = log_q_y(model, x).argmax(0)
    assert torch.equal(inference.latents["y"].value, likeliest)
    own = torch.eye(C)[likeliest]
    assert_close(
        inference.latents["z"].value, model.encoder.parametrise(model.encoder.network(model.features(x), own))["loc"]
    )


@pytest.mark.parametrize("classes", [1, 0, True, 2.0])
def test_a_prior_over_fewer_than_two_labels_is_refused(classes):
    with pytest.raises(ValueError, match="classes must be a whole number of at least 2, got"):
        UniformLabels(classes)
