"""A run folder from anywhere: it opens, or it is refused in a sentence; nothing in it is executed or followed outside.

$VAEKIT_FUZZ is how many folders each kind of change makes: 30 where it is not set.
"""

import json
import os
import shutil
import struct
import sys
import sysconfig
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recipes.rows import rows

import vaekit as vk
import vaekit.runs.training
from vaekit.runs.building import check_size
from vaekit.training import Plan, Silent, Trainer

QUICK = {"epochs": 2, "batch_size": 50, "accelerator": "cpu", "report": Silent(), "ema": 0.9}
FUZZ = settings(
    max_examples=int(os.environ.get("VAEKIT_FUZZ", "30")), deadline=None, suppress_health_check=list(HealthCheck)
)
FORBIDDEN = (
    "exec",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "socket.connect",
    "pickle.find_class",
)
CODE = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")}
CODE |= {Path(path).resolve() for path in sys.path if path}

watching: list[tuple[str, str]] | None = None


def heard(event: str, arguments: tuple) -> None:
    """Write down what the interpreter is about to do, while somebody watches."""
    if watching is not None and (event == "open" or event in FORBIDDEN):
        watching.append((event, str(arguments[0]) if arguments else ""))


sys.addaudithook(heard)


@contextmanager
def harmless(folder: Path):
    """Fail where something inside imports, executes or starts anything, or opens a file outside of the folder."""
    global watching
    modules, watching = set(sys.modules), []
    try:
        yield
    finally:
        seen, watching = watching, None
    new = set(sys.modules) - modules
    assert not new, sorted(new)
    roots = {folder.resolve(), *CODE, Path(vk.__file__).resolve().parent, Path("/proc"), Path("/sys"), Path("/dev")}
    for event, what in seen:
        assert event == "open", seen
        path = Path(what).resolve()
        assert what.isdigit() or any(path.is_relative_to(root) for root in roots), what


@pytest.fixture(scope="module")
def digits() -> vk.data.Data:
    return vk.data.open("digits", binarise="visit", limit=150)


@pytest.fixture(scope="module")
def valid(digits, tmp_path_factory) -> Path:
    """A whole run of the smallest kind."""
    folder = tmp_path_factory.mktemp("valid") / "run"
    vk.train("vae", digits, folder=folder, arguments={"latent": 2, "hidden": (4,)}, **QUICK)
    for picture in folder.glob("*.png"):
        picture.unlink()
    return folder


@pytest.fixture(scope="module")
def attempt(valid, digits, tmp_path_factory):
    """Opens and resumes a copy of the valid run that `change` has worked on; answers what it was told."""
    folder = tmp_path_factory.mktemp("attempt") / "run"
    patches = pytest.MonkeyPatch()
    patches.setattr(Trainer, "run", lambda trainer: None)
    patches.setattr(vaekit.runs.training, "finish", lambda *_: None)

    def told(change, watched: bool = True) -> list[str]:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(valid, folder)
        change(folder)
        said = []
        for use in (opened, lambda path: vk.resume(path, data=digits, report=Silent())):
            try:
                with harmless(folder) if watched else nullcontext():
                    use(folder)
            except ValueError as error:
                said.append(str(error))
        return said

    compiling, misspelt, dotted = with_json(plan={"compile": True}), with_json(recipe="vea"), with_json(recipe="x.y")
    for warm_up in (lambda _: None, lambda f: (f / "run.json").write_text("{"), misspelt, dotted, compiling):
        told(warm_up, watched=False)
    yield told
    patches.undo()


def opened(folder: Path) -> None:
    """Everything that a run can be asked of its folder."""
    run = vk.load(folder)
    _ = run.metrics, run.record, run.spec, Plan.from_dict(run.record["plan"])


NUMBERS = st.integers() | st.floats() | st.sampled_from([0, -1, 10**9, 10**18, 10**30, 10**400, 2**63, 1e308])
TEXT = st.text(max_size=8) | st.sampled_from(
    ["os.system", "../../etc/passwd", "vaekit.recipes.vae:vae", "__import__('os')", "vae", "cvae", "\ud800", "x" * 9999]
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
ANY = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)


def places(value, path=()):
    """The way to every value inside a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def put(value, path, new):
    """The JSON value with another one at a place; with REMOVED, without it."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1 and new is REMOVED:
        del copy[path[0]]
    else:
        copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


REMOVED = object()


@st.composite
def changed_json(draw, record):
    """A record with one to three values changed, removed or added anywhere."""
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([*places(record)][1:] or [()]))
        record = put(record, path, draw(st.just(REMOVED) | ANY if path else ANY))
        if draw(st.integers(0, 4)) == 0 and isinstance(record, dict):
            record = {**record, draw(TEXT): draw(ANY)}
        if not isinstance(record, dict | list):
            break
    return record


@pytest.mark.parametrize("file", ["run.json", "state.json"])
@FUZZ
@given(data=st.data())
def test_any_json_is_opened_or_refused(attempt, valid, file, data):
    (path,) = valid.rglob(file)
    record = data.draw(changed_json(json.loads(path.read_text())))
    place = path.relative_to(valid)
    attempt(lambda folder: (folder / place).write_text(json.dumps(record)))


BYTES = ["run.json", "metrics.csv", "best.safetensors", "tensors.safetensors", "state.json", "latest"]


@pytest.mark.parametrize("file", BYTES)
@FUZZ
@given(data=st.data())
def test_any_bytes_are_opened_or_refused(attempt, valid, file, data):
    """Bytes flipped, cut off, doubled or put in, most of them near the beginning, where headers are."""
    (path,) = valid.rglob(file)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(content), 400)) | st.integers(0, len(content)))
        kind = data.draw(st.sampled_from(["flip", "cut", "insert", "drop"]))
        if kind == "flip" and at < len(content):
            content[at] ^= data.draw(st.integers(1, 255))
        elif kind == "cut":
            del content[at:]
        elif kind == "insert":
            content[at:at] = data.draw(st.binary(max_size=20))
        else:
            del content[at : at + data.draw(st.integers(1, 50))]
    attempt(lambda folder: (folder / path.relative_to(valid)).write_bytes(bytes(content)))


@FUZZ
@given(data=st.data())
def test_any_header_of_weights_is_opened_or_refused(attempt, valid, data):
    """A safetensors file whose header is JSON, but not the one that was written."""
    name = data.draw(st.sampled_from(["best.safetensors", "tensors.safetensors"]))
    (path,) = valid.rglob(name)
    whole = path.read_bytes()
    (size,) = struct.unpack("<Q", whole[:8])
    text = json.dumps(data.draw(changed_json(json.loads(whole[8 : 8 + size])))).encode()
    content = struct.pack("<Q", len(text)) + text + whole[8 + size :]
    attempt(lambda folder: (folder / path.relative_to(valid)).write_bytes(content))


@FUZZ
@given(table=st.lists(st.lists(st.text(max_size=6) | NUMBERS.map(str), max_size=5), max_size=5))
def test_any_table_is_opened_or_refused(attempt, table):
    text = "\n".join(",".join(row) for row in table) + "\n"
    attempt(lambda folder: (folder / "metrics.csv").write_text(text, errors="surrogatepass"))


def with_json(**changes):
    def change(folder: Path) -> None:
        record = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps({**record, **changes}))

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (with_json(recipe="os.system"), "there is no recipe 'os.system'"),
        (with_json(recipe="vaekit.recipes.vae:vae"), "there is no recipe"),
        (with_json(recipe=["vae"]), "recipe must be a recipe's name or null, got a list of 1"),
        (with_json(format=True), "names no format"),
        (with_json(format=2), "has format 2, this vaekit reads up to 1: update vaekit"),
        (with_json(arguments={"latent": {"a": 1}}), "arguments must be numbers, strings and lists of them"),
        (with_json(arguments={"latent": 10**9, "hidden": [4]}), "has the shape"),
        (with_json(arguments={"latent": 10**30, "hidden": [4]}), "no model can be built"),
        (with_json(arguments={"latent": 2, "hidden": [1] * 100_000}), "more than .* tensors of weights"),
        (with_json(arguments={"latent": 2, "hidden": [10**6, 10**6]}), "is in only one of the two"),
        (lambda f: (f / "run.json").write_text("[" * 100_000), "nested too deeply"),
        (lambda f: (f / "run.json").write_text("[]"), "must hold a JSON object, got list"),
        (lambda f: (f / "run.json").write_bytes(b"\xff\xfe{"), "is not text in UTF-8"),
        (lambda f: (f / "metrics.csv").write_text("a,b\n1,x\n"), "is no table of numbers: look at row 2"),
    ],
)
def test_a_foreign_run_is_refused_in_a_sentence_that_says_why(valid, tmp_path, change, sentence):
    shutil.copytree(valid, tmp_path / "run")
    change(tmp_path / "run")
    with pytest.raises(ValueError, match=sentence) as raised:
        opened(tmp_path / "run")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (with_json(plan={"epohcs": 3}), "the plan has no field 'epohcs'"),
        (with_json(plan={"epochs": "3"}), "epochs of the plan must be a whole number or null, got '3'"),
        (with_json(plan={"optimiser": {"lr": "fast"}}), "lr of the plan's optimiser must be a number, got 'fast'"),
        (with_json(plan={"accelerator": "os.system"}), "accelerator must be one of auto, cpu"),
        (lambda f: (f / "checkpoint" / "latest").write_text("../.."), "points to '../..', which is no state"),
        (lambda f: next(f.rglob("state.json")).write_text("{}"), "position must be a JSON object, got None"),
    ],
)
def test_a_foreign_state_is_refused_in_a_sentence_that_says_why(valid, digits, tmp_path, change, sentence):
    shutil.copytree(valid, tmp_path / "run")
    change(tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(ValueError, match=sentence):
        vk.resume(tmp_path / "run", data=digits, report=Silent())
    assert (tmp_path / "run" / "run.json").read_bytes() == before


@pytest.mark.parametrize("row", rows().values(), ids=rows())
def test_every_recipe_can_be_measured_before_it_takes_memory(row):
    """Built of shapes alone it has the names and shapes that it has when it is built."""
    whole = row.system().model.state_dict()
    check_size(row.system, saved=whole)
    with pytest.raises(ValueError, match="is in only one of the two"):
        check_size(row.system, saved=dict([*whole.items()][1:]))


def test_a_model_beyond_this_machines_memory_is_refused_at_once(digits):
    with pytest.raises(ValueError, match=r"the model would need [\d,.]+ GiB for its weights alone"):
        vk.train("vae", digits, arguments={"latent": 2, "hidden": (10**6, 10**6)}, report=Silent())
