"""Every prior, from a table: the generic checks below take a new prior as one more row."""

import inspect
import math

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

import vaekit.priors
from vaekit.priors import (
    BetaPrior,
    DirichletPrior,
    GammaPrior,
    Prior,
    StandardCauchy,
    StandardLaplace,
    StandardNormal,
    StandardStudentT,
    UniformBox,
    UniformLabels,
    UniformOnSphere,
)

SHAPE = (2, 3)
PRIORS = {
    "StandardNormal": lambda: StandardNormal(SHAPE),
    "UniformLabels": lambda: UniformLabels(4),
    "UniformOnSphere": lambda: UniformOnSphere(3),
    "StandardLaplace": lambda: StandardLaplace(SHAPE),
    "StandardStudentT": lambda: StandardStudentT(SHAPE),
    "StandardCauchy": lambda: StandardCauchy(SHAPE),
    "UniformBox": lambda: UniformBox(SHAPE, -2.0, 1.0),
    "GammaPrior": lambda: GammaPrior(SHAPE, 2.0, 3.0),
    "BetaPrior": lambda: BetaPrior(SHAPE, 2.0, 0.5),
    "DirichletPrior": lambda: DirichletPrior(3, 0.7),
}
SHAPES = {"UniformLabels": (), "UniformOnSphere": (3,), "DirichletPrior": (3,)}
SCIPY = {
    "StandardLaplace": stats.laplace.logpdf,
    "StandardStudentT": lambda z: stats.t.logpdf(z, 5),
    "StandardCauchy": stats.cauchy.logpdf,
    "UniformBox": lambda z: stats.uniform.logpdf(z, -2, 3),
    "GammaPrior": lambda z: stats.gamma.logpdf(z, 2, scale=1 / 3),
    "BetaPrior": lambda z: stats.beta.logpdf(z, 2, 0.5),
}
DISCRETE = {"UniformLabels"}
OF_CODES = {
    "UniformCodes",
    "IndependentCodes",
    "AutoregressiveCodes",
    "UnmaskedCodes",
}  # need an encoder: tests/models/test_codes.py, test_priors_of_codes.py, test_unmasked_codes.py,
# test_relaxed_codes.py
WITHOUT_ENTROPY = {
    "EnergyPrior",
    "FlowPrior",
    "MixtureOfGaussians",
    "VampPrior",
}  # tests/priors/test_learned_priors.py, test_energy.py


@pytest.fixture(params=PRIORS, ids=str)
def prior(request):
    return PRIORS[request.param]()


def test_the_table_holds_every_prior():
    found = {name for name, p in vars(vaekit.priors).items() if inspect.isclass(p) and issubclass(p, Prior)}
    assert found - {"Prior", "PriorOverCodes"} == set(PRIORS) | OF_CODES | WITHOUT_ENTROPY


def test_its_distribution_has_its_event_shape_and_no_batch(prior):
    assert tuple(prior().event_shape) == prior.event_shape == SHAPES.get(type(prior).__name__, SHAPE)
    assert tuple(prior().batch_shape) == ()
    z = prior().sample((7,))
    assert prior().log_prob(z).shape == (7,)


def test_it_follows_the_dtype_of_the_module(prior):
    for dtype in (torch.float32, torch.float64):
        drawn = prior.to(dtype)().sample()
        assert prior().log_prob(drawn).dtype is dtype
        assert drawn.dtype is (torch.int64 if type(prior).__name__ in DISCRETE else dtype)


def test_its_state_is_loaded_into_a_fresh_one(prior, request):
    fresh = PRIORS[request.node.callspec.params["prior"]]()
    fresh.load_state_dict(prior.state_dict())
    z = prior().sample((5,))
    assert_close(fresh().log_prob(z), prior().log_prob(z))


def test_its_draws_average_the_log_density_to_minus_the_entropy(prior):
    log_p = prior().log_prob(prior().sample((20_000,)))
    assert (log_p.mean() + prior().entropy()).abs() < 4 * log_p.std() / len(log_p) ** 0.5 + 1e-12


def test_the_standard_normal_is_that_of_scipy():
    z = torch.randn(5, *SHAPE)
    expected = stats.norm.logpdf(z).sum((1, 2))
    assert_close(StandardNormal(SHAPE)().log_prob(z), torch.from_numpy(expected))
    assert float(StandardNormal(4)().log_prob(torch.zeros(4))) == pytest.approx(-2 * math.log(2 * math.pi))


def test_the_standard_normal_ignores_the_context_and_the_posterior():
    prior, z = StandardNormal(SHAPE), torch.randn(SHAPE)
    assert_close(prior(torch.ones(3, 2), posterior=lambda x: None).log_prob(z), prior().log_prob(z))


def test_the_standard_normal_has_nothing_to_train_or_save():
    assert not list(StandardNormal(3).parameters())
    assert StandardNormal(3).state_dict() == {}


@pytest.mark.parametrize("shape", [0, (2, 0), (2, 1.5)], ids=str)
def test_an_empty_latent_is_refused(shape):
    with pytest.raises(ValueError, match="event_shape must hold sizes of at least 1, got"):
        StandardNormal(shape)


def test_labels_are_uniform():
    assert_close(UniformLabels(4)().log_prob(torch.arange(4)), torch.full((4,), -math.log(4)))
    assert UniformLabels(4).state_dict() == {}


@pytest.mark.parametrize("classes", [1, 0, 2.0, True], ids=str)
def test_a_label_of_one_class_is_refused(classes):
    with pytest.raises(ValueError, match="classes must be a whole number of at least 2, got"):
        UniformLabels(classes)


def test_the_sphere_is_uniform_and_has_nothing_to_train_or_save():
    z = UniformOnSphere(3)().sample((5,))
    assert_close(UniformOnSphere(3)().log_prob(z), torch.full((5,), -math.log(4 * math.pi)))
    assert not list(UniformOnSphere(3).parameters())
    assert UniformOnSphere(3).state_dict() == {}


@pytest.mark.parametrize("size", [1, 0, 2.0, True], ids=str)
def test_a_sphere_of_less_than_a_circle_is_refused(size):
    with pytest.raises(ValueError, match="a sphere needs a whole number of at least 2 dimensions, got"):
        UniformOnSphere(size)


@pytest.mark.parametrize("name", SCIPY)
def test_fixed_densities_are_those_of_scipy(name):
    z = PRIORS[name]()().sample((5,))
    assert_close(PRIORS[name]()().log_prob(z), torch.from_numpy(SCIPY[name](z.numpy())).sum((1, 2)))
    assert not list(PRIORS[name]().parameters())
    assert PRIORS[name]().state_dict() == {}


def test_shares_are_those_of_scipy():
    z = DirichletPrior(3, 0.7)().sample((5,))
    expected = [stats.dirichlet.logpdf(row / row.sum(), [0.7] * 3) for row in z.numpy()]
    assert_close(DirichletPrior(3, 0.7)().log_prob(z), torch.tensor(expected))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: StandardStudentT(3, df=0.0), "df must be a finite number above 0, got 0.0"),
        (lambda: UniformBox(3, 1.0, -1.0), "least must lie below most, got 1.0 and -1.0"),
        (lambda: GammaPrior(3, rate=-1.0), "rate must be a finite number above 0, got -1.0"),
        (lambda: BetaPrior(3, 0.0), "concentration1 must be a finite number above 0, got 0.0"),
        (lambda: DirichletPrior(1), "size must be at least 2, got 1"),
    ],
)
def test_a_fixed_density_says_what_it_needs(make, said):
    with pytest.raises(ValueError, match=said):
        make()
