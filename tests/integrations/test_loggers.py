"""Loggers: what the other system holds, read back with its own reader, is metrics.csv."""

import json
import os
import struct
import subprocess
import sys
from typing import ClassVar

import pytest

import vaekit as vk
from vaekit.integrations import loggers
from vaekit.integrations.sink import remember
from vaekit.training import Silent

QUICK = {"epochs": 3, "batch_size": 50, "accelerator": "cpu", "report": Silent()}
TINY = {"latent": 2, "hidden": (8,)}


@pytest.fixture(scope="module")
def digits() -> vk.data.Data:
    return vk.data.open("digits", binarise="visit", limit=300)


def columns(run):
    return [name for name in run.metrics[0] if name != "step"]


@pytest.fixture(scope="module")
def on_tensorboard(digits, tmp_path_factory):
    pytest.importorskip("tensorboard")
    folder = tmp_path_factory.mktemp("tensorboard") / "run"
    return vk.train("vae", digits, folder=folder, arguments=TINY, loggers=["csv", "tensorboard"], **QUICK)


def read_events(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    return events


def assert_events_are_the_table(run):
    events = read_events(run)
    for name in columns(run):
        scalars = events.Scalars(name)
        assert [scalar.step for scalar in scalars] == [row["step"] for row in run.metrics]
        assert [s.value for s in scalars] == pytest.approx([row[name] for row in run.metrics], rel=1e-6)


def test_tensorboard_shows_every_column_at_its_step(on_tensorboard):
    assert_events_are_the_table(on_tensorboard)


def test_tensorboard_shows_the_pictures_of_the_finished_run(on_tensorboard):
    assert set(read_events(on_tensorboard).Tags()["images"]) == {p.stem for p in on_tensorboard.path.glob("*.png")}


def test_tensorboard_shows_the_hyperparameters(on_tensorboard):
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    events = read_events(on_tensorboard)
    written = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    given = HParamsPluginData.FromString(written).session_start_info.hparams
    assert given["arguments.latent"].number_value == 2
    assert given["plan.optimiser.lr"].number_value == pytest.approx(1e-3)
    assert given["recipe"].string_value == "vae"


def test_a_resumed_run_continues_its_curves(digits, tmp_path):
    pytest.importorskip("tensorboard")
    options = {"arguments": TINY, "loggers": ["tensorboard"], "folder": tmp_path / "run"}
    vk.train("vae", digits, **options, **QUICK)
    run = vk.resume(tmp_path / "run", epochs=5, report=Silent(), loggers=["tensorboard"])
    assert len(run.metrics) == 5
    assert_events_are_the_table(run)


def test_mlflow_holds_the_table_the_parameters_and_the_pictures(digits, tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file://{tmp_path}/store")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    run = vk.train("vae", digits, folder=tmp_path / "run", arguments=TINY, loggers=["mlflow"], **QUICK)
    client = MlflowClient()
    (experiment,) = [e for e in client.search_experiments() if e.name == "vaekit"]
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.info.status == "FINISHED"
    assert logged.info.run_name == "run"
    assert logged.data.params["arguments.latent"] == "2"
    for name in columns(run):
        history = sorted(client.get_metric_history(logged.info.run_id, name.replace(":", "_")), key=lambda m: m.step)
        assert [(m.step, m.value) for m in history] == [(row["step"], row[name]) for row in run.metrics]
    pictures = {artifact.path.split("/")[-1] for artifact in client.list_artifacts(logged.info.run_id, "pictures")}
    assert pictures == {path.name for path in run.path.glob("*.png")}

    longer = vk.resume(run.path, epochs=4, report=Silent(), loggers=["mlflow"])
    (again,) = client.search_runs([experiment.experiment_id])
    assert again.data.metrics["train/loss"] == longer.metrics[-1]["train/loss"]


WANDB = """
import sys
import vaekit as vk
digits = vk.data.open("digits", binarise="visit", limit=300)
arguments = {"latent": 2, "hidden": (8,)}
options = {"epochs": 3, "batch_size": 50, "accelerator": "cpu", "report": vk.Silent(), "loggers": ["wandb"]}
vk.train("vae", digits, folder="run", arguments=arguments, **options)
"""


def records(file):
    """The records of a .wandb file: LevelDB's log format (blocks of 32 KiB, each record in one or more parts)."""
    data, at, whole = file.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, size, kind = struct.unpack_from("<IHB", data, at)
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):
            yield whole
            whole = b""


@pytest.mark.slow
def test_weights_and_biases_writes_the_table_offline(tmp_path):
    pytest.importorskip("wandb")
    from wandb.proto import wandb_internal_pb2

    environment = {**os.environ, "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WANDB], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "run").glob("wandb/offline-run-*/*.wandb")
    rows, config = [], {}
    for data in records(file):
        record = wandb_internal_pb2.Record.FromString(data)
        if record.WhichOneof("record_type") == "history":
            items = {item.key or ".".join(item.nested_key): item.value_json for item in record.history.item}
            rows.append({name: json.loads(value) for name, value in items.items()})
        if record.WhichOneof("record_type") == "run":
            config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
    table = vk.training.read_metrics(tmp_path / "run" / "metrics.csv")
    logged = [row for row in rows if "train/loss" in row]
    assert [row["train/loss"] for row in logged] == [row["train/loss"] for row in table]
    assert [row["_step"] for row in logged] == [row["step"] for row in table]
    assert config["arguments.latent"] == 2


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["tensorbord"], "there is no logger 'tensorbord': did you mean tensorboard"),
        (["excel"], "there is no logger 'excel': there are csv, tensorboard, wandb, mlflow"),
        ("csv", r"loggers must be a list of names, got 'csv': write \['csv'\]"),
    ],
)
def test_a_wrong_name_is_answered_before_anything_is_written(digits, tmp_path, names, sentence):
    with pytest.raises(ValueError, match=sentence):
        vk.train("vae", digits, folder=tmp_path / "run", loggers=names, **QUICK)
    assert list(tmp_path.iterdir()) == []


def test_a_logger_that_is_not_installed_says_how_to_install_it(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(loggers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'vaekit\[mlflow\]'"):
        vk.train("vae", digits, folder=tmp_path / "run", loggers=["mlflow"], **QUICK)
    assert list(tmp_path.iterdir()) == []


class Watched(loggers.Sink):
    """Writes down what it is told; each of its methods can be made to fail."""

    told: ClassVar[list] = []
    fails: ClassVar[set] = set()

    def __init__(self, folder, record):
        self.folder = folder
        self.told.clear()

    def hear(self, method, what):
        self.told.append(what)
        if method in self.fails:
            raise OSError("the other system is gone\nin many lines")

    def start(self, step):
        remember(self.folder, "mlflow", "x")
        self.hear("start", f"start {step}")

    def numbers(self, row, step):
        self.hear("numbers", step)

    def picture(self, path):
        self.hear("picture", path.name)

    def close(self, failed):
        self.hear("close", failed)


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setitem(loggers.MAKERS, "mlflow", Watched)
    monkeypatch.setattr(loggers.importlib.util, "find_spec", lambda name: True)
    return lambda *fails: monkeypatch.setattr(Watched, "fails", set(fails))


class Notes(Silent):
    """Keeps what was said of loggers."""

    def __init__(self):
        self.said = []

    def note(self, text):
        self.said += [text] if text.startswith("logger") else []


@pytest.mark.parametrize(
    ("fails", "told"),
    [
        (["numbers"], ["start 0", 5, False]),
        (["numbers", "close"], ["start 0", 5, False]),
        (["close"], ["start 0", 5, 10, 15, "curves.png", "reconstructions.png", "samples.png", False]),
    ],
)
def test_a_logger_that_fails_says_so_once_and_the_run_goes_on(digits, tmp_path, watched, fails, told):
    watched(*fails)
    notes, folder = Notes(), tmp_path / "run"
    run = vk.train("vae", digits, folder=folder, arguments=TINY, loggers=["mlflow"], **QUICK | {"report": notes})
    assert len(run.metrics) == 3
    assert run.record["status"] == "finished"
    assert [what for what in Watched.told if what in told] == told
    assert notes.said == ["logger 'mlflow' failed and gets no more, metrics.csv goes on: the other system is gone"]


def test_a_logger_is_closed_as_failed_where_the_run_fails(digits, tmp_path, watched):
    class Fails(vk.Callback):
        def on_epoch(self, trainer, row):
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        vk.train(
            "vae", digits, folder=tmp_path / "run", arguments=TINY, loggers=["mlflow"], callbacks=[Fails()], **QUICK
        )
    assert Watched.told == ["start 0", True]
    assert len(vk.resume(tmp_path / "run", report=Silent()).metrics) == 3


def test_a_logger_that_cannot_begin_leaves_nothing_behind(digits, tmp_path, watched):
    pytest.importorskip("tensorboard")
    watched("start")
    names = ["tensorboard", "mlflow"]
    with pytest.raises(ValueError, match=r"logger 'mlflow' cannot begin: the other system is gone$"):
        vk.train("vae", digits, folder=tmp_path / "run", arguments=TINY, loggers=names, **QUICK)
    assert list(tmp_path.iterdir()) == []


def test_a_logger_that_cannot_begin_leaves_a_finished_run_as_it_was(digits, tmp_path, watched):
    vk.train("vae", digits, folder=tmp_path / "run", arguments=TINY, **QUICK)
    before = (tmp_path / "run" / "run.json").read_bytes()
    watched("start")
    with pytest.raises(ValueError, match="logger 'mlflow' cannot begin"):
        vk.resume(tmp_path / "run", epochs=5, report=Silent(), loggers=["mlflow"])
    assert (tmp_path / "run" / "run.json").read_bytes() == before
