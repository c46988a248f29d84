"""What every benchmark writes down beside its figures."""

import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Versions, threads and load."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "vaekit": version("vaekit"),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or "cpu",
    }


def write(name: str, record: Mapping[str, Any]) -> Path:
    """Put a record into benchmarks/results/NAME.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({**record, "machine": machine()}, indent=2) + "\n")
    return path
