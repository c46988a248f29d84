"""Contracts (d) and (f) trained by the ordinary loop: eager, compiled, and in two processes."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from contracts.codes import CODE_OF, code_counts, data
from contracts.critics import POSTERIORS, TwoLatents
from contracts.phases import fit_critics, fit_prior, ratio_errors

TESTS = Path(__file__).parents[1]
AGREEMENT = 0.15  # nats: three standard errors of a critic's logit on its draws


def code_length() -> float:
    counts = torch.tensor(code_counts()).double()
    return float(-(counts / counts.sum() * (counts / counts.sum()).log()).sum())


def mean_rate(model) -> float:
    with torch.no_grad():
        return float(model.infer(data()).rate.mean())


def cpu() -> Fabric:
    return Fabric(accelerator="cpu", devices=1)


def test_a_prior_fitted_afterwards_reaches_the_entropy_of_the_codes():
    model = fit_prior(cpu())
    assert mean_rate(model) == pytest.approx(code_length(), abs=1e-4)
    assert mean_rate(model) < math.log(3)
    assert torch.equal(model.table, type(model)().table)
    assert len(CODE_OF) == 6


def test_two_critics_in_phases_find_both_density_ratios_and_move_nothing_else():
    model, critics = fit_critics(cpu())
    assert max(ratio_errors(critics).values()) < AGREEMENT
    assert model.w.item() != pytest.approx(TwoLatents().w.item(), abs=1e-4)
    assert set(critics) == set(POSTERIORS)


@pytest.mark.slow
def test_the_phases_agree_when_compiled():
    torch.compiler.reset()
    assert mean_rate(fit_prior(cpu(), compile=True)) == pytest.approx(code_length(), abs=1e-4)
    torch.compiler.reset()
    _, critics = fit_critics(cpu(), compile=True)
    assert max(ratio_errors(critics).values()) < AGREEMENT


@pytest.mark.slow
def test_the_phases_agree_in_two_processes(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    script, out = TESTS / "contracts" / "two_processes_training.py", tmp_path / "out.json"
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(script), str(out)], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["rate"] == pytest.approx(mean_rate(fit_prior(cpu())), abs=1e-5)
    _, critics = fit_critics(cpu())
    assert found["critics"] == pytest.approx([c for q in critics.values() for c in q.coefficients.tolist()], abs=1e-3)
