"""What a person sees of a sweep: the runs under way on a terminal, a line for each that ended elsewhere."""

import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from vaekit.training.progress import clock

__all__ = ["Board", "Quiet"]


class Quiet:
    """Says nothing."""

    def start(self, total: int, ended: int) -> None:
        """A sweep of `total` runs begins, of which so many have ended before."""

    def show(self, name: str, event: Mapping[str, Any]) -> None:
        """Something happened to a run: `{}` where it began, an epoch, or its status."""

    def note(self, text: str) -> None:
        """A sentence for the user."""

    def stop(self) -> None:
        """The sweep ended."""


class Board(Quiet):
    """Counts, the runs under way with their epochs, and the time left; on standard error unless told otherwise."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.console = Console(file=stream or sys.stderr, highlight=False, soft_wrap=True)
        self.live: Live | None = None
        self.running: dict[str, str] = {}

    def start(self, total: int, ended: int) -> None:
        """Begin to count."""
        self.total, self.before, self.ended, self.failed = total, ended, ended, 0
        self.started = time.monotonic()
        if self.console.is_terminal:
            self.live = Live(console=self.console, refresh_per_second=4, transient=True, get_renderable=self._shown)
            self.live.start()

    def show(self, name: str, event: Mapping[str, Any]) -> None:
        """A line for a run that ended; the others are on the board."""
        if "status" not in event:
            self.running[name] = far(event)
            return
        self.running.pop(name, None)
        if event["status"] == "interrupted":
            self.console.print(f"{name}: interrupted")
            return
        self.ended += 1
        self.failed += event["status"] != "finished"
        self.console.print(f"{self.ended}/{self.total}  {name}: {ended(event)}", markup=False)

    def note(self, text: str) -> None:
        """Print a sentence."""
        self.console.print(text, markup=False)

    def stop(self) -> None:
        """Take the board away."""
        if self.live is not None:
            self.live.stop()
            self.live = None

    def _shown(self) -> Group:
        """Counts, then the runs under way."""
        done = self.ended - self.before
        spent = time.monotonic() - self.started
        left = f", about {clock(spent / done * (self.total - self.ended))} left" if done else ""
        failed = f", {self.failed} failed" if self.failed else ""
        head = Text(f"{self.ended} of {self.total} runs done{failed}{left}", style="bold")
        return Group(head, *(Text(f"  {name}  {text}") for name, text in list(self.running.items())))


def far(event: Mapping[str, Any]) -> str:
    """How far a run is."""
    if "epoch" not in event:
        return "starting"
    loss = event.get("loss")
    figure = "" if loss is None else f", validation loss {loss:.2f}"
    return f"epoch {event['epoch']}/{event['epochs']}{figure}"


def ended(event: Mapping[str, Any]) -> str:
    """How a run ended: its figures, or the sentence that says what went wrong."""
    if event["status"] != "finished":
        return f"{event['status']}: {event['reason']}"
    found = [f"{name} {written(event['valid'][name])}" for name in ("log-likelihood", "ELBO") if name in event["valid"]]
    figures = found or [f"distortion {written(event['valid']['distortion'])}"]
    return f"finished in {clock(event['seconds'])}, {', '.join(figures)} (validation)"


def written(value: float) -> str:
    """Nats to two digits, unless they are out of all bounds."""
    return f"{value:.2f}" if abs(value) < 1e7 else f"{value:.2e}"
