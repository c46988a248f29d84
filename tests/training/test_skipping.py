"""Steps that are skipped: too large a gradient, or none that is finite."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import vaekit.data
from vaekit.conditionals import Bernoulli, Gaussian
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.objectives import Distortion, Objective, Rate, SpectralNorm, Term
from vaekit.priors import StandardNormal
from vaekit.training import Broken, Callback, Checkpoints, Metrics, Phase, Trainer, plan_from
from vaekit.training.progress import announced

TESTS = Path(__file__).parents[1]
PER_EPOCH = 10


class At:
    """A schedule that is `there` at some steps and `otherwise` at the others."""

    def __init__(self, steps, there, otherwise=1.0):
        self.steps, self.there, self.otherwise = steps, there, otherwise

    def __call__(self, step):
        return self.there if step in self.steps else self.otherwise


def digits() -> vaekit.data.Data:
    return vaekit.data.open("digits", binarise="visit", limit=PER_EPOCH * 20 + 50, valid=50, test=0)


def small_vae(*first: nn.Module) -> VAE:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        encoder = Gaussian(nn.Sequential(*first, MLP(64, 16)) if first else MLP(64, 16), 4, features=16)
        return VAE(StandardNormal(4), encoder, Bernoulli(MLP(4, 16), (1, 8, 8)))


def trainer_of(objective, data=None, folder=None, callbacks=(), fabric=None, model=None, **options) -> Trainer:
    model = small_vae() if model is None else model
    given = {"epochs": 2, "batch_size": 20, "skip": 1e4, "clip": 100.0, "accelerator": "cpu", **options}
    phases = [Phase("train", objective, [model])]
    return Trainer(
        model,
        phases,
        digits() if data is None else data,
        plan_from(given),
        callbacks=callbacks,
        fabric=fabric,
        checkpoints=None if folder is None else Checkpoints(folder / "checkpoint"),
        metrics=Metrics(None if folder is None else folder / "metrics.csv"),
    )


def spiky(*steps, size=1e7) -> Objective:
    return Distortion() + At(steps, size) * Rate()


def weights(trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


class Watch(Callback):
    """Weights after every step."""

    def on_start(self, trainer):
        self.seen = [weights(trainer)]

    def on_step(self, trainer, step, loss):
        self.seen.append(weights(trainer))

    def still(self) -> list[int]:
        """Steps, from 0, after which the weights were what they were before."""
        return [i for i in range(len(self.seen) - 1) if torch.equal(self.seen[i], self.seen[i + 1])]


def test_a_step_with_too_large_a_gradient_moves_nothing_and_is_counted():
    watch = Watch()
    trainer = trainer_of(spiky(1, 3, 17), callbacks=[watch])
    trainer.run()
    assert watch.still() == [1, 3, 17]
    assert [row["train/skipped"] for row in trainer.metrics.rows] == [2, 1]
    assert trainer.position.steps["train"] == 2 * PER_EPOCH


def test_without_skip_the_same_step_moves_the_weights_and_nothing_is_counted():
    watch = Watch()
    trainer = trainer_of(spiky(1), callbacks=[watch], skip=None)
    trainer.run()
    assert watch.still() == []
    assert "train/skipped" not in trainer.metrics.rows[0]


def test_the_norm_is_compared_before_it_is_clipped():
    """A norm of some tens is above a skip of 1 whatever it is clipped to, and below one of 1e4."""
    watch = Watch()
    with pytest.raises(Broken):
        trainer_of(spiky(), callbacks=[watch], skip=1.0, clip=0.5).run()
    assert watch.still() == list(range(9))


class Sometimes(Term):
    """Not a number at some of its calls; `with_gradient` says whether its gradient is none either."""

    def __init__(self, calls, with_gradient):
        super().__init__("sometimes")
        self.calls, self.with_gradient, self.call = calls, with_gradient, -1

    def forward(self, inference, coefficients):
        self.call += self.training
        if not self.training or self.call not in self.calls:
            return 0 * inference.rate
        return math.nan * inference.rate if self.with_gradient else torch.full_like(inference.rate.detach(), math.inf)


@pytest.mark.parametrize("with_gradient", [True, False], ids=["gradient too", "value alone"])
def test_a_loss_that_is_no_number_is_skipped_and_leaves_the_epochs_figures_finite(with_gradient):
    watch = Watch()
    trainer = trainer_of(Distortion() + Rate() + Sometimes({2, 16}, with_gradient), callbacks=[watch])
    trainer.run()
    assert watch.still() == [2, 16]
    assert all(math.isfinite(value) for row in trainer.metrics.rows for value in row.values())


def test_figures_are_of_the_steps_that_were_taken():
    rows = [trainer_of(spiky(3, 4, size=size), epochs=1) for size in (1e7, 1e8)]
    for trainer in rows:
        trainer.run()
    one, other = (trainer.metrics.rows[0] for trainer in rows)
    assert (
        one["train/loss"] == other["train/loss"] == pytest.approx(one["train/distortion"] + one["train/rate"], rel=1e-6)
    )


def test_ten_in_a_row_end_the_run_in_a_sentence_that_says_why_and_nine_do_not():
    trainer_of(spiky(*range(6, 15)), epochs=4).run()
    said = r"step 15 of phase 'train': 10 steps in a row were skipped, .* the gradient's norm exceeded 10000\. Nothing"
    with pytest.raises(Broken, match=said):
        trainer_of(spiky(*range(6, 16)), epochs=4).run()


def test_an_epoch_of_nothing_but_skipped_steps_ends_the_run():
    with pytest.raises(Broken, match="epoch 1: every step was skipped"):
        trainer_of(spiky(0, 1), batch_size=100).run()


def test_averaged_weights_wait_with_the_weights():
    decay, watch = 0.9, Watch()
    trainer = trainer_of(spiky(1, 3, 17), callbacks=[watch], ema=decay)
    trainer.run()
    expected = watch.seen[0]
    for step, now in enumerate(watch.seen[1:]):
        d = min(decay, (2 + step) / (11 + step))
        expected = expected if step in (1, 3, 17) else d * expected + (1 - d) * now
    averaged = trainer.averaged_weights()
    names = [name for name, _ in trainer.model.named_parameters()]
    assert_close(torch.cat([averaged[n].flatten() for n in names]), expected, rtol=1e-4, atol=1e-6)


class Breaks(nn.Module):
    """What it is given, or what is no number while it is broken."""

    broken = False

    def forward(self, x):
        return x.flatten(1) * (math.nan if self.broken and self.training else 1.0)


class WatchState(Callback):
    """The whole state after every step, in which the batches of some steps are broken."""

    def __init__(self, *steps):
        self.steps, self.seen = steps, []

    def on_start(self, trainer):
        self.on_step(trainer, 0, None)

    def on_step(self, trainer, step, loss):
        self.seen.append({name: t.clone() for name, t in trainer.modules.state_dict().items()})
        trainer.model.encoder.network[0].broken = step in self.steps

    def still(self, name):
        """Steps, from 0, after which what `name` is a part of was what it was before."""
        names = [whole for whole in self.seen[0] if name in whole]
        pairs = enumerate(zip(self.seen, self.seen[1:], strict=False))
        return [i for i, (one, next_one) in pairs if all(torch.equal(one[n], next_one[n]) for n in names)]


STATEFUL = ("running_mean", "running_var", "num_batches_tracked", ".v_", "weight")


def broken_at(*steps, **options) -> WatchState:
    """The states of a training with batch norm and spectral norms, whose batches are broken at these steps."""
    model, watch = small_vae(Breaks(), nn.BatchNorm1d(64)), WatchState(*steps)
    objective = Distortion() + Rate() + 0.01 * SpectralNorm(model)
    trainer_of(objective, callbacks=[watch], model=model, **options).run()
    return watch


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_skipped_step_moves_no_buffer_either(accumulate):
    watch = broken_at(1, 3, 17, accumulate=accumulate)
    assert {name: watch.still(name) for name in STATEFUL} == {name: [1, 3, 17] for name in STATEFUL}
    assert all(bool(t.isfinite().all()) for t in watch.seen[-1].values())


def test_pieces_of_a_batch_are_skipped_together():
    whole, pieces = Watch(), Watch()
    trainer_of(spiky(1, 3, 17), callbacks=[whole]).run()
    trainer_of(spiky(1, 3, 17), callbacks=[pieces], accumulate=3).run()
    assert pieces.still() == whole.still() == [1, 3, 17]
    assert_close(pieces.seen[-1], whole.seen[-1], rtol=1e-4, atol=1e-5)


class Stops(Callback):
    """Fails after a step, as a kill would; the state is saved."""

    def __init__(self, after):
        self.after = after

    def on_step(self, trainer, step, loss):
        if step == self.after:
            raise RuntimeError("stopped")


@pytest.mark.parametrize("after", [2, 4, 10, 20])
def test_a_run_that_is_taken_up_within_a_row_of_skipped_steps_ends_as_one_that_never_stopped(tmp_path, after):
    objective = spiky(0, 1, 3, 7, *range(18, 23))
    unbroken = trainer_of(objective, epochs=3, ema=0.9)
    unbroken.run()
    with pytest.raises(RuntimeError, match="stopped"):
        trainer_of(objective, folder=tmp_path, callbacks=[Stops(after)], epochs=3, ema=0.9).run()
    again = trainer_of(objective, folder=tmp_path, epochs=3, ema=0.9)
    assert again.resume()
    again.run()
    assert torch.equal(weights(again), weights(unbroken))
    assert again.metrics.rows == unbroken.metrics.rows


def test_a_row_of_skipped_steps_goes_on_counting_where_the_run_is_taken_up(tmp_path):
    objective = spiky(*range(6, 16))
    with pytest.raises(RuntimeError, match="stopped"):
        trainer_of(objective, folder=tmp_path, callbacks=[Stops(12)], epochs=4).run()
    again = trainer_of(objective, folder=tmp_path, epochs=4)
    again.resume()
    with pytest.raises(Broken, match=r"step 15 .* 10 steps in a row"):
        again.run()


def test_skipped_steps_are_announced_where_there_are_some():
    row = {"epoch": 1, "train/loss": 3.0, "train/skipped": 2, "valid/loss": 4.0}
    assert announced(row) == "train: loss 3.00  2 steps skipped | valid: loss 4.00"
    assert "skipped" not in announced({**row, "train/skipped": 0})


@pytest.mark.parametrize("norm", [0.0, -1.0, math.inf, math.nan])
def test_a_norm_that_is_none_is_refused(norm):
    with pytest.raises(ValueError, match="skip must be a finite number above 0"):
        plan_from({"skip": norm})


@pytest.mark.slow
def test_two_processes_skip_the_same_steps_as_one(tmp_path):
    script, out = TESTS / "training" / "two_processes_skipping.py", tmp_path / "weights.pt"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(script), str(out)], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    watch = Watch()
    trainer_of(spiky(1, 3, 17), callbacks=[watch]).run()
    for rank in range(2):
        found = torch.load(out.with_suffix(f".{rank}.pt"))
        assert found["still"] == watch.still() == [1, 3, 17]
        assert_close(found["weights"], watch.seen[-1], rtol=1e-4, atol=1e-5)
        assert found["buffers still"] == {name: [1, 3, 17] for name in STATEFUL}
