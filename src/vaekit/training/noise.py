"""Random numbers that depend on the seed and the step alone, so that a resumed run draws what the first one did."""

import torch

__all__ = ["seed_at", "seed_generators"]

MASK = (1 << 64) - 1


def seed_at(*coordinates: int) -> int:
    """A 63-bit seed from whole numbers (seed, phase, step, ...): splitmix64 over them (Steele et al. 2014)."""
    state = 0
    for coordinate in coordinates:
        state = (state + coordinate + 0x9E3779B97F4A7C15) & MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
        state ^= state >> 31
    return state >> 1


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed the global generators of the CPU and of this device, which the caller owns inside `fork_rng`."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
