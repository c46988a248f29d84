import math

import annotated_types as bounds
import pytest

from recipes.rows import SPECS
from vaekit.recipes import recipe, recipes

OPTIONS = {f"{name}: {o.name}": (name, o) for name, chosen in recipes().items() for o in chosen.options.values()}
every = pytest.mark.parametrize(("name", "option"), OPTIONS.values(), ids=list(OPTIONS))


def outside(bound):
    """A value just outside of a bound, and how the bound is said."""
    if isinstance(bound, bounds.Ge):
        return bound.ge - 1, f"at least {bound.ge}"
    if isinstance(bound, bounds.Gt):
        return bound.gt, f"above {bound.gt}"
    return (bound.le + 1, f"at most {bound.le}") if isinstance(bound, bounds.Le) else (bound.lt, f"below {bound.lt}")


@every
def test_a_default_is_among_the_values_accepted(name, option):
    assert option.check(option.default) == option.default


@every
def test_a_value_out_of_bounds_is_refused(name, option):
    for bound in option.bounds:
        value, words = outside(bound)
        value = (1, value) if isinstance(option.default, tuple) else value
        with pytest.raises(ValueError, match=f"{option.name} must be {words}, got"):
            recipe(name)(SPECS["binary"], **{option.name: value})


@every
def test_a_value_of_another_type_is_refused(name, option):
    wrong = {"nothing": "like it"}
    with pytest.raises(ValueError, match=f"{option.name} must be (of type|one of)"):
        recipe(name)(SPECS["binary"], **{option.name: wrong if option.type is not dict else 0})


@pytest.mark.parametrize("name", recipes())
def test_an_option_that_there_is_not_is_refused_with_the_nearest(name):
    first = next(iter(recipe(name).options))
    misspelt = first[:-1] + first[-1] * 3
    with pytest.raises(ValueError, match=f"recipe '{name}' has no option '{misspelt}': did you mean {first}"):
        recipe(name)(SPECS["binary"], **{misspelt: 2})
    with pytest.raises(ValueError, match=f"recipe '{name}' has no option 'zzz': there are .*{first}"):
        recipe(name)(SPECS["binary"], zzz=2)


@pytest.mark.parametrize(
    ("wrong", "right"), [("bta-vae", "beta-vae"), ("conditional-vae", "conv-vae"), ("iwea", "iwae")]
)
def test_a_recipe_that_there_is_not_is_refused_with_the_nearest(wrong, right):
    with pytest.raises(ValueError, match=f"there is no recipe '{wrong}': did you mean .*{right}"):
        recipe(wrong)


def test_a_recipe_like_no_other_is_refused_with_all_of_them():
    with pytest.raises(ValueError, match=r"there is no recipe 'qqq': there are .*autoencoder.*vae"):
        recipe("qqq")


REFUSED = {
    "half a latent": ("vae", {"latent": 2.5}, "latent must be of type int, got 2.5"),
    "a yes for a number": ("vae", {"latent": True}, "latent must be of type int, got True"),
    "a number for a yes": ("cvae", {"learned_prior": 1}, "learned_prior must be of type bool, got 1"),
    "a width in words": ("vae", {"hidden": (8, "8")}, "hidden must be of type int, got '8'"),
    "an activation misspelt": (
        "vae",
        {"activation": "rleu"},
        "activation must be one of relu, tanh, silu, gelu, softplus, got 'rleu'",
    ),
    "a weight that is not a number": ("beta-vae", {"beta": math.nan}, "beta must be at least 0, got nan"),
    "an endless weight": ("beta-vae", {"beta": math.inf}, "a weight must be a finite number .* got inf"),
    "an endless capacity": ("annealed-capacity-vae", {"capacity": math.inf}, "end must be a finite number, got inf"),
    "more than all masked": ("denoising-autoencoder", {"amount": 1.5}, "probability must .* 1.5"),
}


@pytest.mark.parametrize(("name", "options", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_nonsense_is_refused_in_a_sentence(name, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        recipe(name)(SPECS["binary"], **options)


def test_values_become_the_types_of_their_options():
    given = recipe("vae").arguments({"hidden": [8, 4], "free_bits": 1, "likelihood": None})
    assert (given["hidden"], given["free_bits"], given["likelihood"]) == ((8, 4), 1.0, None)
    assert isinstance(given["free_bits"], float)
    assert recipe("vae").arguments({"hidden": 8})["hidden"] == (8,)
    assert given["latent"] == 16
