"""What must not break a run folder: a full disk, a read-only one, two processes, a kill that leaves a lock."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

import vaekit as vk
from vaekit.training import Silent
from vaekit.training.folder import RunFolder

QUICK = {"epochs": 2, "batch_size": 50, "accelerator": "cpu", "report": Silent()}
TINY = {"latent": 2, "hidden": (8,)}
WORDS = ["--limit", "300", "--batch-size", "50", "--hidden", "8", "--latent", "2", "--accelerator", "cpu"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def train_words(folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "vaekit", "train", "digits", "--out", str(folder), *WORDS, *more]


def run_words(words: list[str], **options) -> subprocess.CompletedProcess:
    return subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, timeout=300, **options)


def in_a_mount(script: str, *words: str) -> subprocess.CompletedProcess:
    """Run a shell script as root of namespaces of its own, where it may mount what nobody else sees."""
    return run_words(["unshare", "-rm", "bash", "-euc", script, "bash", *words])


def may_mount(options: str) -> bool:
    if shutil.which("unshare") is None:
        return False
    return (
        in_a_mount(f"mkdir -p /tmp/vaekit-mount && mount -t tmpfs -o {options} none /tmp/vaekit-mount").returncode == 0
    )


def assert_one_sentence(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith("vaekit: ")
    return said


@pytest.fixture(scope="module")
def digits() -> vk.data.Data:
    return vk.data.open("digits", limit=300)


@pytest.fixture(scope="module")
def whole(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    return vk.train("vae", digits, folder=folder, arguments=TINY, **QUICK)


@pytest.mark.slow
def test_a_disk_that_fills_up_costs_nothing_that_was_saved(tmp_path):
    """A tmpfs with room for one checkpoint of this model and little more; then more room, and the run goes on."""
    if not may_mount("size=1m"):
        pytest.skip("mounting a tmpfs under unshare -rm is not allowed here")
    script = """
    mount -t tmpfs -o size=700k none "$1"
    (for i in $(seq 1000); do [ -e "$1/run/checkpoint/latest" ] && break; sleep 0.1; done; sleep 1
     head -c 700k /dev/zero > "$1/filler" 2>/dev/null || true) &
    code=0
    "${@:4}" --out "$1/run" --epochs 100000 --patience 0 --checkpoint-seconds 0.2 || code=$?
    wait
    ls -A "$1/run" "$1/run/checkpoint" > "$2/left"
    rm "$1/filler"
    mount -o remount,size=50m "$1"
    cp -r "$1/run" "$2/run"
    exit $code
    """
    (tmp_path / "disk").mkdir()
    words = [word for word in train_words(tmp_path) if word not in ("--out", str(tmp_path))]
    done = in_a_mount(script, str(tmp_path / "disk"), str(tmp_path), "-", *words)
    said = assert_one_sentence(done)
    assert "No space left on device" in said
    assert "The last good checkpoint is of step" in said
    left = (tmp_path / "left").read_text().split()
    assert not [name for name in left if name.startswith(".") and name != ".lock"]
    epochs = len((tmp_path / "run" / "metrics.csv").read_text().splitlines())
    run = vk.resume(tmp_path / "run", epochs=epochs, report=Silent())
    assert [row["epoch"] for row in run.metrics] == list(range(1, epochs + 1))
    assert run.record["status"] == "finished"


@pytest.mark.slow
def test_a_disk_that_is_full_from_the_start_is_left_as_it_was(tmp_path):
    if not may_mount("size=1m"):
        pytest.skip("mounting a tmpfs under unshare -rm is not allowed here")
    script = """
    mount -t tmpfs -o size=40k none "$1"
    head -c 36k /dev/zero > "$1/filler"
    code=0; "${@:2}" || code=$?
    [ "$(ls -A "$1")" = filler ] || { ls -lA "$1"; exit 9; }
    exit $code
    """
    (tmp_path / "disk").mkdir()
    done = in_a_mount(script, str(tmp_path / "disk"), *train_words(tmp_path / "disk" / "deep" / "run"))
    assert "No space left on device" in assert_one_sentence(done)


@pytest.mark.slow
def test_a_folder_that_may_not_be_written_to_is_refused_before_training(tmp_path):
    """Permissions do not bind root, so the folder lies on a read-only mount."""
    if not may_mount("ro,size=1m"):
        pytest.skip("mounting a tmpfs under unshare -rm is not allowed here")
    (tmp_path / "disk").mkdir()
    script = 'mount -t tmpfs -o ro,size=1m none "$1"; exec "${@:2}"'
    done = in_a_mount(script, str(tmp_path / "disk"), *train_words(tmp_path / "disk" / "run"))
    assert "Read-only file system" in assert_one_sentence(done)
    assert "epoch" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_without_write_permission_is_refused_before_training(digits, tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(ValueError, match="Permission denied"):
        vk.train("vae", digits, folder=tmp_path / "run", arguments=TINY, **QUICK)


@pytest.mark.slow
def test_two_processes_cannot_train_into_one_folder(tmp_path):
    """The second is refused whether it starts or resumes; the first, killed outright, leaves no lock behind."""
    folder = tmp_path / "run"
    first = subprocess.Popen(
        train_words(folder, "--epochs", "100000", "--patience", "0", "--checkpoint-seconds", "0.1"),
        env=ENVIRONMENT,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not (folder / "checkpoint" / "latest").exists():
            assert first.poll() is None
            time.sleep(0.05)
        before = (folder / "run.json").read_bytes()
        resumed = assert_one_sentence(run_words([sys.executable, "-m", "vaekit", "resume", str(folder)]))
        assert f"process {first.pid} is training into {folder}" in resumed
        assert_one_sentence(run_words(train_words(folder)))
        assert (folder / "run.json").read_bytes() == before
        assert first.poll() is None
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    epochs = 1 + len(vk.training.read_metrics(folder / "metrics.csv"))
    assert vk.resume(folder, epochs=epochs, report=Silent()).record["status"] == "finished"


def test_a_folder_is_held_by_one_trainer_at_a_time_and_free_afterwards(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with folder.held(), pytest.raises(ValueError, match=f"process {os.getpid()} is training into"), folder.held():
        pass
    assert list(tmp_path.iterdir()) == []
    with folder.held():
        (folder.path / "run.json").write_text("{}")
    with folder.held():
        pass
    assert {path.name for path in folder.path.iterdir()} <= {"run.json", ".lock"}


def test_folders_made_for_a_run_that_never_began_are_removed_again(digits, tmp_path):
    with pytest.raises(ValueError, match="batch_size must be at most"):
        vk.train("vae", digits, folder=tmp_path / "a" / "b" / "run", arguments=TINY, **QUICK | {"batch_size": 10_000})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writes", range(1, 12))
def test_wherever_the_disk_fills_up_the_last_state_is_whole(digits, whole, tmp_path, monkeypatch, writes):
    """Every write of the run in turn is the one that fails; then there is room again and the run goes on."""
    count = 0
    replace = Path.replace

    def refusing(self, target):
        nonlocal count
        count += 1
        if count == writes:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    folder = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refusing)
        with pytest.raises(ValueError, match=r"cannot write to .*: No space left on device") as raised:
            vk.train("vae", digits, folder=folder, arguments=TINY, **QUICK | {"checkpoint_seconds": 1e-9})
        assert count >= writes
    assert "\n" not in str(raised.value)
    if not folder.exists():
        return
    assert not [p for p in folder.rglob(".*") if p.name != ".lock"]
    vk.resume(folder, report=Silent())
    assert (folder / "metrics.csv").read_bytes() == (whole.path / "metrics.csv").read_bytes()
    ours, theirs = load_file(folder / "best.safetensors"), load_file(whole.path / "best.safetensors")
    assert all((ours[name] == theirs[name]).all() for name in theirs)
