"""Runs of models with several latents, against the same model walked by hand."""

import csv
import math

import pytest
import torch
from models.small_hierarchy import by_hand, hierarchy
from torch import Tensor, nn
from torch.distributions import Categorical
from torch.testing import assert_close

import vaekit as vk
from vaekit.recipes import recipe
from vaekit.training import Silent

QUICK = {"epochs": 2, "batch_size": 50, "accelerator": "cpu", "report": Silent()}
SIZES = {"z1": 2, "z2": 3, "z3": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> vk.Run:
    data = vk.data.open("digits", binarise="fixed", limit=300)
    where = tmp_path_factory.mktemp("runs") / "hierarchy"
    return vk.fit(hierarchy(*SIZES.values()), vk.Distortion() + vk.Rate(), data, folder=where, **QUICK)


@pytest.fixture(scope="module")
def x(run) -> Tensor:
    return run.split()[1].batch(torch.arange(6))["x"]


def test_latents_are_known_by_name_shape_and_order(run):
    assert list(run.latents.items()) == [(name, (size,)) for name, size in SIZES.items()]


def test_all_codes_or_those_of_one_latent(run, x):
    codes, (_, expected) = run.codes(x), by_hand(run.model, x, {})
    assert list(codes) == list(SIZES)
    for name in SIZES:
        assert_close(codes[name], expected[name])
        assert torch.equal(run.encode(x, latent=name), codes[name])
    assert run.codes(x, draws=7)["z2"].shape == (7, 6, 3)
    with pytest.raises(ValueError, match="the model has several latents, name one with latent=: z1, z2, z3"):
        run.encode(x)


def test_all_codes_decode_to_the_reconstruction(run, x):
    assert_close(run.decode(run.codes(x)), run.reconstruct(x))


def test_one_latents_codes_decode_beside_the_priors_means_of_the_others(run):
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert_close(run.decode(z, latent="z2"), by_hand(run.model, None, {"z2": z}, 5)[0])


@pytest.mark.parametrize(
    ("z", "latent", "sentence"),
    [
        (
            torch.zeros(2, 3),
            None,
            r"several latents \(z1, z2, z3\): say which with latent=, or give values by their names",
        ),
        (torch.zeros(2, 3), "z9", "no latent is named 'z9': this model has z1, z2, z3"),
        (torch.zeros(2, 3), "z1", r"codes of z1 must have the shape \(N, 2\), got \(2, 3\)"),
        ({"z1": torch.zeros(2, 2), "z2": torch.zeros(4, 3)}, None, "as many values as the others, got z1 2, z2 4"),
        ({"z1": torch.full((1, 2), math.nan)}, None, "codes of z1 must be finite"),
        ({}, None, "at least one of the latents z1, z2, z3, got none"),
    ],
)
def test_values_that_are_none_are_refused_in_a_sentence(run, z, latent, sentence):
    with pytest.raises(ValueError, match=sentence):
        run.decode(z, latent=latent)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_reconstructions_from_the_top_levels_alone(run, x, levels):
    below = dict.fromkeys(list(SIZES)[levels:])
    assert_close(run.reconstruct(x, levels=levels), by_hand(run.model, x, below)[0])
    assert_close(run.by_level(x)[levels], run.reconstruct(x, levels=levels))


def test_the_levels_below_can_be_drawn_under_a_seed(run, x):
    cold, warm = run.reconstruct(x, levels=1), run.reconstruct(x, levels=1, temperature=1.0, seed=3)
    assert not torch.allclose(cold, warm)
    assert torch.equal(warm, run.reconstruct(x, levels=1, temperature=1.0, seed=3))
    assert not torch.equal(warm, run.reconstruct(x, levels=1, temperature=1.0, seed=4))


def test_levels_that_are_not_there_are_refused(run, x):
    with pytest.raises(ValueError, match="levels must lie between 1 and 3"):
        run.reconstruct(x, levels=4)
    with pytest.raises(ValueError, match="temperature is that of the latents below levels: give levels too"):
        run.reconstruct(x, temperature=0.7)
    with pytest.raises(ValueError, match="most must be at least 2, got 1"):
        run.by_level(x, most=1)


def test_temperatures_for_all_for_each_and_by_name_are_one_thing(run):
    together = run.sample(4, seed=1, temperature=0.5)
    assert torch.equal(together, run.sample(4, seed=1, temperature=[0.5, 0.5, 0.5]))
    assert torch.equal(together, run.sample(4, seed=1, temperature=dict.fromkeys(SIZES, 0.5)))
    assert torch.equal(run.sample(4, seed=1), run.sample(4, seed=1, temperature={}))
    assert not torch.equal(together, run.sample(4, seed=1, temperature=[0.5, 0.5, 0.6]))


def test_a_latent_at_temperature_zero_is_its_priors_mean(run):
    assert_close(run.sample(3, temperature=0.0), by_hand(run.model, None, {}, 3)[0])
    top_alone = run.sample(200, temperature={"z2": 0.0, "z3": 0.0})
    assert float(top_alone.var(0).mean()) < float(run.sample(200).var(0).mean())


@pytest.mark.parametrize(
    ("temperature", "sentence"),
    [
        ([0.7, 0.8], r"one for each of the 3 latents \(z1, z2, z3\), got 2"),
        ({"z4": 0.7}, "temperature names 'z4', this model has the latents z1, z2, z3"),
        (-0.1, "temperature must be at least 0, got -0.1"),
        ([0.1, math.nan, 1.0], "temperature must be at least 0, got nan"),
    ],
)
def test_wrong_temperatures_are_refused_in_a_sentence(run, temperature, sentence):
    with pytest.raises(ValueError, match=sentence):
        run.sample(2, temperature=temperature)


def test_an_interpolation_takes_all_latents_from_one_example_to_the_other(run):
    path, codes = run.interpolate(0, 3, 5, path="straight"), run.codes(run.split()[1].select(torch.tensor([0, 3])))
    assert_close(path[[0, -1]], run.decode(codes))
    assert_close(path[2], run.decode({name: z.mean(0, keepdim=True) for name, z in codes.items()})[0])


def test_a_traversal_moves_one_dimension_in_standard_deviations_of_its_prior(run, x):
    values = torch.linspace(-2, 2, 5)
    _, codes = by_hand(run.model, x[:1], {})
    with torch.no_grad():
        h = run.model.levels[0].below(run.model.start[None], codes["z1"])
        prior = run.model.levels[1].prior(h)
    z2 = codes["z2"].repeat(5, 1)
    z2[:, 1] = prior.mean[0, 1] + values * prior.stddev[0, 1]
    others = {name: codes[name].expand(5, -1) for name in ("z1", "z3")}
    found = run.traverse(x[:1], latent="z2", dimensions=[1], steps=5, span=2.0)
    assert_close(found[0], by_hand(run.model, None, {**others, "z2": z2}, 5)[0])
    followed = run.traverse(x[:1], latent="z2", dimensions=[1], steps=5, span=2.0, follow=True)
    assert_close(followed[0], by_hand(run.model, None, {"z1": others["z1"], "z2": z2}, 5)[0])


def test_the_latent_that_tells_most_is_traversed_if_none_is_named(run):
    rates = {name: figure.value for name, figure in run.evaluate(samples=2).rates.items()}
    most = max(rates, key=lambda name: rates[name])
    assert torch.equal(run.traverse(0), run.traverse(0, latent=most))
    assert run.traverse(0).shape == (SIZES[most], 9, 1, 8, 8)
    with pytest.raises(ValueError, match="no latent is named 'z7'"):
        run.traverse(0, latent="z7")
    with pytest.raises(ValueError, match=f"dimension must lie between 0 and {SIZES[most] - 1}, got 9"):
        run.traverse(0, dimensions=[9])


def test_rates_of_each_latent_are_in_the_table_and_sum_to_the_rate(run):
    rows = list(csv.DictReader((run.path / "metrics.csv").open()))
    for row in rows:
        rates = [float(row[f"valid/rate:{name}"]) for name in SIZES]
        assert sum(rates) == pytest.approx(float(row["valid/rate"]))


def test_a_run_of_several_latents_exports_nothing_and_says_so(run, tmp_path):
    pytest.importorskip("onnx")
    with pytest.raises(ValueError, match="Hierarchy names no parts that could be exported"):
        run.export(tmp_path)


def test_runs_with_different_latents_compare(run, tmp_path):
    data = vk.data.open("digits", binarise="fixed", limit=300)
    other = vk.fit(hierarchy(2, 2), vk.Distortion() + vk.Rate(), data, folder=tmp_path / "two", **QUICK)
    found = vk.runs.compare([run, other], tmp_path / "beside.html", samples=2)
    assert set(found.evaluations["two"].rates) == {"z1", "z2"}
    assert found.page.stat().st_size > 10_000


class Kinds(vk.Model):
    """A kind y of three and a style z of two numbers: x from both."""

    def __init__(self) -> None:
        super().__init__()
        self.kind, self.style = nn.Linear(64, 3), vk.Gaussian(vk.MLP(64), 2)
        self.prior, self.decoder = vk.StandardNormal(2), vk.Bernoulli(vk.MLP(5), (1, 8, 8))

    def evidence(self, data, context):
        return data["x"]

    def walk(self, walk) -> None:
        p_y = Categorical(logits=torch.tensor([0.0, 1.0, 0.0]))
        y = walk.latent("y", p_y, lambda: Categorical(logits=self.kind(walk.evidence.flatten(1))))
        z = walk.latent("z", self.prior(), lambda: self.style(walk.evidence))
        both = torch.cat([nn.functional.one_hot(y, 3).to(z.dtype), z], -1)
        walk.likelihood("x", self.decoder(both, leading=walk.leading))


@pytest.fixture(scope="module")
def kinds(tmp_path_factory) -> vk.Run:
    torch.manual_seed(0)
    data = vk.data.open("digits", binarise="fixed", limit=300)
    where = tmp_path_factory.mktemp("runs") / "kinds"
    return vk.fit(Kinds(), vk.Distortion() + vk.Rate(), data, folder=where, **QUICK)


@torch.no_grad()
def made_of(model: Kinds, y: Tensor, z: Tensor) -> Tensor:
    return model.decoder(torch.cat([nn.functional.one_hot(y, 3).float(), z], -1)).mean


def test_a_discrete_latent_takes_each_of_its_values_in_a_traversal(kinds):
    z = kinds.encode(kinds.split()[1].first(1), latent="z")
    found = kinds.traverse(0, latent="y")
    assert_close(found[0], made_of(kinds.model, torch.arange(3), z.expand(3, 2)))
    with pytest.raises(ValueError, match="y is discrete and has no dimensions"):
        kinds.traverse(0, latent="y", dimensions=[0])


def test_a_latent_of_numbers_is_traversed_beside_the_examples_kind(kinds):
    codes = kinds.codes(kinds.split()[1].first(1))
    z = codes["z"].repeat(3, 1)
    z[:, 1] = torch.tensor([-1.0, 0.0, 1.0])
    found = kinds.traverse(0, dimensions=[1], steps=3, span=1.0)
    assert_close(found[0], made_of(kinds.model, codes["y"].expand(3), z))


def test_a_kind_that_is_not_given_is_the_likeliest_one(kinds):
    z = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    assert_close(kinds.decode(z, latent="z"), made_of(kinds.model, torch.ones(4, dtype=torch.long), z))
    y = torch.tensor([0, 1, 2, 2])
    assert_close(kinds.decode({"y": y.float(), "z": z}), made_of(kinds.model, y, z))


def test_kinds_change_halfway_between_two_examples(kinds):
    codes = kinds.codes(kinds.split()[1].select(torch.tensor([0, 1])))
    y = codes["y"][[0, 0, 1, 1]]
    z = torch.stack([codes["z"][0] + t * (codes["z"][1] - codes["z"][0]) for t in (0, 1 / 3, 2 / 3, 1)])
    assert_close(kinds.interpolate(0, 1, 4, path="straight"), made_of(kinds.model, y, z))


@pytest.mark.parametrize(
    ("y", "sentence"), [(1.5, "must be whole numbers"), (3.0, "must be among those that it can have")]
)
def test_a_kind_that_is_none_is_refused(kinds, y, sentence):
    with pytest.raises(ValueError, match=f"values of y {sentence}"):
        kinds.decode({"y": torch.tensor([y])})


def test_a_swap_has_the_codes_of_both_examples_as_they_are(run, x):
    codes = run.codes(x[:2])
    values = {name: z[:1] if name == "z2" else z[1:] for name, z in codes.items()}
    assert_close(run.swap(x[:1], x[1:2], latent="z2"), by_hand(run.model, None, values, 1)[0][0])
    assert_close(run.swap(x[:1], x[1:2], ["z1", "z3"]), run.swap(x[1:2], x[:1], "z2"))


def test_flat_codes_take_the_shape_of_a_map(tmp_path):
    data = vk.data.open("digits", limit=100)
    small = {"latent": 2, "channels": (4, 4), "groups": (1, 1)}
    options = {name: value for name, value in small.items() if name in recipe("nvae").options}
    made = vk.train("nvae", data, folder=tmp_path / "run", arguments=options, **{**QUICK, "epochs": 1})
    codes = made.codes(made.split()[1])
    flat = {name: z.flatten(1) for name, z in codes.items()}
    assert all(z.ndim == 4 for z in codes.values())
    assert_close(made.decode(flat), made.decode(codes))
    name = next(iter(codes))
    with pytest.raises(ValueError, match=f"codes of {name} must have the shape"):
        made.decode(flat[name][:, 1:], latent=name)
