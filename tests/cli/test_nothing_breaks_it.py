"""Bad input through the command line: exit code 2, one clear sentence, no traceback, nothing half-written."""

import json
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from vaekit.cli.main import main

TINY = ["--epochs", "1", "--accelerator", "cpu", "--no-report"]


def refused(capsys, *words) -> str:
    """What is said on standard error: one line, and nothing on standard output."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    said = capsys.readouterr()
    assert stopped.value.code == 2, said.err
    assert said.out == ""
    assert "Traceback" not in said.err
    assert said.err.startswith("vaekit: ")
    return " ".join(said.err.split())


def pictures(folder: Path, n: int = 12, size: tuple[int, int] = (8, 8)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for i in range(n):
        Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), np.uint8)).save(folder / f"{i:02}.png")
    return folder


def enormous_png(path: Path) -> None:
    """A valid header that announces 50,000 x 50,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 150_001 * 20)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def truncated(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def mixed(folder: Path) -> None:
    Image.new("RGB", (9, 7), "red").save(folder / "odd.png")


DAMAGE = {
    "a truncated picture": (lambda folder: truncated(folder / "03.png"), "03.png"),
    "an enormous picture": (lambda folder: enormous_png(folder / "huge.png"), "huge.png"),
    "a text named .png": (lambda folder: (folder / "notes.png").write_text("not a picture"), "notes.png"),
    "an empty file named .jpg": (lambda folder: (folder / "empty.jpg").touch(), "empty.jpg"),
    "mixed sizes": (mixed, "size"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_folder_of_pictures_with_something_wrong_in_it(case, tmp_path, capsys, monkeypatch):
    damage, named = DAMAGE[case]
    damage(pictures(tmp_path / "photos"))
    monkeypatch.chdir(tmp_path)
    assert named in refused(capsys, "train", "photos", *TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_unreadable_pictures_are_skipped_only_when_asked_and_then_listed(tmp_path, capsys):
    folder = pictures(tmp_path / "photos")
    truncated(folder / "03.png")
    (folder / "notes.png").write_text("not a picture")
    said = refused(capsys, "data", folder)
    assert "03.png" in said
    assert "notes.png" in said
    assert "2" in said
    main(["data", str(folder), "--unreadable", "skip", "--json"])
    listed = json.dumps(json.loads(capsys.readouterr().out)["decisions"])
    assert "03.png" in listed
    assert "notes.png" in listed


ARRAYS = {
    "NaN": (lambda x: np.where(np.arange(x.size).reshape(x.shape) == 17, np.nan, x), "nan"),
    "infinity": (lambda x: np.where(np.arange(x.size).reshape(x.shape) == 17, np.inf, x), "inf"),
    "constant": (lambda x: np.full_like(x, 0.25), "same"),
    "one example": (lambda x: x[:1], "at least"),
    "no example": (lambda x: x[:0], "empty"),
    "words": (lambda x: np.full(x.shape, "word"), "numbers"),
    "objects": (lambda x: np.full(x.shape, None), "plain numbers"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_an_array_that_is_no_data(case, tmp_path, capsys, monkeypatch):
    change, said = ARRAYS[case]
    np.save(tmp_path / "x.npy", change(np.random.default_rng(0).normal(size=(30, 5))), allow_pickle=True)
    monkeypatch.chdir(tmp_path)
    sentence = refused(capsys, "train", "x.npy", *TINY)
    assert "x" in sentence
    assert said in sentence.lower()
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


TABLES = {
    "words in a column": ("a,b\n1,2\nx,4\n5,6\n", "a"),
    "a missing value": ("a,b\n1,2\n,4\n5,6\n", "a"),
    "a column that is not there": ("a,b\n1,2\n3,4\n5,6\n", "colour"),
    "ragged rows": ("a,b\n1,2\n3\n5,6\n", "table.csv"),
    "nothing": ("", "table.csv"),
    "a header alone": ("a,b\n", "table.csv"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_is_no_data(case, tmp_path, capsys, monkeypatch):
    text, named = TABLES[case]
    (tmp_path / "table.csv").write_text(text)
    monkeypatch.chdir(tmp_path)
    more = ["--labels", "colour"] if named == "colour" else []
    assert named in refused(capsys, "train", "table.csv", *more, *TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "nowhere/"], "nowhere"),
        (["train", "nowhere.csv"], "nowhere.csv"),
        (["train", "empty"], "empty"),
        (["train", "digits", "--latent", "0"], "latent must be at least 1, got 0"),
        (["train", "digits", "--latent", "-3"], "latent must be at least 1, got -3"),
        (["train", "digits", "--batch-size", "5000"], "batch_size must be at most the"),
        (["train", "digits", "--recipe", "beta"], "beta-vae"),
        (["train", "digits", "--recipe", "os.system"], "there is no recipe 'os.system'"),
        (["train", "digits", "--betta", "4", "--recipe", "beta-vae"], "--beta"),
        (["train", "digits", "--logger", "tensorbord"], "tensorboard"),
        (["train", "digits", "--scores", "scores.xlsx"], ".csv"),
        (["train", "fashion-mnst"], "fashion-mnist"),
        (["train", "x.npz"], "labels must be one for each of 30 examples"),
        (["trian", "digits"], "train"),
    ],
)
def test_a_mistake_on_the_command_line(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAEKIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "empty").mkdir()
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(30, 5)), y=np.zeros(29, int))
    assert said in refused(capsys, *words, *(TINY if words[0] == "train" else []))
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "x.npz"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    main(["train", "digits", "--out", str(folder), "--limit", "100", "--hidden", "8", "--latent", "2", *TINY])
    return folder


def edited(run: Path, **fields) -> None:
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, **fields}))


def other_shapes(run: Path) -> None:
    weights = load_file(run / "best.safetensors")
    save_file({name: np.zeros((*t.shape, 2), t.dtype) for name, t in weights.items()}, run / "best.safetensors")


FOLDERS = {
    "corrupt": (lambda run: (run / "run.json").write_text('{"format": 1, '), "run.json"),
    "foreign": (lambda run: (run / "run.json").write_text('{"model": "gpt"}'), "not written by vaekit"),
    "newer": (lambda run: edited(run, format=99), "update vaekit"),
    "of a recipe that does not exist": (lambda run: edited(run, recipe="vea"), "there is no recipe 'vea'"),
    "that names a Python path": (lambda run: edited(run, recipe="os.system"), "there is no recipe 'os.system'"),
    "that names a file": (lambda run: edited(run, recipe="../../evil"), "there is no recipe"),
    "with weights of other shapes": (other_shapes, "shape"),
    "with weights that are none": (lambda run: (run / "best.safetensors").write_bytes(b"\x80\x04junk"), "safetensors"),
    "without weights": (lambda run: (run / "best.safetensors").unlink(), "weights"),
    "without a record": (lambda run: (run / "run.json").unlink(), "is no run"),
}
ASKED = (["evaluate"], ["sample", "-o", "s.png"], ["report", "-o", "r.html"], ["export", "-o", "onnx"])


@pytest.mark.parametrize("words", ASKED, ids=[words[0] for words in ASKED])
@pytest.mark.parametrize("case", FOLDERS)
def test_a_run_folder(case, words, whole, tmp_path, capsys, monkeypatch):
    damage, said = FOLDERS[case]
    shutil.copytree(whole, tmp_path / "run")
    damage(tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, words[0], "run", *words[1:])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_runs_on_other_data_are_not_compared(whole, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 5)))
    main(["train", str(tmp_path / "x.npy"), "--out", str(tmp_path / "other"), "--hidden", "8", "--latent", "2", *TINY])
    assert "one shape" in refused(capsys, "compare", whole, tmp_path / "other", "-o", tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
