"""A conditional VAE learns what words mean, and puts words together that it never saw together."""

import numpy as np
import pytest
import torch

import vaekit as vk

COLOURS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
SIDE, PLACES = 6, 9
HELD_OUT = {(3, 0), (4, 4), (5, 8)}  # pairs of colour and place


def pictures(n, held_out=False, seed=0):
    """A square of one colour in one place, with a few wrong pixels, and its two words in any order, padded."""
    rng = np.random.default_rng((seed, held_out))
    pairs = [(c, q) for c in range(len(COLOURS)) for q in range(PLACES) if ((c, q) in HELD_OUT) == held_out]
    chosen = np.array(pairs)[rng.integers(len(pairs), size=n)]
    x = np.zeros((n, 3, SIDE, SIDE))
    for i, (colour, place) in enumerate(chosen):
        top, left = 2 * (place // 3), 2 * (place % 3)
        x[i, :, top : top + 2, left : left + 2] = COLOURS[colour][:, None, None]
    x = np.where(rng.random(x.shape) < 0.02, 1 - x, x)
    words = rng.permuted(np.add(chosen, (0, len(COLOURS))), axis=1)
    return x.astype(np.uint8), np.concatenate([words, np.full((n, 1), -1)], axis=1), chosen


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    x, tokens, _ = pictures(2000)
    options = {"hidden": (128,), "latent": 2, "width": 32, "blocks": 0}
    place, quiet = tmp_path_factory.mktemp("captions") / "run", vk.Silent()
    data = vk.data.open(x, context=tokens)
    return vk.train("cvae", data, folder=place, arguments=options, epochs=12, lr=3e-3, report=quiet)


def told(made):
    """Colour and place of the square: the place of the brightest, and the nearest colour there."""
    squares = made.unflatten(2, (3, 2)).unflatten(4, (3, 2)).mean((3, 5)).flatten(2)  # (N, 3, places)
    places = squares.sum(1).argmax(1)
    shown = squares[torch.arange(len(made)), :, places]
    return torch.stack([torch.cdist(shown, torch.from_numpy(COLOURS).float()).argmin(1), places], 1)


def agreement(made, chosen):
    """The share of pictures that are what was asked for."""
    return float((told(made) == torch.from_numpy(chosen)).all(1).double().mean())


@pytest.mark.slow
@pytest.mark.parametrize("held_out", [False, True])
def test_what_is_drawn_is_what_the_caption_says(run, held_out):
    x, tokens, chosen = pictures(300, held_out, seed=1)
    assert agreement(torch.from_numpy(x).float(), chosen) > 0.98
    assert agreement(run.sample(context=tokens), chosen) > (0.6 if held_out else 0.98)  # one in 63 by chance


@pytest.mark.slow
def test_a_picture_is_far_less_likely_under_another_s_caption(run):
    x, tokens, chosen = pictures(300, seed=1)
    own = run.score(run.read(torch.from_numpy(x), context=tokens), samples=20)["log_likelihood"]
    other = np.roll(tokens, 1, axis=0)
    differs = torch.from_numpy((np.roll(chosen, 1, axis=0) != chosen).any(1))
    wrong = run.score(run.read(torch.from_numpy(x), context=other), samples=20)["log_likelihood"]
    assert (own - wrong)[differs].mean() > 20


@pytest.mark.slow
def test_padding_behind_words_changes_no_figure(run):
    x, tokens, _ = pictures(50, seed=2)
    longer = np.concatenate([tokens, np.full((50, 5), -1)], axis=1)
    a, b = (run.score(run.read(torch.from_numpy(x), context=given), samples=5) for given in (tokens, longer))
    assert all(torch.equal(a[name], b[name]) for name in a)
