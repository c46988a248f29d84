"""The rate taken apart, on x ~ N(0, S) with q(z|x) = N(x, s^2): the aggregate posterior is N(0, S + s^2)."""

import math

import pytest
import torch
from models.graphs import Graph, normal
from torch.testing import assert_close

from vaekit.objectives import DimensionwiseKL, Distortion, MutualInformation, Rate, TotalCorrelation

N, D, NOISE = 3000, 2, 0.6
S = torch.tensor([[1.0, 0.7], [0.7, 0.9]], dtype=torch.float64)


def inferred(batch: int, **how):
    torch.manual_seed(5)
    means = torch.randn(batch, D) @ torch.linalg.cholesky(S).T

    def walk(w):
        z = w.latent("z", normal(torch.zeros(D)), lambda: normal(means, NOISE))
        w.likelihood("x", normal(z))

    return Graph(walk).infer(means, **how)


def closed_forms() -> dict[type, float]:
    """Nats, with q(z) = N(0, C), C = S + s^2."""
    C = S + NOISE**2 * torch.eye(D)
    return {
        MutualInformation: float(C.logdet() - D * math.log(NOISE**2)) / 2,
        TotalCorrelation: float(C.diagonal().log().sum() - C.logdet()) / 2,
        DimensionwiseKL: float((C.diagonal() - 1 - C.diagonal().log()).sum()) / 2,
    }


@pytest.mark.parametrize("term", [MutualInformation, TotalCorrelation, DimensionwiseKL])
@pytest.mark.parametrize("stratified", [False, True])
def test_a_batch_of_all_examples_gives_each_part_its_closed_form(term, stratified):
    found = term(stratified=stratified, examples=N)(inferred(N), {})
    exact = closed_forms()[term]
    if not stratified:  # every weight is 1 / N^2 where the batch is all there is
        shift = {MutualInformation: 1, TotalCorrelation: D - 1, DimensionwiseKL: -D}[term] * math.log(N)
        found = found - shift
    assert abs(found.mean().item() - exact) < 0.05


@pytest.mark.parametrize("stratified", [False, True])
def test_the_parts_sum_to_the_rate_at_the_draws(stratified):
    inference = inferred(50)
    parts = [term(stratified=stratified, examples=900) for term in closed_forms()]
    z = inference.latents["z"]
    assert_close(sum(part(inference, {}) for part in parts), z.log_ratio())


def test_training_says_how_many_examples_there_are_and_what_was_said_stands():
    told, said = TotalCorrelation(), TotalCorrelation(examples=500)
    for term in (told, said):
        term.begin(900, 50)
    assert (told.examples, said.examples) == (900, 500)
    inference = inferred(50)
    assert_close(told(inference, {}).mean() - said(inference, {}).mean(), torch.tensor((D - 1) * math.log(900 / 500)))


def test_weighted_parts_are_an_objective_like_any_other():
    objective = Distortion() + MutualInformation() + 6.0 * TotalCorrelation() + DimensionwiseKL()
    inference = inferred(40)
    plain = Distortion() + Rate()
    extra = TotalCorrelation()(inference, {})
    z = inference.latents["z"]
    assert_close(objective(inference), plain(inference) - z.rate() + z.log_ratio() + 5 * extra)


def test_a_batch_of_one_has_none_and_batches_of_one_are_refused():
    assert TotalCorrelation()(inferred(1), {}) == 0
    with pytest.raises(ValueError, match="batch_size must be at least 2, got 1"):
        TotalCorrelation().begin(900, 1)
    with pytest.raises(ValueError, match="examples must be a whole number of at least 2, got 1"):
        TotalCorrelation(examples=1)
    with pytest.raises(ValueError, match="of one draw of each example"):
        TotalCorrelation()(inferred(4, samples=3), {})
