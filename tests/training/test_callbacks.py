"""Callbacks: told of everything in order, able to stop a run, unable to lose one."""

import pytest
import torch

import vaekit as vk
from vaekit.training import Silent

QUICK = {"epochs": 3, "batch_size": 50, "accelerator": "cpu", "report": Silent()}
TINY = {"latent": 2, "hidden": (8,)}


@pytest.fixture(scope="module")
def digits() -> vk.data.Data:
    return vk.data.open("digits", binarise="visit", limit=300)


class Diary(vk.Callback):
    """Writes down every event."""

    def __init__(self):
        self.events, self.rows, self.losses = [], [], []

    def on_start(self, trainer):
        self.events.append("start")

    def on_step(self, trainer, step, loss):
        assert torch.is_tensor(loss)
        self.losses.append(float(loss))
        self.events.append(f"step {step}")

    def on_validation(self, trainer, validation):
        self.events.append("validation")
        self.bound = validation.bound

    def on_epoch(self, trainer, row):
        self.rows.append(dict(row))
        self.events.append(f"epoch {row['epoch']}")

    def on_end(self, trainer):
        self.events.append("end")


class At(vk.Callback):
    """Does something at a step or an epoch."""

    def __init__(self, action, *, step=None, epoch=None):
        self.action, self.step, self.epoch = action, step, epoch

    def on_step(self, trainer, step, loss):
        if step == self.step:
            self.action(trainer)

    def on_epoch(self, trainer, row):
        if row["epoch"] == self.epoch:
            self.action(trainer)


def trained(digits, folder, *callbacks, **options):
    return vk.train("vae", digits, folder=folder, arguments=TINY, callbacks=callbacks, **QUICK | options)


def fail(trainer):
    raise RuntimeError("the callback failed")


def test_events_come_in_order_with_the_rows_of_the_table(digits, tmp_path):
    diary = Diary()
    run = trained(digits, tmp_path / "run", diary, epochs=2)
    per_epoch = -(-len(digits.train) // 50)
    epochs = [[*(f"step {e * per_epoch + i + 1}" for i in range(per_epoch)), "validation"] for e in range(2)]
    assert diary.events == ["start", *epochs[0], "epoch 1", *epochs[1], "epoch 2", "end"]
    assert diary.rows == run.metrics
    assert diary.bound == run.metrics[-1]["valid/loss"]
    last = diary.losses[per_epoch:]
    sizes = [50] * (per_epoch - 1) + [len(digits.train) - 50 * (per_epoch - 1)]
    mean = sum(loss * size for loss, size in zip(last, sizes, strict=True)) / len(digits.train)
    assert mean == pytest.approx(run.metrics[-1]["train/loss"], rel=1e-5)


def test_callbacks_change_nothing_in_a_run_even_where_they_draw_random_numbers(digits, tmp_path):
    class Draws(vk.Callback):
        def on_step(self, trainer, step, loss):
            torch.rand(3)

    bare, watched = trained(digits, tmp_path / "bare"), trained(digits, tmp_path / "watched", Draws())
    assert (bare.path / "metrics.csv").read_bytes() == (watched.path / "metrics.csv").read_bytes()


def test_a_callback_ends_a_run_at_an_epoch_and_the_run_is_finished(digits, tmp_path):
    said = []

    class Listens(Silent):
        def note(self, text):
            said.append(text)

    enough = At(lambda trainer: trainer.stop("good enough"), epoch=2)
    run = trained(digits, tmp_path / "run", enough, epochs=50, report=Listens())
    assert len(run.metrics) == 2
    assert (run.record["status"], run.record["reason"]) == ("finished", "good enough")
    assert "stopped early: good enough" in said
    assert len(trained_on(run).metrics) == 2


def trained_on(run):
    return vk.resume(run.path, report=Silent())


def test_a_callback_ends_a_run_within_an_epoch_and_its_figures_are_still_made(digits, tmp_path):
    run = trained(digits, tmp_path / "run", At(lambda trainer: trainer.stop("a step"), step=7))
    assert run.metrics[-1]["step"] == 7
    assert run.record["steps"] == {"train": 7}
    assert (run.path / "best.safetensors").is_file()


def test_a_stopped_run_goes_on_when_it_is_given_more_epochs(digits, tmp_path):
    run = trained(digits, tmp_path / "run", At(lambda trainer: trainer.stop("enough"), epoch=1))
    assert run.record["reason"] == "enough"
    longer = vk.resume(run.path, report=Silent(), epochs=4)
    assert [row["epoch"] for row in longer.metrics] == [1, 2, 3, 4]
    assert "reason" not in longer.record


@pytest.mark.parametrize("when", [{"step": 7}, {"epoch": 2}, {"epoch": 3}])
def test_a_failing_callback_costs_nothing(digits, tmp_path, when):
    """Its error goes on to the caller, and the resumed run is the one that never failed, to the last bit."""
    whole, diary = trained(digits, tmp_path / "whole"), Diary()
    with pytest.raises(RuntimeError, match="the callback failed"):
        trained(digits, tmp_path / "run", At(fail, **when), diary)
    record = vk.training.folder.RunFolder(tmp_path / "run").read()
    _, state = vk.training.Checkpoints(tmp_path / "run" / "checkpoint").latest()
    done = when.get("step") or whole.metrics[when["epoch"] - 1]["step"]
    assert state["position"]["steps"] == {"train": done}
    assert (record["status"], record["reason"]) == ("interrupted", "RuntimeError: the callback failed")
    assert diary.events[-1] == "end"
    resumed = vk.resume(tmp_path / "run", report=Silent())
    assert (resumed.path / "metrics.csv").read_bytes() == (whole.path / "metrics.csv").read_bytes()
    ours, theirs = resumed.model.state_dict(), whole.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_losing_patience_is_written_down_as_the_reason(digits, tmp_path):
    run = trained(digits, tmp_path / "run", epochs=400, patience=2, lr=0.05)
    assert run.record["reason"] == "no better validation bound in 2 epochs"


def test_a_class_in_place_of_an_instance_is_refused_before_anything_is_written(digits, tmp_path):
    with pytest.raises(ValueError, match=r"callbacks must be instances of vaekit\.Callback, got <class"):
        trained(digits, tmp_path / "run", Diary)
    assert list(tmp_path.iterdir()) == []
