"""Handwritten digits that move over a field: which digit it is does not change in a clip, where it is does.

In the manner of Moving MNIST (Srivastava et al. 2015, sec. 4.1), one digit at a time, with the kind of motion known.
"""

import numpy as np

from vaekit.data.sequences import Sequences, sizes

__all__ = ["moving_digits"]

SIZE, DIGIT, LEVELS = 32, 16, 17
ROOM = SIZE - DIGIT  # the furthest that a digit's corner can be from the field's
MOTIONS = ("left-right", "up-down", "falling", "rising", "circle")
SPEEDS = (2, 3)  # pixels a frame, along each axis that moves
TURN = 10  # frames of a circle


def moving_digits(n: int = 3000, seed: int = 0, *, steps: int = 12, least: int | None = None) -> Sequences:
    """`n` clips of `steps` frames of 1x32x32 in 17 levels: one of scikit-learn's digits, bouncing between the field's edges.

    Motions: to and fro, up and down, along either diagonal, at 2 or 3 pixels a frame, or round in a circle of 10
    frames; where it begins is drawn too. Digit, motion, speed and beginning are drawn independently under `seed`.
    `least`: clips end after so many frames or more, drawn evenly. The `origin` of a clip is the picture of its digit.
    """
    n, steps, fewest = sizes(n, steps, least)
    generator = np.random.default_rng(seed)
    images, labels, pictures = digits()
    chosen, motion = generator.integers(len(images), size=n), generator.integers(len(MOTIONS), size=n)
    corners = paths(motion, steps, generator)  # (n, steps, 2): row and column
    x = np.zeros((n, steps, 1, SIZE, SIZE), np.uint8)
    clips, times = np.arange(n)[:, None, None, None], np.arange(steps)[:, None, None]
    rows = corners[..., 0, None, None] + np.arange(DIGIT)[:, None]
    columns = corners[..., 1, None, None] + np.arange(DIGIT)
    x[clips, times, 0, rows, columns] = images[chosen][:, None]
    names = {"digit": tuple(map(str, range(10))), "motion": MOTIONS}
    content, origin = {"digit": labels[chosen]}, pictures[chosen]
    made = Sequences("moving-digits", x, content, motion, names, LEVELS, origin=origin)
    return made if least is None else made.ending(fewest, seed)


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The digits in twice their size, levels (N, 16, 16), which they are, and the number of each different picture."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    grey = images.reshape(-1, 8, 8).astype(np.uint8)
    _, pictures = np.unique(grey.reshape(len(grey), -1), axis=0, return_inverse=True)
    return grey.repeat(2, axis=1).repeat(2, axis=2), labels.astype(np.int64), pictures.reshape(-1)


def paths(motion: np.ndarray, steps: int, generator: np.random.Generator) -> np.ndarray:
    """The upper left corner of a digit at every frame, by the kind of its motion: whole pixels (n, steps, 2)."""
    n, t = len(motion), np.arange(steps)
    speed, begins = generator.choice(SPEEDS, size=n)[:, None], generator.integers(2 * ROOM, size=n)[:, None]
    still = generator.integers(ROOM + 1, size=n)[:, None] + 0 * t
    moving = bounced(begins + speed * t)
    angle = 2 * np.pi * (begins / (2 * ROOM) + t / TURN)
    circle = ROOM / 2 + 0.4 * ROOM * np.stack([np.sin(angle), np.cos(angle)], -1)
    kinds = [(still, moving), (moving, still), (moving, moving), (ROOM - moving, moving)]
    every = np.stack([*(np.stack(pair, -1) for pair in kinds), circle])
    return every[motion, np.arange(n)].round().astype(np.int64)


def bounced(way: np.ndarray) -> np.ndarray:
    """How far from the edge one is after going so far between two edges: a triangle wave from 0 to ROOM."""
    return ROOM - np.abs(way % (2 * ROOM) - ROOM)
