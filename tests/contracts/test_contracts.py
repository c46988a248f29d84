"""Six shapes of model over one core, each agreeing with a closed form or a full enumeration."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from contracts.case import Case, gradients, losses
from contracts.every import every_case

NAMED = {case.name: case for case in every_case()}
every = pytest.mark.parametrize("case", NAMED.values(), ids=NAMED.keys())
TESTS = Path(__file__).parents[1]


@every
def test_the_loss_is_the_closed_form(case: Case):
    assert_close(losses(case, case.step()), case.expected, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@every
def test_the_compiled_loss_is_the_closed_form(case: Case):
    torch.compiler.reset()
    step = torch.compile(case.step(), fullgraph=True, options={"fallback_random": True})
    assert_close(losses(case, step), case.expected, rtol=1e-9, atol=1e-9)


@every
def test_half_a_batch_has_the_noise_of_the_whole(case: Case):
    step, total = case.step(), len(case.expected)
    halves = [losses(case, step, 0, total // 2), losses(case, step, total // 2, total)]
    assert_close(torch.cat(halves), losses(case, step), rtol=1e-9, atol=1e-9)


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory) -> dict[str, dict[str, torch.Tensor]]:
    folder = tmp_path_factory.mktemp("two")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    script = TESTS / "contracts" / "two_processes.py"
    done = subprocess.run(
        [*command, str(script), str(folder)], capture_output=True, text=True, env=with_path(), timeout=300
    )
    assert done.returncode == 0, done.stderr
    return {rank: load_file(folder / f"{rank}.safetensors") for rank in ("0", "1")}


def with_path() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
@every
def test_two_processes_agree_with_the_closed_form_and_with_one_in_gradients(case: Case, two_processes):
    i = list(NAMED).index(case.name)
    halves = [two_processes[rank][f"{i}.loss"] for rank in ("0", "1")]
    assert_close(torch.cat(halves), case.expected, rtol=1e-9, atol=1e-9)
    step = case.step()
    alone = gradients(case, step, losses(case, step))
    for rank in ("0", "1"):
        assert_close(two_processes[rank][f"{i}.gradient"], alone.to(two_processes[rank][f"{i}.gradient"]))


def test_the_probabilities_of_all_strings_sum_to_one():
    case = NAMED["strings: all of them"]
    assert_close((-losses(case, case.step())).exp().sum().item(), 1.0)


def test_generated_strings_follow_the_probabilities_of_all_strings():
    case = NAMED["strings: all of them"]
    torch.manual_seed(3)
    drawn = case.model.sample(20_000)
    places = (drawn * torch.tensor([27, 9, 3, 1])).sum(1)
    share = torch.bincount(places, minlength=81) / len(drawn)
    p = (-case.expected).exp()
    assert ((share - p).abs() < 5 * (p * (1 - p) / len(drawn)).sqrt() + 1e-4).all()
