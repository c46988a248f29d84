"""What a bottleneck lets through, against what it must."""

import math

import pytest

import vaekit as vk
from vaekit.evaluation import bound, classified

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    digits = vk.data.open("digits")
    plan = {"steps": 900, "patience": 0, "report": vk.Silent()}
    made = {}
    for beta in (1e-4, 0.05, 2.0):
        arguments = {"beta": beta, "hidden": (64,), "latent": 8}
        made[beta] = vk.train("vib", digits, folder=tmp_path_factory.mktemp("vib") / "run", arguments=arguments, **plan)
    return made


def rate_and_loss(run):
    found = classified(run.model, run.data.test)
    return bound(run.model, run.data.test).rates["z"].mean, float(found.log_losses.mean()), found.error


def test_the_code_tells_at_least_what_the_labels_need_and_less_the_dearer_it_is(runs):
    cheap, dear = rate_and_loss(runs[1e-4]), rate_and_loss(runs[0.05])
    for rate, loss, error in (cheap, dear):
        assert rate >= math.log(10) - loss - 0.05  # I(z; y) is at most I(x; z), of which the rate is a bound
        assert error < 0.08
    assert dear[0] < cheap[0] / 3


def test_a_nat_that_costs_more_than_the_label_gains_by_it_is_not_bought(runs):
    rate, loss, _ = rate_and_loss(runs[2.0])
    assert rate < 0.05
    assert abs(loss - math.log(10)) < 0.05


def test_the_decoder_looks_on_and_moves_nothing_but_itself(runs):
    assert (
        bound(runs[1e-4].model, runs[1e-4].data.test).distortion.mean
        < 0.9 * bound(runs[2.0].model, runs[2.0].data.test).distortion.mean
    )
    assert runs[0.05].predict(runs[0.05].data.test.first(20), draws=12).labels.shape == (20,)
