import pytest
import torch
from torch.testing import assert_close

from vaekit.recipes import recipe
from vaekit.recipes.formula import objective_from

from .rows import SPECS


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        ("Distortion + 4 * Rate(free_bits=0.25)", "Distortion() + 4 * Rate(free_bits=0.25)"),
        ("Distortion - -2*Rate", "Distortion() + 2 * Rate()"),
        ("Distortion + Rate * 0.5", "Distortion() + 0.5 * Rate()"),
        (
            "Distortion + MutualInformation + 6 * TotalCorrelation(stratified=True) + DimensionwiseKL",
            "Distortion() + MutualInformation() + 6 * TotalCorrelation(stratified=True) + DimensionwiseKL()",
        ),
        ("Distortion + Linear(0, 1, steps=9) * Rate", "Distortion() + Linear(start=0, end=1, steps=9) * Rate()"),
        (
            "Distortion + 100 * MMD(kernel=RadialBasis(32.0))",
            "Distortion() + 100 * MMD(kernel=RadialBasis(width=32.0, scales=(1.0,)))",
        ),
        ("ImportanceWeighted(5)", "ImportanceWeighted(samples=5)"),
        ("2 * (Distortion + Rate)", "2 * Distortion() + 2 * Rate()"),
    ],
)
def test_a_formula_is_what_the_record_says_of_it_and_can_be_read_again(formula, written):
    assert repr(objective_from(formula)) == written
    assert repr(objective_from(written)) == written


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("", "objective must be a sum of terms such as Distortion"),
        ("3", "objective must be a sum of terms such as Distortion"),
        ("Distortion +", "objective must be a sum of terms such as Distortion"),
        ("(" * 300, "objective must be a sum of terms such as Distortion"),
        ("Distortion" + " + Distortion" * 1000, "objective is written in at most 2,000 characters, got"),
        ("__import__('os').system('true')", "which is no sum of terms with weights"),
        ("open('x')", "objective knows no 'open': terms are Distortion, Rate"),
        ("Distortion + rate", "objective knows no 'rate': terms are Distortion, Rate"),
        ("Distortion ** 2", "objective holds 'Distortion \\*\\* 2', which is no sum"),
        ("Distortion + 'a'", "terms and numbers can be added and multiplied, got 'a'"),
        ("Linear(0, 1, 5) + 2", "terms and their weights can be added and multiplied"),
        ("Rate(bits=3)", "objective: Rate.* cannot take that: got an unexpected keyword argument 'bits'"),
        ("Rate(**{'name': 'z'})", "which is no sum of terms"),
        ("Distortion * Rate", "terms are added, not multiplied"),
        ("Distortion + Distortion", "stands twice"),
        ("Distortion + Rate(free_bits=-1)", "free_bits must be 0 or more nats, got -1"),
        ("[Rate for x in (1, 2)]", "which is no sum of terms"),
        ("ImportanceWeighted(0)", "samples must be a whole number of at least 1, got 0"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(formula, said):
    with pytest.raises(ValueError, match=said):
        objective_from(formula)


def test_a_recipe_trains_on_it():
    spec = SPECS["binary"]
    torch.manual_seed(0)
    plain = recipe("vae")(spec, latent=2, hidden=(4,))
    torch.manual_seed(0)
    weighed = recipe("vae")(spec, latent=2, hidden=(4,), objective="Distortion + 3 * Rate")
    x = torch.rand(5, *spec.shape).round()
    torch.manual_seed(1)
    inference = plain.model.infer(x)
    torch.manual_seed(1)
    assert_close(weighed.objective(weighed.model.infer(x)), inference.expect(inference.distortion + 3 * inference.rate))


@pytest.mark.parametrize("beside", [{"free_bits": 0.5}, {"held_rate": 3.0}])
def test_it_says_itself_what_its_rate_has(beside):
    with pytest.raises(ValueError, match="says itself what its rate has"):
        recipe("vae")(SPECS["binary"], objective="Distortion + Rate", **beside)
