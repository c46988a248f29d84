"""Every example, shortened, in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))


def test_there_are_examples():
    assert EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_it_is_a_page_that_imports_vaekit_by_one_name(example):
    lines = example.read_text().splitlines()
    assert len(lines) < 80
    assert [line for line in lines if "vaekit" in line.partition("import")[2]] == ["import vaekit as vk"]
    assert not [line for line in lines if line.startswith("from vaekit")]


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(example, tmp_path):
    short = {"VAEKIT_EXAMPLE_EPOCHS": "1", "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, example], cwd=tmp_path, env=os.environ | short, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert all(path.relative_to(tmp_path).parts[0] == "runs" for path in tmp_path.rglob("*"))
    assert all(path.stat().st_size > 0 for path in tmp_path.rglob("*.png"))
