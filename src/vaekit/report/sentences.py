"""Text on a page: sentences beside what the model makes of them, new ones, and the way from one to another."""

from collections.abc import Sequence

from markupsafe import Markup
from torch import Tensor

from vaekit.data import sentences
from vaekit.latent import decoded, spherical
from vaekit.report.numbers import table
from vaekit.report.pictures import device_of
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.report.views import Views

__all__ = ["between_sentences", "rewritten", "written"]

SHOWN, NEW, STEPS, PATHS = 10, 16, 6, 2


def rewritten(subject: Subject, views: Views) -> Section | None:
    """Held-out sentences beside what comes back of each."""
    if views.x_hat is None:
        return None
    spec = subject.data.spec
    pairs = zip(sentences(views.batch["x"][:SHOWN], spec), sentences(views.x_hat[:SHOWN], spec), strict=True)
    text = (
        f"Sentences of the {views.role} split, chosen by the seed alone, and what the decoder says at the mean of q(z|x), "
        "taking the likeliest word each time: what the latent keeps of each."
    )
    body = table(("", "sentence", "what comes back"), [(i, *pair) for i, pair in enumerate(pairs, 1)], "words")
    return Section("reconstructions", "What it reconstructs", text, [Exhibit(body, kind="strip")])


def written(subject: Subject, views: Views) -> Section | None:
    """New sentences: z from the prior, then word by word."""
    if not views.priors or views.x_hat is None:
        return None
    made = subject.model.generate(NEW).likelihoods["x"].value.cpu()
    text = "New sentences: z drawn from the prior, and then every word from what it leaves open. Nothing is picked by hand."
    return Section("samples", "What it generates", text, [Exhibit(lines(subject, made), kind="strip")])


def between_sentences(subject: Subject, views: Views) -> Section | None:
    """From one held-out sentence to another through the latent space."""
    if views.latent is None or len(views.codes) < 2 * PATHS:
        return None
    device, exhibits = device_of(subject.model), []
    for i in range(PATHS):
        way = spherical(views.codes[2 * i], views.codes[2 * i + 1], STEPS).to(device)
        made = decoded(subject.model, way, latent=views.latent).cpu()
        exhibits.append(Exhibit(lines(subject, made), f"from sentence {2 * i + 1} to sentence {2 * i + 2}", "strip"))
    text = (
        "Each list leads from the code of one sentence to that of another along an arc, the likeliest word at a time."
    )
    return Section("interpolation", "Between two examples", text, exhibits)


def lines(subject: Subject, x: Tensor) -> Markup:
    """Sentences in a table of one column."""
    said: Sequence[str] = sentences(x, subject.data.spec)
    return table(("", "sentence"), [(i, line or "(empty)") for i, line in enumerate(said, 1)], "words")
