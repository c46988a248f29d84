"""What a page is about, and what a page is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from vaekit.data import Data
from vaekit.evaluation import Evaluation, Figure
from vaekit.models.model import Model
from vaekit.training.step import Choices

__all__ = ["Subject"]


@dataclass(frozen=True, eq=False)
class Subject:
    """A run as a page shows it: its folder, model, data, run.json, metrics.csv and evaluation.

    `at` makes, of a batch, what happens at latents. `quality`: figures of samples and reconstructions by name.
    """

    path: Path
    model: Model
    data: Data
    record: Mapping[str, Any]
    rows: Sequence[Mapping[str, float]]
    evaluation: Evaluation
    at: Choices | None = None
    quality: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name


@dataclass(frozen=True)
class Exhibit:
    """One picture, chart or table, as HTML, with what it shows in a line above it.

    `kind` is how wide it may be: "chart" (several beside each other), "strip" (a row of its own), "tile" (one of many).
    """

    html: Markup
    caption: str | Markup = ""
    kind: str = "chart"


@dataclass(frozen=True)
class Section:
    """A part of a page: what one sees as its heading, one or two sentences, and exhibits."""

    key: str
    heading: str
    text: str
    exhibits: Sequence[Exhibit] = ()
    notes: Sequence[str] = ()
