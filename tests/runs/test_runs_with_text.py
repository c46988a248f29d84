"""A run on sentences, from a file to sentences again, in Python and on the command line."""

import itertools
import json
import math

import pytest
import torch

import vaekit as vk
from vaekit.cli.main import main
from vaekit.data import sentences
from vaekit.evaluation import bound

SMALL = {"latent": 3, "embedding": 8, "recurrent": 12}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run on lines of a small grammar."""
    folder = tmp_path_factory.mktemp("text")
    words = [("the", "a"), ("cat", "dog", "bird"), ("sees", "hears"), ("me", "you", "it")]
    lines = [" ".join(line) for line in itertools.product(*words)] * 6
    (folder / "lines.txt").write_text("\n".join(lines))
    data = vk.data.open(folder / "lines.txt")
    vk.train("text-vae", data, folder=folder / "run", arguments=SMALL, steps=150, lr=1e-2, report=vk.Silent())
    return folder


@pytest.fixture
def run(place):
    return vk.load(place / "run")


def test_it_writes_sentences_of_the_kind_that_it_read(run):
    made = sentences(run.sample(50, seed=1), run.spec)
    assert len(set(made)) > 5
    assert sum(len(line.split()) == 4 for line in made) > 40
    copies = sentences(run.reconstruct(["the cat sees me"]), run.spec)
    assert len(copies) == 1
    z = run.encode(["the cat sees me", "a dog hears it"])
    assert z.shape == (2, 3)
    assert run.decode(z).shape == (2, 5)
    assert run.interpolate("the cat sees me", "a dog hears it", steps=4).shape == (4, 5)


def test_the_perplexity_is_that_of_all_words_and_ends(run):
    figures, split = run.evaluate(samples=3), run.split()[1]
    nats = -bound(run.model, split).elbo.mean * len(split)
    words = sum(len(line.split()) + 1 for line in sentences(split.x, run.spec))
    assert math.isclose(figures.perplexity_bound.value, math.exp(nats / words), rel_tol=1e-6)
    assert figures.perplexity_bound.unit == "per word"
    assert 1 < figures.perplexity.value < 6
    assert figures.bits_per_dim is None
    assert any("see the perplexity per word" in note for note in figures.notes)


def test_the_page_shows_sentences(run, place):
    page = run.report(place / "page.html").read_text()
    assert "what comes back" in page
    assert "New sentences: z drawn from the prior" in page
    assert "Reconstructions hardly follow" not in page


def test_commands_speak_in_sentences(place, capsys):
    run, lines = str(place / "run"), str(place / "new.txt")
    (place / "new.txt").write_text("the cat sees me\na bird hears you\n")
    main(["sample", run, "-n", "3", "-o", "-"])
    assert len(capsys.readouterr().out.splitlines()) == 3
    main(["reconstruct", run, lines, "-o", "-"])
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "the cat sees me"
    assert said[2] == "a bird hears you"
    assert len(said) == 4
    main(["sample", run, "-n", "3", "-o", str(place / "made.txt")])
    assert len((place / "made.txt").read_text().splitlines()) == 3
    main(["score", run, lines, "-o", str(place / "scores.csv")])
    capsys.readouterr()
    main(["train", lines, "--dry-run", "--json"])
    assert json.loads(capsys.readouterr().out)["recipe"] == "text-vae"
    with pytest.raises(SystemExit):
        main(["sample", run, "-o", str(place / "made.png")])
    assert ".txt or .npy" in capsys.readouterr().err
    (place / "long.txt").write_text("the cat sees me and the dog")
    with pytest.raises(SystemExit):
        main(["encode", run, str(place / "long.txt")])
    assert "sentences may have up to 4 words, as the data had, got 7 in line 1" in capsys.readouterr().err


def test_a_recipe_of_numbers_says_which_one_reads_text(place):
    with pytest.raises(ValueError, match="choose text-vae"):
        vk.recipe("vae")(vk.data.open(place / "lines.txt").spec)
    with pytest.raises(ValueError, match="text-vae reads text"):
        vk.recipe("text-vae")(vk.data.open("digits").spec)


def test_no_word_is_drawn_after_the_end(run):
    x = run.sample(40, seed=3)
    ended = (x == 0).long().cumsum(1) > 0
    assert (x[ended] == 0).all()
    torch.testing.assert_close(x, run.sample(40, seed=3))
