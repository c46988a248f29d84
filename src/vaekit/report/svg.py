"""Charts as inline SVG: plain shapes whose colours are classes, so that a page gives them in light and in dark.

A chart is WIDE units across, about the width of a phone, and is only ever shown near that size: its text stays legible.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from matplotlib.ticker import MaxNLocator

__all__ = ["Chart", "WIDE", "padded", "short"]

WIDE, TALL = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 30
LETTER = 6.2  # units that a letter of a label takes

Values = Sequence[float] | np.ndarray
Range = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """From values between `low` and `high` to units between `start` and `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, values: Values | float) -> np.ndarray:
        """Where the values stand."""
        return self.start + (np.asarray(values, float) - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int, whole: bool = False) -> list[float]:
        """Round values within the range."""
        found = MaxNLocator(most, integer=whole, min_n_ticks=2).tick_values(self.low, self.high)
        slack = 1e-9 * (self.high - self.low)
        return [float(t) for t in found if self.low - slack <= t <= self.high + slack]


class Chart:
    """One panel with two axes. Marks are drawn in the order of the calls and cut off at the panel's edges.

    `kind` of a mark is its class on the page: "data", "model", "matter", "faint", "c0" to "c9".
    """

    def __init__(self, x: Range, y: Range, *, tall: int = TALL, left: int = LEFT, bottom: int = BOTTOM) -> None:
        self.tall, self.left = tall, left
        self.floor = tall - bottom
        self.x = Scale(*spread(x), left, WIDE - RIGHT)
        self.y = Scale(*spread(y), self.floor, TOP)
        self.marks: list[str] = []
        self.frame: list[str] = []

    def line(self, x: Values, y: Values, kind: str) -> None:
        """A line through the points."""
        self.marks.append(f'<path class="line {kind}" d="{track(self.x(x), self.y(y))}"/>')

    def dots(self, x: Values, y: Values, kind: str, size: float = 3.0) -> None:
        """Round dots, one path for all of them."""
        places = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(self.x(x), self.y(y), strict=True))
        self.marks.append(f'<path class="dots {kind}" stroke-width="{size:g}" d="{places}"/>')

    def bars(self, x: Values, height: Values, width: float, kind: str, base: float = 0.0) -> None:
        """Upright bars about x."""
        left, right = self.x(np.asarray(x) - width / 2), self.x(np.asarray(x) + width / 2)
        top, bottom = self.y(height), float(self.y(base))
        each = zip(left, right, top, strict=True)
        places = "".join(f"M{a:.1f} {bottom:.1f}V{t:.1f}H{b:.1f}V{bottom:.1f}z" for a, b, t in each)
        self.marks.append(f'<path class="area {kind}" d="{places}"/>')

    def steps(self, edges: Values, height: Values, kind: str) -> None:
        """The outline of a histogram."""
        x, y = np.repeat(np.asarray(edges, float), 2), np.repeat(np.asarray(height, float), 2)
        self.line(x, np.concatenate([[0.0], y, [0.0]]), kind)

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> None:
        """Words at a point."""
        self.marks.append(written(float(self.x(x)), float(self.y(y)) + 4, words, f"label {kind}", anchor))

    def upright(self, x: float, kind: str) -> None:
        """A line from the floor to the top."""
        at = float(self.x(x))
        self.marks.append(f'<path class="line {kind}" d="M{at:.1f} {self.floor}V{TOP}"/>')

    def grid(self, *, whole: tuple[bool, bool] = (False, False), most: tuple[int, int] = (6, 5)) -> None:
        """Round numbers along both axes, with pale lines across the panel."""
        self.across(whole[1], most[1])
        self.along(self.x.ticks(most[0], whole[0]))

    def across(self, whole: bool = False, most: int = 5) -> None:
        """The upright axis: numbers at the left and pale lines."""
        ticks = self.y.ticks(most, whole)
        for tick, words in zip(ticks, labelled(ticks), strict=True):
            at = float(self.y(tick))
            self.frame.append(f'<path class="grid" d="M{self.left} {at:.1f}H{WIDE - RIGHT}"/>')
            self.frame.append(written(self.left - 6, at + 4, words, "tick", "end"))

    def along(self, ticks: Values, words: Sequence[str] | None = None) -> None:
        """The level axis: numbers, or words, below a thin line."""
        self.frame.append(f'<path class="axis" d="M{self.left} {self.floor}H{WIDE - RIGHT}"/>')
        for at, word in zip(self.x(ticks), words or labelled(list(ticks)), strict=True):
            self.frame.append(written(float(at), self.floor + 17, word, "tick", "middle"))

    def named(self, words: str) -> None:
        """What runs along the level axis, at its right end."""
        self.frame.append(written(WIDE - RIGHT, self.tall - 1, words, "tick", "end"))

    def beside(self, y: Values, words: Sequence[str]) -> None:
        """Words at the left of the panel, one for each place."""
        for at, word in zip(self.y(y), words, strict=True):
            self.frame.append(written(self.left - 6, float(at) + 4, word, "tick", "end"))

    def svg(self, alt: str) -> Markup:
        """The chart, with `alt` for those who cannot see it."""
        wide = WIDE - RIGHT - self.left
        cut = (
            f'<svg x="{self.left}" y="{TOP}" width="{wide}" height="{self.floor - TOP}" '
            f'viewBox="{self.left} {TOP} {wide} {self.floor - TOP}">{"".join(self.marks)}</svg>'
        )
        head = f'<svg class="chart" viewBox="0 0 {WIDE} {self.tall}" role="img" aria-label="{escape(alt)}">'
        return Markup(head + "".join(self.frame) + cut + "</svg>")


def spread(values: Range) -> Range:
    """A range that is not empty."""
    low, high = map(float, values)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def padded(*values: Values, share: float = 0.05) -> Range:
    """The range of all the values, and a little more at both ends."""
    whole = np.concatenate([np.asarray(part, float).ravel() for part in values])
    low, high = spread((float(whole.min()), float(whole.max())))
    margin = share * (high - low)
    return low - margin, high + margin


def track(x: np.ndarray, y: np.ndarray) -> str:
    """A path through points in units."""
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def written(x: float, y: float, words: str, kind: str, anchor: str) -> str:
    """One text element."""
    return f'<text class="{kind.strip()}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def labelled(ticks: Sequence[float]) -> list[str]:
    """Ticks as people write them: thousands as k, a true minus."""
    widest = max((abs(t) for t in ticks), default=0.0)
    shown = [f"{t / 1000:g}k" if widest >= 10_000 and t else f"{t:.6g}" for t in ticks]
    return [word.replace("-", "−") for word in shown]


def short(words: str, letters: int) -> str:
    """Words cut to so many letters."""
    return words if len(words) <= letters else words[: letters - 1] + "…"
