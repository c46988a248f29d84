"""Text as strings of whole numbers: lines of a file, or sentences in memory, by words or by characters."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.data.asked import FromFiles
from vaekit.data.sources import Examples, Found
from vaekit.data.spec import DataSpec

__all__ = ["END", "UNKNOWN", "sentences"]

TEXT_FILES = (".txt",)
END, UNKNOWN = 0, 1  # what stands at the end of a sentence and behind it, and for words that are not known
NAMES = ("<end>", "<unk>")
MOST_WORDS = 10_000
FEW = 1.5  # words in a line on average, below which lines are taken for single words, read by character


def is_text(source: Any) -> bool:
    """Whether a source is a list of sentences."""
    return isinstance(source, list | tuple) and len(source) > 0 and all(isinstance(line, str) for line in source)


def lines_of(path: Path) -> list[str]:
    """The lines of a text file, without empty ones. Raises ValueError for a file that is no text in UTF-8."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: {error.reason} at byte {error.start}") from None
    return [line for line in lines if line.strip()]


def from_lines(lines: Sequence[str], name: str, asked: FromFiles) -> Found:
    """Lines as strings of the same length, the end standing behind each; the commonest words first in the vocabulary.

    Words are what blanks part; where lines are single words, or `unit` says so, characters. `vocabulary` is how many
    words there are at most, `longest` how many of them a line has at most: longer ones are left out.
    """
    lines = [line for line in lines if line.strip()][: asked.limit]
    if not lines:
        raise ValueError(f"{name} must hold at least one line of text, got none")
    unit = asked.unit or unit_of(lines)
    parted = [parts(line, unit) for line in lines]
    kept = [words for words in parted if asked.longest is None or len(words) <= asked.longest]
    if not kept:
        shortest = min(map(len, parted))
        raise ValueError(f"longest must leave some lines, got {asked.longest}: the shortest has {shortest} {unit}")
    words = vocabulary_of(kept, asked.vocabulary or MOST_WORDS)
    number = {word: i for i, word in enumerate(words)}
    longest = max(map(len, kept))
    x = np.full((len(kept), longest + 1), END, np.int32)
    for row, line in zip(x, kept, strict=True):
        row[: len(line)] = [number.get(word, UNKNOWN) for word in line]
    return Found(name, Examples(x), words=words, unit=unit, notes=tuple(noted(x, words, unit, parted, kept)))


def noted(
    x: np.ndarray, words: Sequence[str], unit: str, every: Sequence[Sequence[str]], kept: Sequence[Sequence[str]]
) -> Iterator[str]:
    """What was decided, in words."""
    unknown, left_out = int((x == UNKNOWN).sum()), len(every) - len(kept)
    yield f"a vocabulary of {len(words):,} {unit}, the end and <unk> among them"
    if unknown:
        yield f"{100 * unknown / sum(map(len, kept)):.2g} % of the {unit} are <unk>"
    if left_out:
        yield f"{left_out:,} longer lines left out"


def unit_of(lines: Sequence[str]) -> str:
    """Words, unless lines are hardly more than one."""
    return "characters" if sum(len(line.split()) for line in lines) < FEW * len(lines) else "words"


def parts(line: str, unit: str) -> list[str]:
    """The words or characters of a line."""
    return line.split() if unit == "words" else list(line.strip())


def vocabulary_of(lines: Iterable[Sequence[str]], most: int) -> tuple[str, ...]:
    """The end, the unknown word, and the commonest words, of equally common ones the first in the alphabet."""
    counts = Counter(word for line in lines for word in line)
    for name in NAMES:
        counts.pop(name, None)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return (*NAMES, *ordered[: most - len(NAMES)])


def tokens_for(lines: Sequence[str], spec: DataSpec) -> np.ndarray:
    """New lines in the vocabulary of a spec. Raises ValueError for one that is longer than those that it had."""
    number, room = {word: i for i, word in enumerate(spec.words)}, spec.shape[0] - 1
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise ValueError("the new examples must hold at least one line of text, got none")
    x = np.full((len(lines), room + 1), END, np.int32)
    for i, line in enumerate(lines):
        words = parts(line, spec.unit or "words")
        if len(words) > room:
            raise ValueError(
                f"sentences may have up to {room} {spec.unit}, as the data had, got {len(words)} in line {i + 1}"
            )
        x[i, : len(words)] = [number.get(word, UNKNOWN) for word in words]
    return x


def sentences(x: Any, spec: DataSpec) -> list[str]:
    """Strings of whole numbers (N, T) as text, each up to its end."""
    between = " " if spec.unit == "words" else ""
    found = []
    for row in np.asarray(x).astype(np.int64).reshape(-1, spec.shape[0]):
        ends = (row == END).nonzero()[0]
        found.append(between.join(spec.words[word] for word in row[: ends[0] if len(ends) else None]))
    return found
