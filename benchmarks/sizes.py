"""The papers' deep hierarchies, built: how many numbers each of their parts trains, beside the released code's.

    python benchmarks/sizes.py

Models are built on the meta device, so this takes seconds and no memory. The released code's counts were made by
building it (openai/vdvae at ea35b49, NVlabs/NVAE as of 2020, without flows); its rounded totals are those that its pages
publish. Every difference is named; the script fails where one is left unexplained, or where VDVAE's total for CIFAR-10 is
further than 3 % from the published 39 million.
"""

from collections.abc import Mapping
from typing import Any

import record
import torch

import vaekit as vk
from vaekit.data import DataSpec, Domain
from vaekit.recipes.nvae import PUBLISHED as NVAE
from vaekit.recipes.vdvae import PUBLISHED as VDVAE

TOLERANCE = 0.03


def colour(name: str, side: int) -> DataSpec:
    """Pictures of 256 levels and three channels."""
    return DataSpec(name, (3, side, side), Domain.LEVELS, levels=256)


def vdvae_differences(width: int) -> dict[str, int]:
    """Where VDVAE's parts have other sizes here."""
    return {"no scale and shift of the last features, which the next layer is linear in": -2 * width}


def nvae_differences(width: int, top: int, raised: int, outputs: int) -> dict[str, int]:
    """Where NVAE's parts have other sizes here: `top` channels of z1's map, `raised` those of all larger maps."""
    return {
        "a 1x1 last layer for a normed 3x3 one": -(8 * width * outputs + outputs),
        "z1's posterior reads the state too": top * (top + 2),
        "biases of the skips that raise a map": raised,
    }


CASES: dict[str, dict[str, Any]] = {
    "vdvae, CIFAR-10": {
        "recipe": "vdvae",
        "spec": colour("cifar10", 32),
        "arguments": VDVAE["cifar10"],
        "published": "39M",
        "released": 39_145_700,
        "differences": vdvae_differences(384),
    },
    "vdvae, ImageNet32": {
        "recipe": "vdvae",
        "spec": colour("imagenet32", 32),
        "arguments": VDVAE["imagenet32"],
        "published": "119M",
        "released": 119_280_868,
        "differences": vdvae_differences(512),
    },
    "vdvae, ImageNet64": {
        "recipe": "vdvae",
        "spec": colour("imagenet64", 64),
        "arguments": VDVAE["imagenet64"],
        "published": "125M",
        "released": 125_005_860,
        "differences": vdvae_differences(512),
    },
    "nvae, MNIST": {
        "recipe": "nvae",
        "spec": DataSpec("mnist", (1, 28, 28), Domain.BINARY),
        "arguments": NVAE["mnist"],
        "published": None,
        "released": 33_363_134,
        "differences": nvae_differences(32, 256, 128 + 64 + 32, 1),
    },
    "nvae, CIFAR-10": {
        "recipe": "nvae",
        "spec": colour("cifar10", 32),
        "arguments": NVAE["cifar10"],
        "published": None,
        "released": 129_215_680,
        "differences": nvae_differences(128, 256, 128, 100),
    },
}


def counted(case: Mapping[str, Any]) -> dict[str, Any]:
    """The counts of one configuration, by block and in total, and what the released code has."""
    with torch.device("meta"):
        model = vk.recipe(case["recipe"])(case["spec"], **case["arguments"]).model
    blocks = vk.parameter_counts(model)
    total = sum(blocks.values())
    return {
        "arguments": case["arguments"],
        "shape": case["spec"].shape,
        "total": total,
        "published": case["published"],
        "released_code": case["released"],
        "differences": case["differences"],
        "unexplained": total - case["released"] - sum(case["differences"].values()),
        "by_part": by_part(blocks),
        "by_block": blocks,
    }


def by_part(blocks: Mapping[str, int]) -> dict[str, int]:
    """The way up, the start and the way down, and the decoder."""
    parts = {"bottom_up": 0, "start": 0, "levels": 0, "decoder": 0}
    for name, count in blocks.items():
        parts[name.split(".")[0]] += count
    return parts


def main() -> None:
    """Count, write down, and fail where something is not as it should be."""
    found = {name: counted(case) for name, case in CASES.items()}
    for name, row in found.items():
        print(f"{name:20} {row['total']:>12,}  released code {row['released_code']:>12,}  {row['by_part']}")
    print(record.write("sizes", {"models": found}))
    left = {name: row["unexplained"] for name, row in found.items() if row["unexplained"]}
    if left:
        raise SystemExit(f"differences that nothing explains: {left}")
    off = found["vdvae, CIFAR-10"]["total"] / 39e6 - 1
    if abs(off) > TOLERANCE:
        raise SystemExit(f"vdvae's total for CIFAR-10 is {off:+.1%} from the published 39 million")


if __name__ == "__main__":
    main()
