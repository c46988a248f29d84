"""What a person sees of a run: a live bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

__all__ = ["Progress", "Silent", "announced"]


class Silent:
    """Says nothing."""

    def start(self, steps: int, epochs: int, batch_size: int) -> None:
        """A run of that many steps begins (or goes on)."""

    def step(self, done: int) -> None:
        """So many steps of the main phase are done."""

    def epoch(self, epoch: int, row: Mapping[str, float]) -> None:
        """An epoch ended with these figures."""

    def note(self, text: str) -> None:
        """A sentence for the user."""

    def stop(self) -> None:
        """The run ended."""


class Progress(Silent):
    """Epoch, rate in examples per second, time left and every term in nats."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.console = Console(file=stream or sys.stderr, highlight=False, soft_wrap=True)
        self.live: Live | None = None
        self.said, self.started, self.first = "", 0.0, 0

    def start(self, steps: int, epochs: int, batch_size: int) -> None:
        """Begin to count."""
        self.steps, self.epochs, self.batch_size = steps, epochs, batch_size
        self.started, self.first = time.monotonic(), -1
        self.shown = 0.0
        if self.console.is_terminal:
            self.live = Live(console=self.console, refresh_per_second=4, transient=True)
            self.live.start()

    def step(self, done: int) -> None:
        """Redraw four times a second at most."""
        if self.first < 0:
            self.first = done - 1
        now = time.monotonic()
        if self.live is not None and now - self.shown > 0.25:
            self.shown = now
            self.live.update(Text(f"{self._pace(done)}   {self.said}"))

    def epoch(self, epoch: int, row: Mapping[str, float]) -> None:
        """One line; on a terminal only every so often, elsewhere at most about forty in a run."""
        self.said = announced(row)
        every = max(1, self.epochs // 40)
        if epoch % every == 0 or epoch == self.epochs:
            width = len(str(self.epochs))
            self.console.print(f"epoch {epoch:>{width}}/{self.epochs}  {self.said}")

    def note(self, text: str) -> None:
        """Print a sentence."""
        self.console.print(text)

    def stop(self) -> None:
        """Take the bar away."""
        if self.live is not None:
            self.live.stop()
            self.live = None

    def _pace(self, done: int) -> str:
        spent = max(1e-9, time.monotonic() - self.started)
        per_second = (done - self.first) / spent
        left = (self.steps - done) / max(per_second, 1e-9)
        bar = "━" * round(24 * done / self.steps)
        return f"{bar:<24} {done:,}/{self.steps:,} steps  {per_second * self.batch_size:,.0f}/s  {clock(left)} left"


def announced(row: Mapping[str, float]) -> str:
    """The terms of a row, training then validation, in nats, and how many steps were skipped if any.

    Active dimensions, and the rates of single latents beside the whole rate, stand in the table alone.
    """
    parts = []
    for split in ("train", "valid"):
        terms = {name.split("/")[1]: v for name, v in row.items() if name.startswith(f"{split}/")}
        skipped = terms.pop("skipped", 0)
        figures = "  ".join(f"{name} {said(name, value)}" for name, value in terms.items() if not aside(name, terms))
        figures += f"  {skipped:.0f} steps skipped" if skipped else ""
        if figures:
            parts.append(f"{split}: {figures}")
    return " | ".join(parts)


def said(name: str, value: float) -> str:
    """A figure; of codes that are used, how many."""
    return f"{value:.0f}" if name.startswith("used") else f"{value:.2f}"


def aside(name: str, terms: Mapping[str, float]) -> bool:
    """Whether a line for people leaves the figure out."""
    return name.startswith("active") or (name.startswith("rate:") and "rate" in terms)


def clock(seconds: float) -> str:
    """Seconds as 1:02:03 or 2:03."""
    whole = int(seconds)
    minutes, hours = whole // 60 % 60, whole // 3600
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
