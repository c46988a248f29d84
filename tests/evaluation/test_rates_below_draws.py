"""A closed form given draws of other latents is an estimate, and is called one."""

import pytest
import torch
from models.small_hierarchy import hierarchy

from vaekit.data import DataSpec, Domain, Split
from vaekit.evaluation import bound, evaluate
from vaekit.recipes import recipe

SPEC = DataSpec("digits", (1, 8, 8), Domain.BINARY, classes=4)
CLIPS = DataSpec("clips", (3, 1, 8, 8), Domain.BINARY, timed=True)
GIVEN = "KL(q(z|x) || p(z)), closed form given 1 draw of what stands above it"


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float32)


def examples(spec):
    return Split(torch.randint(2, (8, *spec.shape)).float())


def what(model, spec):
    return {name: f.what for name, f in evaluate(model, examples(spec), spec, samples=2).figures().items()}


def test_only_the_top_of_a_hierarchy_has_a_rate_that_no_draw_changes():
    model, split = hierarchy(2, 3, 2), examples(SPEC)
    one, other = (bound(model, split, seed=seed).rates for seed in (0, 1))
    assert torch.equal(one["z1"].values, other["z1"].values)
    assert not torch.equal(one["z2"].values, other["z2"].values)
    said = what(model, SPEC)
    assert said["rate of z1"] == "KL(q(z|x) || p(z)), closed form"
    assert said["rate of z2"] == said["rate of z3"] == said["rate"] == GIVEN


@pytest.mark.parametrize(
    ("name", "options", "below"),
    [
        ("dsvae", {"latent": 2, "content": 3, "recurrent": 4, "channels": (4,)}, {"motion"}),
        ("vrnn", {"latent": 2, "recurrent": 4, "channels": (4,)}, {"z"}),
        ("vae", {"latent": 2, "hidden": (8,)}, set()),
        ("m2", {"latent": 2, "hidden": (8,)}, set()),
    ],
)
def test_latents_below_draws_are_those_whose_rate_another_seed_changes(name, options, below):
    spec = CLIPS if below else SPEC
    known = {key: value for key, value in options.items() if key in recipe(name).options}
    model, split = recipe(name)(spec, **known).model, examples(spec)
    one, other = (bound(model, split, seed=seed) for seed in (0, 1))
    changed = {key for key in one.rates if not torch.equal(one.rates[key].values, other.rates[key].values)}
    assert one.below_draws == changed == below
    assert (what(model, spec)["rate"] == GIVEN) == bool(below)


def test_more_draws_are_counted():
    found = bound(hierarchy(2, 3), examples(SPEC), draws=3)
    assert found.draws == 3
    assert found.below_draws == {"z2"}


def test_what_stands_in_brackets_is_shown(capsys):
    figures = evaluate(hierarchy(2), examples(SPEC), SPEC, samples=2)
    for text in (str(figures), figures._repr_html_()):
        assert "q(z|x)" in text
    dead = recipe("vae")(SPEC, latent=2, hidden=(8,)).model
    for parameter in dead.encoder.parameters():
        parameter.data.zero_()
    text = " ".join(str(evaluate(dead, examples(SPEC), SPEC, samples=2)).split())
    assert "E[z|x]" in text
