"""Small runs for the tests of pages: subjects made by hand, without training."""

from html.parser import HTMLParser

import numpy as np
import torch

import vaekit.data
from vaekit.conditionals import Bernoulli, Deterministic, Gaussian, Shared, VonMisesFisher
from vaekit.evaluation import evaluate
from vaekit.models import VAE
from vaekit.networks import MLP, OneHot
from vaekit.priors import StandardNormal, UniformOnSphere
from vaekit.report import Subject
from vaekit.training import Plan

VOID = {"meta", "link", "img", "br", "path", "hr"}


def subject(folder, model, data, recipe="vae", rows=(), **arguments):
    """A run of `model` on `data` that never trained: its evaluation is real, its record is written here."""
    split = data.test or data.valid or data.train
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "recipe": recipe,
        "arguments": arguments,
        "data": data.source,
        "spec": data.spec.to_dict(),
        "plan": Plan(epochs=3).to_dict(),
        "status": "finished",
        "objective": "Distortion() + Rate()",
        "parameters": 1234,
        "versions": {"torch": "2.13"},
        "seconds": 75.0,
    }
    return Subject(folder, model, data, record, list(rows), evaluate(model, split, data.spec, samples=2))


def seeded(make):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make()


def images(folder, size=3, rows=()):
    def make():
        return VAE(StandardNormal(size), Gaussian(MLP(64, 16), size), Bernoulli(MLP(size, 16), (1, 8, 8)))

    data = vaekit.data.open("digits", limit=200, binarise="fixed")
    return subject(folder, seeded(make), data, rows=rows, latent=size)


def on_a_sphere(folder):
    def make():
        return VAE(UniformOnSphere(3), VonMisesFisher(MLP(64, 16), 3), Bernoulli(MLP(3, 16), (1, 8, 8)))

    data = vaekit.data.open("digits", limit=200, binarise="fixed")
    return subject(folder, seeded(make), data, "sphere-vae", latent=3)


def of_labels(folder):
    def make():
        encoder, decoder = Gaussian(MLP(74, 8), 2), Bernoulli(MLP(12, 8), (1, 8, 8))
        return VAE(StandardNormal(2), encoder, decoder, context=OneHot(10))

    data = vaekit.data.open("digits", limit=200, binarise="fixed").conditioned_on_labels()
    return subject(folder, seeded(make), data, "cvae", latent=2)


def autoencoder(folder):
    def make():
        return VAE(None, Deterministic(MLP(64, 8), 3), Bernoulli(MLP(3, 8), (1, 8, 8)))

    data = vaekit.data.open("digits", limit=200, binarise="fixed")
    return subject(folder, seeded(make), data, "autoencoder", latent=3)


def vectors(folder, size):
    x = np.random.default_rng(0).normal(size=(120, size)).cumsum(1)

    def make():
        return VAE(StandardNormal(2), Gaussian(MLP(size, 8), 2), Gaussian(MLP(2, 8), size, scale=Shared()))

    return subject(folder, seeded(make), vaekit.data.open(x), latent=2)


def table(folder):
    path = folder.parent / f"{folder.name}.csv"
    x = np.random.default_rng(0).normal(size=(120, 3)) * [1, 10, 100] + [0, 5, 1000]
    path.write_text("\n".join(["height,<b>weight</b>,price", *(",".join(map(str, row)) for row in x.tolist())]) + "\n")

    def make():
        return VAE(StandardNormal(2), Gaussian(MLP(3, 8), 2), Gaussian(MLP(2, 8), 3, scale=Shared()))

    return subject(folder, seeded(make), vaekit.data.open(path), latent=2)


class Page(HTMLParser):
    """Ids, headings and texts of a page; every element must be closed by its own end tag."""

    def __init__(self, html):
        super().__init__()
        self.ids, self.open, self.images, self.words = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if tag == "img":
            self.images.append(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())
