"""Terms of labels against the gradients of sums that are written out."""

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Independent, Normal
from torch.testing import assert_close

from vaekit.models import Draw, Enumerate, Mean, Model, Observe, Walk
from vaekit.objectives import BaselineError, Classification, Distortion, Rate, RateTo, ScoreFunction
from vaekit.priors import StandardNormal

LABELS = torch.tensor([2, -1, 0, -1])


class Tilted(Model):
    """y ~ uniform, x | y ~ N(m_y, 1), and q(y|x) with free logits for every row."""

    label = "y"

    def __init__(self) -> None:
        super().__init__()
        self.logits, self.m = nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(3))

    def walk(self, walk: Walk) -> None:
        q = lambda: Categorical(logits=self.logits)  # noqa: E731
        y = walk.latent("y", Categorical(logits=torch.zeros(3)), q, 0, inferring=Enumerate())
        walk.likelihood("x", Independent(Normal(self.m[y].unsqueeze(-1), 1.0), 1))


def observed(otherwise):
    return {"y": Observe(LABELS.clamp_min(0), where=LABELS >= 0, otherwise=otherwise)}


@pytest.fixture
def x():
    return torch.randn(4, 1)


@pytest.mark.parametrize("otherwise", [Enumerate(), Draw(), Mean()], ids=lambda c: type(c).__name__)
def test_classification_is_the_cross_entropy_of_the_labelled_rows_alone(x, otherwise):
    model = Tilted()
    found = (1.0 * Classification())(model.infer(x, at=observed(otherwise)))
    log_q = model.logits - model.logits.logsumexp(1, keepdim=True)
    assert_close(found, torch.stack([-log_q[0, 2], torch.tensor(0.0), -log_q[2, 0], torch.tensor(0.0)]))
    (gradient,) = torch.autograd.grad(found.sum(), model.logits)
    expected = log_q.exp().detach().clone()
    expected[0, 2] -= 1
    expected[2, 0] -= 1
    expected[[1, 3]] = 0
    assert_close(gradient, expected)


def test_a_label_that_is_observed_in_every_row_is_classified_though_nothing_was_drawn(x):
    model = Tilted()
    labels = torch.tensor([0, 1, 2, 1])
    found = (1.0 * Classification())(model.infer(x, at={"y": Observe(labels)}))
    assert_close(found, nn.functional.cross_entropy(model.logits, labels, reduction="none"))


def test_without_observed_labels_there_is_nothing_to_classify(x):
    assert (1.0 * Classification())(Tilted().infer(x)).tolist() == [0.0] * 4


def test_the_bound_alone_tells_the_classifier_nothing_of_labelled_rows(x):
    model = Tilted()
    loss = (Distortion() + Rate())(model.infer(x, at=observed(Enumerate())))
    (gradient,) = torch.autograd.grad(loss.sum(), model.logits)
    assert gradient[[0, 2]].abs().max() == 0
    assert gradient[[1, 3]].abs().min() > 0


def test_a_term_of_a_label_that_there_is_not_says_which_latents_there_are(x):
    with pytest.raises(ValueError, match=r"no latent named 'w': it has \['y'\]"):
        (1.0 * Classification("w"))(Tilted().infer(x))


def test_a_drawn_label_with_its_score_has_the_gradient_of_the_sum_on_average(x):
    model, draws = Tilted(), 40_000
    exact = torch.autograd.grad((Distortion() + Rate())(model.infer(x)).sum(), list(model.parameters()))
    objective = Distortion() + Rate() + ScoreFunction()
    inference = model.infer(x, samples=draws, at={"y": Draw()})
    found = torch.autograd.grad(objective(inference).sum(), list(model.parameters()), retain_graph=True)
    for a, b in zip(found, exact, strict=True):
        assert_close(a, b, atol=0.05, rtol=0)
    without = torch.autograd.grad((Distortion() + Rate())(inference).sum(), model.logits)
    assert (without[0] - exact[0]).abs().max() > 0.25  # twenty times what the same draws leave of noise


@pytest.mark.parametrize("at", [{}, observed(Enumerate()), {"y": Observe(torch.tensor([0, 1, 2, 1]))}])
def test_the_score_is_nothing_where_labels_are_summed_or_observed(x, at):
    model = Tilted()
    score = (1.0 * ScoreFunction())(model.infer(x, at=at))
    assert score.tolist() == [0.0] * 4
    if score.requires_grad:
        assert torch.autograd.grad(score.sum(), model.logits)[0].abs().max() == 0


def test_the_score_of_a_mixed_batch_is_that_of_its_drawn_rows(x):
    model = Tilted()
    (gradient,) = torch.autograd.grad((1.0 * ScoreFunction())(model.infer(x, at=observed(Draw()))).sum(), model.logits)
    assert gradient[[0, 2]].abs().max() == 0
    assert gradient[[1, 3]].abs().max() > 0


def test_a_rate_to_another_prior_is_the_divergence_from_that_prior():
    class Code(Model):
        def walk(self, walk: Walk) -> None:
            q = Independent(Normal(walk.data["x"], 0.5), 1)
            walk.latent("z", Independent(Normal(torch.full((2,), 3.0), 0.1), 1), lambda: q)

    x = torch.randn(5, 2)
    found = (1.0 * RateTo("z", StandardNormal(2).double()))(Code().infer(x, samples=3))
    assert_close(found, (0.5 * (x**2 + 0.25 - 1) - torch.tensor(0.5).log()).sum(1))


def test_counts_weigh_figures_of_examples_and_leave_those_of_the_batch(x):
    model, counts = Tilted(), torch.tensor([0.5, 1.0, 2.0, 0.0])
    inference = model.infer(x)
    objective = 1.0 * Distortion() + 3.0 * Rate()
    plain, counted = (objective.evaluate(inference, objective.coefficients(0), c) for c in (None, counts))
    assert all(torch.equal(counted[name], plain[name] * counts) for name in ("distortion", "rate"))
    assert_close(counted["loss"], plain["loss"] * counts)


class Guess(nn.Module):
    """A constant for every example."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.value.expand(x.shape[0], 1)


SCORES = {
    "leave-one-out": lambda: ScoreFunction(samples=2, baseline="leave-one-out"),
    "network": lambda: ScoreFunction(baseline=Guess(1.5)),
}


@pytest.mark.parametrize("name", SCORES)
def test_a_baseline_leaves_the_gradient_what_it_is_on_average_and_quieter(x, name):
    model = Tilted()
    exact = torch.autograd.grad((Distortion() + Rate())(model.infer(x)).sum(), model.logits)[0]

    def drawn(score, draws, repeats):
        objective = Distortion() + Rate() + score
        found = []
        for _ in range(repeats):
            inference = model.infer(x, samples=draws, at={"y": Draw()})
            found.append(torch.autograd.grad(objective(inference).sum(), model.logits)[0])
        return torch.stack(found)

    with_baseline, without = (drawn(score, 2, 3000) for score in (SCORES[name](), ScoreFunction()))
    noise = with_baseline.std(0) / 3000**0.5
    assert ((with_baseline.mean(0) - exact).abs() < 5 * noise).all()
    assert with_baseline.var(0).sum() < 0.7 * without.var(0).sum()


def test_a_baseline_learns_the_average_cost(x):
    model, score = Tilted(), ScoreFunction(baseline=Guess())
    inference = model.infer(x, samples=50, at={"y": Draw()})
    (gradient,) = torch.autograd.grad((1.0 * score.baseline_loss())(inference).sum(), score.network.value)
    assert_close(gradient, -2 * inference.distortion.mean(0).sum())
    assert torch.autograd.grad((1.0 * score)(inference).sum(), score.network.value, allow_unused=True)[0] is None


def test_a_cost_that_the_draw_enters_by_its_own_rate_counts_it(x):
    model = Tilted()
    inference = model.infer(x, samples=3, at={"y": Draw()})
    inference.latents["y"].proposed = True  # its rate is then log q - log p at the draw
    loss = (1.0 * BaselineError(Guess()))(inference)
    assert_close(loss, (inference.distortion + inference.latents["y"].rate()).square().mean(0).detach())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ScoreFunction(baseline="mean"), "baseline must be None, 'leave-one-out' or a network, got 'mean'"),
        (lambda: ScoreFunction(baseline="leave-one-out"), "at least 2 for this baseline, got None"),
        (lambda: ScoreFunction(samples=1, baseline="leave-one-out"), "at least 2 for this baseline, got 1"),
        (lambda: ScoreFunction(samples=0), "at least 1 for this baseline, got 0"),
        (lambda: ScoreFunction().baseline_loss(), "no network for a baseline"),
    ],
)
def test_a_score_function_says_what_it_cannot_have(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_a_baseline_of_other_draws_needs_some(x):
    score = ScoreFunction(samples=2, baseline="leave-one-out")
    with pytest.raises(ValueError, match=r"needs costs \(draws, batch\) of two or more, got \(1, 4\)"):
        (1.0 * score)(Tilted().infer(x, samples=1, at={"y": Draw()}))
