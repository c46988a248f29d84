import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import MultivariateNormal
from torch.testing import assert_close

from models.graphs import normal
from vaekit.models import Carry, Cell, Enumerate, FromPrior, Mean, Observe, Scan, Set, Walk

B, T, K = 3, 5, 2


class RandomWalk(Cell):
    """z_t ~ N(z_{t-1}, 1), u_t ~ N(0, 1), x_t ~ N(z_t + u_t, 1); q(z_t) = N((z_{t-1} + x_t) / 2, 1), q(u_t) = p."""

    def initial(self, batch: int) -> Carry:
        return {"z": torch.zeros(batch, 2)}

    def evidence(self, data, context):
        return {"x": data["x"]}

    def step(self, walk: Walk, carry: Carry) -> Carry:
        prior = normal(carry["z"])
        z = walk.latent("z", prior, lambda: normal((carry["z"] + walk.evidence["x"]) / 2))
        u = walk.latent("u", normal(torch.zeros(2)), lambda: normal(torch.zeros_like(carry["z"])))
        z = walk.spread(z, z.ndim - 1)
        walk.likelihood("x", normal(z + u))
        return {"z": z}


class Aims(Cell):
    """z_t ~ N(0, 1) whatever came before, x_t ~ N(z_t + context, 1)."""

    def initial(self, batch: int) -> Carry:
        return {"nothing": torch.zeros(batch, 1)}

    def step(self, walk: Walk, carry: Carry) -> Carry:
        z = walk.latent("z", normal(torch.zeros(2)))
        walk.likelihood("x", normal(z + walk.context))
        return carry


@pytest.fixture
def x():
    return torch.randn(B, T, 2)


@pytest.fixture
def model():
    return Scan(RandomWalk(), T)


def surprise(increments: Tensor) -> Tensor:
    return -torch.from_numpy(stats.norm.logpdf(increments.numpy()))


def increments(z: Tensor) -> Tensor:
    return torch.diff(z, dim=-2, prepend=torch.zeros(*z.shape[:-2], 1, 2))


def test_generation_takes_as_many_steps_as_it_is_told(model):
    assert model.sample(4).shape == (4, T, 2)
    assert Scan(RandomWalk(), 9).sample(4).shape == (4, 9, 2)


def test_each_step_is_generated_from_the_one_before(model):
    z = model.generate(20_000).latents["z"].value
    assert_close(z.var(0), torch.arange(1.0, T + 1)[:, None].expand(T, 2), rtol=0.06, atol=0)
    assert_close(increments(z).var(0), torch.ones(T, 2), rtol=0.06, atol=0)


def test_inference_takes_as_many_steps_as_the_data_have(x):
    inference = Scan(RandomWalk(), 99).infer(x, samples=K)
    assert inference.latents["z"].value.shape == (K, B, T, 2)
    assert inference.latents["z"].rate_elements.shape == (K, B, T, 2)
    assert inference.distortion.shape == (K, B)


def test_the_rate_is_the_sum_of_the_steps_divergences(model, x):
    z = model.infer(x, at={"u": FromPrior()}).latents["z"]
    before = z.value - increments(z.value)
    assert_close(z.rate(), (((x - before) / 2) ** 2 / 2).sum((-1, -2)))


@pytest.mark.parametrize("samples", [None, K])
def test_values_that_are_set_are_the_parents_of_the_next_step(model, x, samples):
    z = torch.randn(B, T, 2)
    inference = model.infer(x, samples=samples, at={"z": Set(z)})
    assert_close(inference.latents["z"].value, z)
    assert_close(inference.rate, torch.zeros(B) if samples is None else torch.zeros(K, B))
    u = inference.latents["u"].value
    assert_close(inference.distortion, surprise(x - z - u).sum((-1, -2)))


@pytest.mark.parametrize("samples", [None, K, B])
def test_observed_steps_cost_their_surprise_given_the_step_before(model, x, samples):
    z = torch.randn(B, T, 2)
    inference = model.infer(x, samples=samples, at={"z": Observe(z)})
    cost = surprise(increments(z)).sum((-1, -2))
    assert_close(inference.expect(inference.latents["z"].rate()), cost)
    assert_close(inference.latents["z"].log_ratio() + torch.zeros_like(inference.rate), cost.expand_as(inference.rate))


def test_a_step_can_be_observed_in_some_rows_alone(model, x):
    z, where = torch.randn(B, T, 2), torch.rand(B, T) < 0.5
    latent = model.infer(x, at={"z": Observe(z, where)}).latents["z"]
    assert_close(latent.value[where], z[where])
    before = latent.value - increments(latent.value)
    divergence = ((x - before) / 2) ** 2 / 2
    expected = torch.where(where[..., None], surprise(latent.value - before), divergence)
    assert_close(latent.rate_elements, expected)


def test_a_step_that_is_not_observed_does_as_it_otherwise_would(model, x):
    where = torch.rand(B, T) < 0.5
    one, other = torch.randn(B, T, 2), torch.randn(B, T, 2)
    latent = model.infer(x, at={"z": Observe(one, where, Set(other))}).latents["z"]
    z = torch.where(where[..., None], one, other)
    assert_close(latent.value, z)
    assert_close(latent.rate_elements, torch.where(where[..., None], surprise(increments(z)), 0.0))


@pytest.mark.parametrize("choice", [Mean(), FromPrior()])
def test_choices_hold_at_every_step(model, x, choice):
    torch.manual_seed(1)
    z = model.infer(x, at={"z": choice, "u": Set(torch.zeros(B, T, 2))}).latents["z"].value
    torch.manual_seed(1)
    value, expected = torch.zeros(B, 2), []
    for t in range(T):
        value = (value + x[:, t]) / 2 if isinstance(choice, Mean) else value + torch.randn(B, 2)
        expected.append(value)
    assert_close(z, torch.stack(expected, 1))


def test_steps_that_do_not_exist_count_nothing(model, x):
    def bound(x, **masked):
        torch.manual_seed(1)
        inference = model.infer({"x": x, **masked}, at={"z": Mean(), "u": Set(torch.zeros(B, T, 2))})
        return inference.distortion, inference.rate

    mask = (torch.arange(T) < 3).expand(B, T)
    noise = torch.where(mask[..., None], x, torch.randn(B, T, 2))
    assert_close(bound(x, mask=mask), bound(noise, mask=mask))
    assert_close(bound(x, mask=mask), bound(x[:, :3]))


def test_a_gap_hands_the_state_on(model, x):
    mask = torch.tensor([True, True, False, True, True]).expand(B, T)
    at = {"z": Mean(), "u": FromPrior()}
    with_gap = model.infer({"x": x, "mask": mask}, at=at).latents["z"]
    without = model.infer(x[:, mask[0]], at=at).latents["z"]
    assert_close(with_gap.value[:, mask[0]], without.value)
    assert_close(with_gap.rate(), without.rate())


def test_a_reset_makes_two_sequences_of_one(model, x):
    reset = torch.zeros(B, T, dtype=torch.bool)
    reset[:, 2] = True
    at = {"z": Mean(), "u": FromPrior()}
    whole = model.infer({"x": x, "reset": reset}, at=at).latents["z"].rate()
    parts = [model.infer(part, at=at).latents["z"].rate() for part in (x[:, :2], x[:, 2:])]
    assert_close(whole, sum(parts))


def test_the_context_is_there_at_every_step():
    context = torch.randn(B, 2)
    inference = Scan(Aims(), T).generate(context=context, at={"z": Set(torch.zeros(B, T, 2))})
    assert_close(inference.likelihoods["x"].distribution.mean, context[:, None].expand(B, T, 2))


def test_steps_of_different_families_sum_to_the_whole():
    class TwoFamilies(Aims):
        steps = 0

        def step(self, walk: Walk, carry: Carry) -> Carry:
            self.steps += 1
            full = MultivariateNormal(torch.zeros(B, 2), torch.eye(2))
            walk.latent("z", full if self.steps == 1 else normal(torch.zeros(B, 2)))
            return carry

    z = torch.randn(B, T, 2)
    latent = Scan(TwoFamilies(), T).infer(z, at={"z": Observe(z)}).latents["z"]
    assert_close(latent.rate(), surprise(z).sum((-1, -2)))


def test_a_sequence_without_a_step_is_refused(model, x):
    mask = torch.ones(B, T, dtype=torch.bool)
    mask[1] = False
    with pytest.raises(ValueError, match="every sequence needs a step: mask leaves none in row 1"):
        model.infer({"x": x, "mask": mask})


def test_sequences_of_different_lengths_are_refused(model, x):
    with pytest.raises(ValueError, match=r"sequences must share their first two axes \(B, T\), got .*\(3, 4\)"):
        model.infer({"x": x, "mask": torch.ones(B, 4, dtype=torch.bool)})
    with pytest.raises(ValueError, match="sequences must share their first two axes"):
        model.infer(torch.zeros(B))
    with pytest.raises(ValueError, match="length must be at least 1, got 0"):
        Scan(RandomWalk(), 0)


@pytest.mark.parametrize("name", ["mask", "reset"])
def test_controls_that_are_no_masks_are_refused(model, x, name):
    with pytest.raises(ValueError, match=f"{name} must be bool, True or False at each step, got torch.int64"):
        model.infer({"x": x, name: torch.ones(B, T, dtype=torch.long)})


def test_sequences_without_a_step_or_without_x_are_refused(model, x):
    with pytest.raises(ValueError, match=r"sequences must have a step, got x of shape \(3, 0, 2\)"):
        model.infer(x[:, :0])
    with pytest.raises(ValueError, match=r"data must hold 'x', got \['mask'\]"):
        model.infer({"mask": torch.ones(B, T, dtype=torch.bool)})


def test_a_step_that_does_not_exist_has_the_last_one_before_it(model, x):
    mask = torch.tensor([[0, 1, 0, 1, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 1]]).bool()
    shown = model.infer({"x": x.masked_fill(~mask[..., None], torch.nan), "mask": mask}).likelihoods["x"].value
    held = [[1, 1, 1, 3, 3], [0, 1, 1, 1, 1], [4, 4, 4, 4, 4]]
    assert torch.equal(shown, torch.stack([row[steps] for row, steps in zip(x, held, strict=True)]))


@pytest.mark.parametrize("choice", [Set, Observe])
def test_values_for_too_few_steps_are_refused(model, x, choice):
    with pytest.raises(ValueError, match=r"a value for step 3 of a sequence must be .*, got \(3, 3, 2\)"):
        model.infer(x, at={"z": choice(torch.zeros(B, 3, 2))})


@pytest.mark.parametrize("choice", [Set, Observe])
def test_values_for_other_rows_than_those_of_the_data_are_refused(model, x, choice):
    with pytest.raises(
        ValueError, match=r"a value for a step of latent 'z' must have the shape \(3, 2\), got \(4, 2\)"
    ):
        model.infer(x, at={"z": choice(torch.zeros(4, T, 2))})


def test_enumeration_inside_a_scan_is_refused(model, x):
    with pytest.raises(ValueError, match=r"a latent inside a Scan cannot be enumerated: E values at T steps"):
        model.infer(x, at={"z": Enumerate()})
