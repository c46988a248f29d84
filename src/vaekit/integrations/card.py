"""A model card, written from a run."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["model_card"]

PICTURES = {
    "samples.png": "Samples from the prior",
    "reconstructions.png": "Originals beside their reconstructions",
    "levels.png": "What each latent adds, from the top on",
    "curves.png": "Every term by epoch",
}
LATENTS = 12  # whose rates have a line each, at most
LOAD = """\
```python
import vaekit as vk

run = vk.from_pretrained("{repo_id}"{composed})
x = run.sample(16)
```
"""


def model_card(
    repo_id: str,
    record: Mapping[str, Any],
    rows: Sequence[Mapping[str, float]],
    evaluation: Mapping[str, Any] | None,
    pictures: Sequence[str],
) -> str:
    """README.md of a published run: what it is, what it was trained on and how, its numbers, and how to load it.

    `record` is what run.json says, `rows` the table, `evaluation` what evaluation.json says, `pictures` file names.
    """
    parts = [
        front_matter(record),
        f"# {repo_id.rpartition('/')[2]}\n",
        introduction(record),
        *(f"![{words}]({name})\n" for name, words in PICTURES.items() if name in pictures and name != "curves.png"),
        "## How to load it\n",
        how_to_load(repo_id, record),
        "## Data\n",
        "\n".join(data_lines(record["spec"])) + "\n",
        "## Training\n",
        "\n".join(training_lines(record, rows)) + "\n",
        "## Numbers\n",
        numbers(rows, evaluation),
        "## Limits\n",
        limits(record, evaluation),
    ]
    return "\n".join(parts)


def front_matter(record: Mapping[str, Any]) -> str:
    """What the hub reads: the library, tags, and the task where it is one the hub knows."""
    tags = ["vaekit", "variational-autoencoder", "pytorch", *([plain(record["recipe"])] if record["recipe"] else [])]
    lines = ["---", "library_name: vaekit", "tags:", *(f"- {tag}" for tag in tags)]
    if makes_pictures(record):
        lines += ["pipeline_tag: unconditional-image-generation"]
    return "\n".join([*lines, "---", ""])


def makes_pictures(record: Mapping[str, Any]) -> bool:
    """Whether samples are pictures that need nothing else."""
    spec = record["spec"]
    return len(spec["shape"]) == 3 and spec["shape"][0] in (1, 3, 4) and spec.get("context") is None


def introduction(record: Mapping[str, Any]) -> str:
    """What the model is, in two sentences."""
    kind = f"the recipe `{plain(record['recipe'])}`" if record["recipe"] else "a model composed by hand"
    count = record.get("parameters")
    size = f" with {count:,} parameters" if isinstance(count, int) else ""
    return f"A variational autoencoder, {kind}{size}, trained on {plain(record['spec']['name'])} with vaekit.\n"


def how_to_load(repo_id: str, record: Mapping[str, Any]) -> str:
    """Three lines of Python."""
    if record["recipe"]:
        return LOAD.format(repo_id=repo_id, composed="")
    said = "It was composed by hand: build the same composition first, download, and load the weights into it.\n\n"
    code = f'folder = huggingface_hub.snapshot_download("{repo_id}")\nrun = vk.load(folder, model=the_composition)'
    return f"{said}```python\nimport huggingface_hub\nimport vaekit as vk\n\n{code}\n```\n"


def data_lines(spec: Mapping[str, Any]) -> Iterator[str]:
    """What the data was, and what was decided about it."""
    size = " × ".join(map(str, spec["shape"])) or "one number"
    levels = f", {spec['levels']} levels" if spec.get("levels") else ""
    yield f"- examples of {size}, values: {plain(spec['domain'])}{levels}"
    if spec.get("classes"):
        yield f"- {spec['classes']} classes" + (", which the model is given" if spec.get("context") == [] else "")
    if spec.get("binarise"):
        when = "at every visit" if spec["binarise"] == "visit" else "once"
        yield f"- made binary by Bernoulli draws from grey levels, {when}"
    if spec.get("dequantise"):
        yield "- dequantised with uniform noise"
    yield from (f"- {plain(note)}" for note in spec.get("notes") or ())


def training_lines(record: Mapping[str, Any], rows: Sequence[Mapping[str, float]]) -> Iterator[str]:
    """Objective, options and length."""
    if record.get("objective"):
        yield f"- objective: `{plain(record['objective'])}`"
    options = ", ".join(f"{name} {value}" for name, value in record["arguments"].items() if value is not None)
    if options:
        yield f"- options: `{plain(options)}`"
    plan = record["plan"]
    rate = plan.get("optimiser", {}).get("lr")
    yield f"- batches of {plan.get('batch_size')}, learning rate {rate}, seed {plan.get('seed')}"
    if rows:
        best = f", the weights are of epoch {record['best_epoch']}" if record.get("best_epoch") else ""
        yield f"- {int(rows[-1].get('epoch', len(rows)))} epochs, {int(rows[-1].get('step', 0)):,} steps{best}"
    versions = record.get("versions", {})
    yield "- " + ", ".join(f"{name} {plain(str(number))}" for name, number in versions.items())


def numbers(rows: Sequence[Mapping[str, float]], evaluation: Mapping[str, Any] | None) -> str:
    """The evaluation as a table with units and standard errors; without one, the last row of the metrics."""
    if evaluation is not None:
        split, examples = plain(str(evaluation.get("split", "test"))), evaluation.get("examples")
        heading = f"On the {split} split, {examples:,} examples; errors are standard errors over examples.\n"
        figures = told(evaluation.get("figures", {}))
        lines = [figure_line(name, figure) for name, figure in figures.items()]
        return "\n".join([heading, "| | value | unit | what it is |", "|---|---:|---|---|", *lines, ""])
    if not rows:
        return "No figures were kept.\n"
    lines = [f"| {plain(n)} | {v:.4g} | |" for n, v in rows[-1].items() if n not in ("epoch", "step")]
    heading = "Of the last epoch, in nats per example; not an evaluation on test data.\n"
    return "\n".join([heading, "| | value | |", "|---|---:|---|", *lines, ""])


def told(figures: Mapping[str, Any]) -> Mapping[str, Any]:
    """All figures, without the rates of single latents where there are more than a card can hold."""
    single = {name for name in figures if name.startswith("rate of ")}
    return figures if len(single) <= LATENTS else {n: f for n, f in figures.items() if n not in single}


def figure_line(name: str, figure: Mapping[str, Any]) -> str:
    """A row of the table."""
    value, error = figure.get("value"), figure.get("standard_error")
    written = "-" if value is None else f"{value:.3f}" + (f" ± {error:.3f}" if error is not None else "")
    return f"| {plain(name)} | {written} | {plain(figure.get('unit', ''))} | {plain(figure.get('what', ''))} |"


def limits(record: Mapping[str, Any], evaluation: Mapping[str, Any] | None) -> str:
    """What not to expect."""
    said = [
        f"- It knows {plain(record['spec']['name'])} alone: other data need the same shape and values, and the "
        "likelihood of what lies far from them says little.",
        "- The ELBO is a lower bound of log p(x), and the estimates of log p(x) lie below it on average.",
        "- Samples show the mean of p(x|z): sharper or noisier than a draw, depending on the likelihood.",
        "- The data are not part of this repository.",
    ]
    loss = None if evaluation is None else evaluation.get("figures", {}).get("ELBO", {}).get("value")
    if loss is None or not math.isfinite(loss):
        said.append("- It was not evaluated on held-out data before it was published.")
    return "\n".join(said) + "\n"


def plain(text: str) -> str:
    """A text that cannot break the card's markup: one line without pipes, angle brackets or backticks."""
    return re.sub(r"\s+", " ", re.sub(r"[|<>`]", " ", str(text))).strip()
