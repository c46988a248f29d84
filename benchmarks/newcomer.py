"""What a newcomer gets with one command each: `python benchmarks/newcomer.py`, on a machine at rest.

Times whole commands: digits to a report; a folder of 300 small colour photographs to a report; a CSV of numbers to
scores. Then the weight of the report of an MNIST run and how long headless Chromium takes to open it. The photographs
are 64x64 crops of the Kodak ones, the numbers those of ADBench's thyroid set.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from record import write

SHARED = Path(os.environ.get("VAEKIT_DATA", Path(__file__).parents[2] / "shared" / "data"))
BAR_SECONDS, BAR_MEGABYTES, BAR_OPENING = 120, 5, 2
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"


def main() -> None:
    """Run all and record."""
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        photographs(here / "photographs")
        table(here / "numbers.csv")
        flows = {
            "digits to a report": timed(here, "train", "digits", "--out", "a"),
            "300 photographs to a report": timed(here, "train", "photographs", "--out", "b"),
            "numbers to scores": timed(here, "train", "numbers.csv", "--out", "c", "--scores", "scores.csv"),
        }
        made = [(here / path).is_file() for path in ("a/report.html", "b/report.html", "scores.csv")]
        assert all(made), made
        mnist = ["train", "mnist", "--data-dir", str(SHARED / "mnist"), "--epochs", "3", "--out", "d"]
        trained = timed(here, *mnist)
        page = opened(here / "d/report.html")
    record = {"bars": {"seconds": BAR_SECONDS, "megabytes": BAR_MEGABYTES, "opening_seconds": BAR_OPENING}}
    print(write("newcomer", {**record, "flows": flows, "mnist": {"training": trained, "report": page}}))


def photographs(folder: Path) -> None:
    """300 crops of 64x64 pixels, at random places of photographs shrunk to a quarter."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    sources = [Image.open(path).convert("RGB") for path in sorted((SHARED / "kodak").glob("*.png"))]
    small = [image.resize((image.width // 4, image.height // 4), Image.Resampling.LANCZOS) for image in sources]
    for i in range(300):
        image = small[i % len(small)]
        left, top = (int(rng.integers(0, side - 64 + 1)) for side in image.size)
        image.crop((left, top, left + 64, top + 64)).save(folder / f"{i:03}.jpg", quality=92)


def table(path: Path) -> None:
    """The features of the thyroid set, with names."""
    x = np.load(SHARED / "adbench" / "38_thyroid.npz")["X"]
    np.savetxt(path, x, delimiter=",", header=",".join(f"feature_{i}" for i in range(x.shape[1])), comments="")


def timed(cwd: Path, *words: str) -> dict[str, Any]:
    """Wall seconds of the whole command, start of Python and all."""
    load, start = os.getloadavg()[0], time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "vaekit", *words], cwd=cwd, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    assert done.returncode == 0, done.stderr
    print(f"{seconds:6.1f} s  vaekit {' '.join(words)}")
    return {"command": ["vaekit", *words], "seconds": seconds, "load": load, "said": done.stderr.splitlines()[-4:]}


def opened(page: Path) -> dict[str, Any]:
    """The page's weight, and seconds until it has loaded in headless Chromium, five times."""
    from playwright.sync_api import sync_playwright

    seconds = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS.split())
        for _ in range(5):
            tab = browser.new_page()
            start = time.perf_counter()
            tab.goto(page.as_uri(), wait_until="load")
            seconds.append(time.perf_counter() - start)
            tab.close()
        version = browser.version
        browser.close()
    size = page.stat().st_size / 1e6
    print(f"{size:.2f} MB, opened in {sorted(seconds)[2]:.2f} s")
    return {"megabytes": size, "opening_seconds": seconds, "chromium": version}


if __name__ == "__main__":
    main()
