"""Small characters in motion, drawn here: who it is does not change in a clip, what it does changes at every frame.

In the manner of the Sprites of Reed et al. 2015 and Li & Mandt 2018, with figures of our own.
"""

import math

import numpy as np

from vaekit.data.sequences import Sequences, sizes

__all__ = ["sprites"]

SIZE, PERIOD = 32, 8
NOTHING, SKIN, HAIR, SHIRT, TROUSERS, DARK = range(6)  # what a pixel belongs to
COLOURS: dict[str, dict[str, tuple[int, int, int]]] = {  # red, green and blue, in levels from 0 to 7
    "shirt": {
        "red": (6, 1, 1),
        "green": (1, 5, 2),
        "blue": (1, 2, 6),
        "yellow": (7, 6, 1),
        "white": (7, 7, 7),
        "purple": (4, 1, 5),
    },
    "trousers": {"navy": (1, 1, 3), "brown": (4, 2, 1), "grey": (4, 4, 4), "orange": (7, 4, 1)},
    "hair": {"black": (1, 1, 1), "blond": (7, 6, 3), "ginger": (6, 3, 1), "silver": (5, 6, 6)},
    "skin": {"light": (7, 6, 5), "tan": (6, 4, 3), "deep": (3, 2, 1)},
}
OWNER = {"skin": SKIN, "hair": HAIR, "shirt": SHIRT, "trousers": TROUSERS}
MOTIONS = ("walk left", "walk right", "jump", "wave", "squat", "star")
BACKGROUND, OUTLINE, LEVELS = (3, 5, 6), (0, 0, 1), 8


def sprites(n: int = 3000, seed: int = 0, *, steps: int = 8, least: int | None = None) -> Sequences:
    """`n` clips of `steps` frames of 3x32x32 in 8 levels: a character whose colours stay, in one of six motions.

    Static attributes are the colours of shirt, trousers, hair and skin; every motion repeats after 8 frames and begins
    anywhere in them. `least`: clips end after so many frames or more, drawn evenly.

    Clips are drawn under `seed` from all that can be told apart by their first `least` frames, each at most once: 13,824
    of 8 frames. So no clip of one split is in another. Raises ValueError for more than there are.
    """
    n, steps, fewest = sizes(n, steps, least)
    moves = told_apart(fewest)
    kinds = (len(moves), *map(len, COLOURS.values()))
    if n > math.prod(kinds):
        raise ValueError(f"n must be at most {math.prod(kinds):,}, the different clips of {fewest} steps, got {n:,}")
    chosen = np.random.default_rng(seed).permutation(math.prod(kinds))[:n]
    move, *colours = np.unravel_index(chosen, kinds)
    motion, begins = moves[move].T
    content = dict(zip(COLOURS, colours, strict=True))
    palette = np.empty((n, 6, 3), np.uint8)  # the colour of every kind of pixel, by clip
    palette[:, NOTHING], palette[:, DARK] = BACKGROUND, OUTLINE
    for name, values in COLOURS.items():
        palette[:, OWNER[name]] = np.array(list(values.values()))[content[name]]
    drawn = figures()[motion[:, None], moments(begins, steps)]  # (n, steps, H, W)
    x = palette[np.arange(n)[:, None, None, None], drawn]
    names = {**{name: tuple(values) for name, values in COLOURS.items()}, "motion": MOTIONS}
    made = Sequences("sprites", np.ascontiguousarray(np.moveaxis(x, -1, 2)), content, motion, names, LEVELS)
    return made if least is None else made.ending(fewest, seed)


def told_apart(steps: int) -> np.ndarray:
    """Motions and where they begin, (moves, 2): one of those that look alike for so many steps."""
    moves = np.stack(np.meshgrid(np.arange(len(MOTIONS)), np.arange(PERIOD), indexing="ij"), -1).reshape(-1, 2)
    shown = figures()[moves[:, :1], moments(moves[:, 1], min(steps, PERIOD))]
    _, first = np.unique(shown.reshape(len(moves), -1), axis=0, return_index=True)
    return moves[np.sort(first)]


def moments(begins: np.ndarray, steps: int) -> np.ndarray:
    """Where in its period a motion is at every step, (n, steps)."""
    return (begins[:, None] + np.arange(steps)) % PERIOD


def figures() -> np.ndarray:
    """What every pixel belongs to, by motion and moment: (motions, 8, 32, 32)."""
    draw = (walk_left, walk_right, jump, wave, squat, star)
    return np.stack([np.stack([one(moment) for moment in range(PERIOD)]) for one in draw])


def body(
    *,
    up: int = 0,
    knees: int = 0,
    arms: tuple[int, int] = (6, 6),
    reach: tuple[int, int] = (0, 0),
    legs: tuple[int, int] = (0, 0),
    eyes: tuple[int, ...] = (-2, 1),
) -> np.ndarray:
    """A figure seen from the front, (32, 32).

    `up` pixels above the ground; `knees`: how much shorter its legs are; `arms`: how far its hands hang below the
    shoulders (above them, if negative), left and right, and `reach` how far out; `legs`: how far its feet stand out;
    `eyes`: their columns from the middle.
    """
    field, middle = np.zeros((SIZE, SIZE), np.uint8), SIZE // 2
    ground = 29 - up
    hips = ground - 7 + knees
    shoulders = hips - 7
    for side, out in zip((-1, 1), legs, strict=True):
        limb(field, (hips, middle + 2 * side), (ground, middle + (2 + out) * side), TROUSERS)
        field[ground : ground + 2, columns(middle + (2 + out) * side)] = DARK
    for side, hang, out in zip((-1, 1), arms, reach, strict=True):
        limb(field, (shoulders + 1, middle + 5 * side), (shoulders + hang, middle + (6 + out) * side), SHIRT)
        hand = shoulders + hang + (1 if hang > 0 else -2)
        field[hand : hand + 2, columns(middle + (6 + out) * side)] = SKIN
    field[shoulders : hips + 1, middle - 4 : middle + 4] = SHIRT
    field[shoulders - 7 : shoulders, middle - 3 : middle + 3] = SKIN
    field[shoulders - 8 : shoulders - 5, middle - 4 : middle + 4] = HAIR
    for eye in eyes:
        field[shoulders - 4 : shoulders - 2, middle + eye] = DARK
    return field


def limb(field: np.ndarray, start: tuple[int, int], end: tuple[int, int], owner: int) -> None:
    """A stroke two pixels wide from (row, column) to (row, column)."""
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for i in range(length + 1):
        row, column = (round(a + (b - a) * i / length) for a, b in zip(start, end, strict=True))
        field[row : row + 1, columns(column)] = owner


def columns(column: int) -> slice:
    """Two columns around the line between `column - 1` and `column`."""
    return slice(column - 1, column + 1)


def swing(moment: int, far: float) -> int:
    """-far to far and back in a period."""
    return round(far * np.sin(2 * np.pi * moment / PERIOD))


def walk_left(moment: int) -> np.ndarray:
    """Legs cross and part, the face and a hand to the left."""
    step = swing(moment, 3)
    return body(legs=(step, step), arms=(4, 6), reach=(2 + step // 2, -step // 2), eyes=(-3, -1), up=abs(step) // 3)


def walk_right(moment: int) -> np.ndarray:
    """The mirror image of `walk_left`."""
    return walk_left(moment)[:, ::-1]


def jump(moment: int) -> np.ndarray:
    """Off the ground for half of the time, arms up in the air."""
    high = max(0, swing(moment, 6))
    return body(up=high, arms=(6 - 2 * high, 6 - 2 * high) if high else (6, 6), reach=(1, 1), legs=(high // 3,) * 2)


def wave(moment: int) -> np.ndarray:
    """The right hand above the shoulder, to and fro."""
    return body(arms=(6, -5), reach=(0, 2 + swing(moment, 2)))


def squat(moment: int) -> np.ndarray:
    """Down to half the legs' length, arms out."""
    down = 2 + swing(moment, 2)
    return body(knees=down, legs=(down, down), arms=(3, 3), reach=(2, 2))


def star(moment: int) -> np.ndarray:
    """Arms and legs out and in."""
    out = 2 + swing(moment, 2)
    return body(legs=(out, out), arms=(5 - 2 * out, 5 - 2 * out) if out != 2 else (2, 2), reach=(out, out))
