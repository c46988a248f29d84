"""Streams: the same numbers as in memory, whoever fetched them and when, without holding them."""

import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from vaekit import data
from vaekit.data.ahead import WAITING, Ahead
from vaekit.data.rows import Rows
from vaekit.recipes import recipe
from vaekit.training import Phase, Trainer, plan_from

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (60, 8, 6)).astype(np.uint8)
TABLE = rng.normal(5, 3, (60, 4))


def npy(folder, x):
    np.save(folder / "x.npy", x)
    return folder / "x.npy"


def npz(folder, x):
    np.savez(folder / "x.npz", x=x, y=np.arange(60) % 3)
    return folder / "x.npz"


def fortran(folder, x):
    return npy(folder, np.asfortranarray(x))


def big_endian(folder, x):
    return npy(folder, x.astype(x.dtype.newbyteorder(">")))


def pictures(folder, x):
    (folder / "pictures").mkdir()
    for i, pixels in enumerate(x):
        Image.fromarray(pixels).save(folder / "pictures" / f"{i:03}.png")
    return folder / "pictures"


SOURCES = {
    "npy": (npy, GREY, {}),
    "npz": (npz, GREY, {}),
    "fortran order": (fortran, GREY, {}),
    "big-endian": (big_endian, GREY.astype(np.int32), {"domain": "levels"}),
    "a table": (npy, TABLE, {"standardise": True}),
    "integers": (npy, (TABLE * 9).astype(int), {}),
    "channels last": (npy, np.stack([GREY] * 3, -1), {}),
    "another shape": (npy, GREY.reshape(60, 48), {"shape": (1, 8, 6)}),
    "pictures": (pictures, GREY, {}),
    "resized pictures": (pictures, GREY, {"size": 5}),
    "dequantised in training": (npy, GREY, {"dequantise": True, "valid": 0}),
}


@pytest.mark.parametrize("case", SOURCES)
def test_a_stream_gives_what_memory_gives(tmp_path, case):
    write, x, options = SOURCES[case]
    path = write(tmp_path, x)
    held, streamed = (data.open(path, memory=memory, test=7, **options) for memory in (1, 0))
    assert not streamed.train.in_memory
    assert streamed.decisions()["held"] == "streamed from files"
    assert held.spec == streamed.spec
    rows = data.epoch_order(len(held.train), 0, 0)
    for role in held.splits() if "dequantise" not in options else ["train"]:
        one, other = getattr(held, role), getattr(streamed, role)
        assert one.stored.dtype == other.stored.dtype
        assert torch.equal(one.x, other.x)
        chosen = rows[rows < len(one)][:11]
        expected = one.batch(chosen, torch.Generator().manual_seed(3))
        found = other.batch(chosen, torch.Generator().manual_seed(3))
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in found)
    assert_close(held.train.mean(), streamed.train.mean())


@pytest.mark.parametrize("options", [{}, {"binarise": "visit"}, {"dequantise": True}])
def test_hints_change_nothing(tmp_path, options):
    opened = data.open(pictures(tmp_path, GREY), memory=0, **options)
    order = data.epoch_order(len(opened.train), 0, 0)
    for split, batches in ((opened.train, order.split(7)), (opened.valid, torch.arange(len(opened.valid)).split(2))):
        plain = [split.batch(rows, torch.Generator().manual_seed(1))["x"] for rows in batches]
        hinted = [split.batch(rows, torch.Generator().manual_seed(1))["x"] for rows in split.ahead(batches)]
        assert len(plain) == len(hinted)
        assert all(map(torch.equal, plain, hinted))


@pytest.mark.parametrize("options", [{"binarise": "visit"}, {"binarise": "fixed"}, {"dequantise": True}])
def test_held_out_noise_of_a_stream_belongs_to_the_example(tmp_path, options):
    opened = data.open(pictures(tmp_path, GREY), memory=0, valid=20, **options)
    whole = opened.valid.all()["x"]
    assert torch.equal(opened.valid.batch(torch.tensor([7, 3]))["x"], whole[[7, 3]])
    assert torch.equal(opened.valid.first(5).all()["x"], whole[:5])
    again = data.open(pictures_again(tmp_path), memory=0, valid=20, **options)
    assert torch.equal(again.valid.all()["x"], whole)
    other = data.open(pictures_again(tmp_path), memory=0, valid=20, seed=1, **options)
    assert not torch.equal(other.valid.all()["x"], whole)
    if options.get("binarise") == "visit":
        assert not torch.equal(opened.train.batch(torch.arange(9))["x"], opened.train.batch(torch.arange(9))["x"])


@pytest.mark.parametrize("options", [{}, {"accumulate": 2}])
def test_training_on_a_stream_is_training_on_the_same_data_in_memory(tmp_path, options):
    path = pictures(tmp_path, GREY)
    weights = []
    for memory in (1, 0):
        opened = data.open(path, memory=memory)
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            system = recipe("vae")(opened.spec, latent=2, hidden=(8,))
        plan = plan_from({"epochs": 2, "batch_size": 10, "accelerator": "cpu", **options})
        phase = Phase("train", system.objective, [system.model], plan.optimiser)
        Trainer(system.model, [phase], opened, plan).run()
        weights.append(torch.cat([p.detach().flatten() for p in system.model.parameters()]))
    assert torch.equal(*weights)


def pictures_again(folder):
    return folder / "pictures"


def test_selecting_from_a_stream_reads_nothing(tmp_path):
    split = data.open(pictures(tmp_path, GREY), memory=0, valid=0).train
    for path in (tmp_path / "pictures").iterdir():
        path.unlink()
    few = split.select(torch.tensor([5, 1])).first(1)
    assert (len(few), few.stored.shape) == (1, (1, 1, 8, 6))
    with pytest.raises(ValueError, match=r"005\.png cannot be read: .*No such file"):
        few.all()


def test_a_stream_travels_to_another_process(tmp_path):
    split = data.open(pictures(tmp_path, GREY), memory=0, valid=0).train
    split.expect(torch.arange(5))
    copy = pickle.loads(pickle.dumps(split))
    assert torch.equal(copy.x, split.x)


class Counted(Rows):
    """Rows that know who reads them, and wait until they may."""

    shape, dtype = (1000, 3), np.dtype(np.float32)

    def __init__(self):
        self.taken, self.threads, self.go = [], set(), threading.Event()

    def take(self, rows):
        assert self.go.wait(10)
        self.taken += rows.tolist()
        self.threads.add(threading.get_ident())
        return np.stack([rows] * 3, 1).astype(np.float32)


def test_expected_rows_are_read_once_and_on_other_threads():
    rows = Counted()
    ahead, wanted = Ahead(rows), np.array([5, 900, 17])
    ahead.expect(wanted)
    ahead.expect(wanted)
    assert rows.taken == []
    rows.go.set()
    np.testing.assert_array_equal(ahead.take(wanted)[:, 0], wanted)
    assert sorted(rows.taken) == [5, 17, 900]
    assert threading.get_ident() not in rows.threads


def test_what_nobody_takes_is_let_go():
    rows = Counted()
    ahead = Ahead(rows)
    for i in range(100):
        ahead.expect(np.arange(i * 5, i * 5 + 5))
    assert len(ahead.coming) == WAITING
    rows.go.set()
    np.testing.assert_array_equal(ahead.take(np.arange(5))[:, 0], np.arange(5))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.slow
def test_a_forked_process_reads_on_threads_of_its_own(tmp_path):
    split = data.open(pictures(tmp_path, GREY), memory=0, valid=0).train
    expected = split.batch(torch.arange(9))["x"]
    split.expect(torch.arange(9))
    child = os.fork()
    if child == 0:
        os._exit(0 if torch.equal(split.batch(torch.arange(9))["x"], expected) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_compressed_npz_beyond_memory_says_what_to_do(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", GREY)
    with pytest.raises(ValueError, match=r"compressed and cannot be streamed: save it as \.npy .* give memory= more"):
        data.open(tmp_path / "x.npz", memory=0)


def test_a_mapped_file_that_is_cut_is_refused(tmp_path):
    path = npy(tmp_path, GREY)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"x\.npy must be a whole .npy or .npz"):
        data.open(path, memory=0)
    opened = data.open(npy(tmp_path, GREY), memory=0, valid=0)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match="can no longer be read as it was"):
        opened.train.batch(torch.arange(3))


def test_nan_in_a_mapped_file_is_found_with_its_example(tmp_path):
    x = TABLE.copy()
    x[41, 2] = np.nan
    with pytest.raises(ValueError, match="must be finite in float32, got nan in example 41"):
        data.open(npy(tmp_path, x), memory=0)


TWICE_THROUGH = """
import resource, sys
from vaekit import data
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
train = data.open(sys.argv[1], memory=0.1, valid=0).train
for epoch in range(2):
    for rows in train.ahead(data.epoch_order(6000, epoch, 0).split(50)):
        train.batch(rows)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_a_stream_is_never_held_in_memory(tmp_path):
    pytest.importorskip("resource")
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (6000, 256, 256))  # 375 MiB
    for start in range(0, 6000, 500):
        x[start : start + 500] = rng.integers(0, 256, (500, 256, 256), dtype=np.uint8)
    ran = subprocess.run([sys.executable, "-c", TWICE_THROUGH, tmp_path / "x.npy"], capture_output=True, check=True)
    assert int(ran.stdout) < 280 << 10  # KiB
