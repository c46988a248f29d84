"""Named sets from a source of one's own: checked, whole or not there at all, and clear when there is none."""

import gzip
import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from vaekit import data
from vaekit.data import downloads
from vaekit.data.named import STEMS

rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (40, 5, 4)).astype(np.uint8)
LABELS = (np.arange(40) % 10).astype(np.uint8)


def idx(x):
    header = bytes([0, 0, 8, x.ndim]) + b"".join(n.to_bytes(4, "big") for n in x.shape)
    return gzip.compress(header + x.tobytes(), mtime=0)


FILES = {f"{stem}.gz": idx(x) for stem, x in zip(STEMS, (IMAGES, LABELS, IMAGES[:8], LABELS[:8]), strict=True)}


@pytest.fixture
def served(monkeypatch, tmp_path):
    """A server of the four files; `answers` may change what it says to a file's name."""
    answers, asked = {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.rpartition("/")[2]
            asked.append(self.path)
            status, body, announced = answers.get(name, (200, FILES[name], None))
            self.send_response(status)
            self.send_header("Content-Length", str(announced or len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sums = {name: f"sha256:{hashlib.sha256(content).hexdigest()}" for name, content in FILES.items()}
    monkeypatch.setitem(downloads.PUBLISHED, "kmnist", replace(downloads.PUBLISHED["kmnist"], files=sums))
    monkeypatch.delenv("VAEKIT_DATA", raising=False)
    monkeypatch.setenv("VAEKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VAEKIT_SOURCE", f"http://127.0.0.1:{server.server_port}/mirror/")
    yield answers, asked, tmp_path / "cache" / "kmnist"
    server.shutdown()
    server.server_close()


def test_a_set_is_fetched_once_and_kept(served, capfd):
    _, asked, folder = served
    first = data.open("kmnist", valid=0)
    assert torch.equal(first.train.x[:, 0], torch.from_numpy(IMAGES))
    assert first.spec.label_names[1] == "ki"
    assert sorted(asked) == sorted(f"/mirror/kmnist/{name}" for name in FILES)
    data.open("kmnist")
    assert len(asked) == 4
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert capfd.readouterr().out == ""


def test_only_missing_files_are_fetched_again(served):
    _, asked, folder = served
    data.open("kmnist")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    data.open("kmnist")
    assert asked[4:] == ["/mirror/kmnist/t10k-labels-idx1-ubyte.gz"]


WRONG = {
    "another content": ((200, b"something else", None), r"must have the checksum sha256:\w+, got sha256:"),
    "not found": ((404, b"", None), "answers 404 Not Found: give folder= with the four files, or set"),
    "cut short": (
        (200, FILES["t10k-images-idx3-ubyte.gz"][:50], 500),
        "broke off after 50 of 500 bytes|cannot be reached",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_failure_names_the_address_and_leaves_nothing_half_done(served, case):
    answers, _, folder = served
    answer, message = WRONG[case]
    answers["t10k-images-idx3-ubyte.gz"] = answer
    with pytest.raises(ValueError, match=rf"^http://127\.0\.0\.1:\d+/mirror/kmnist/t10k-images.*{message}"):
        data.open("kmnist")
    assert sorted(path.name for path in folder.iterdir()) == sorted(list(FILES)[:2])
    answers.clear()
    assert len(data.open("kmnist", valid=0).train) == 40


def test_without_a_network_the_address_and_the_way_around_are_named(served, monkeypatch):
    monkeypatch.setenv("VAEKIT_SOURCE", "http://127.0.0.1:9")
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:9/kmnist/.* cannot be reached .*give folder="):
        data.open("kmnist")


def test_only_web_addresses_are_sources(served, monkeypatch):
    monkeypatch.setenv("VAEKIT_SOURCE", "file:///etc")
    with pytest.raises(ValueError, match=r"\$VAEKIT_SOURCE must be an http or https address, got 'file:///etc'"):
        data.open("kmnist")


def test_a_cache_that_cannot_be_written_is_named(served, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VAEKIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(ValueError, match=r"must be a folder to keep 'kmnist' in \(set \$VAEKIT_CACHE"):
        data.open("kmnist")


def test_a_set_under_the_environments_folder_is_not_fetched(served, monkeypatch, tmp_path):
    _, asked, _ = served
    (tmp_path / "own" / "kmnist").mkdir(parents=True)
    for name, content in FILES.items():
        (tmp_path / "own" / "kmnist" / name).write_bytes(content)
    monkeypatch.setenv("VAEKIT_DATA", str(tmp_path / "own"))
    data.open("kmnist")
    assert asked == []


def test_an_unknown_name_gets_the_nearest_known_ones(monkeypatch):
    monkeypatch.delenv("VAEKIT_DATA", raising=False)
    with pytest.raises(ValueError, match=r"'fashion-mnits' is neither .*did you mean fashion-mnist"):
        data.open("fashion-mnits")


def test_every_published_set_has_four_files_and_a_checksum_of_its_kind():
    for published in downloads.PUBLISHED.values():
        assert set(published.files) == set(FILES)
        for checksum in published.files.values():
            algorithm, _, digits = checksum.partition(":")
            assert len(digits) == {"md5": 32, "sha256": 64}[algorithm]
