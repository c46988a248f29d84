"""A conditional VAE learns what words mean, and puts words together that it never saw together."""

import numpy as np
import pytest
import torch

import vaekit as vk

SIDE, COLOURS, CORNERS = 6, 3, 4
HELD_OUT = {(0, 3), (1, 0), (2, 1)}  # pairs of colour and corner


def pictures(n, held_out=False, seed=0):
    """A square of one colour in one corner, of a brightness that no word tells, and two words in any order, padded."""
    rng = np.random.default_rng((seed, held_out))
    pairs = [(c, q) for c in range(COLOURS) for q in range(CORNERS) if ((c, q) in HELD_OUT) == held_out]
    chosen = np.array(pairs)[rng.integers(len(pairs), size=n)]
    x = np.zeros((n, COLOURS, SIDE, SIDE), np.float32)
    for i, (colour, corner) in enumerate(chosen):
        top, left = 3 * (corner // 2), 3 * (corner % 2)
        x[i, colour, top : top + 3, left : left + 3] = 1
    x = np.where(rng.random(x.shape) < 0.02, 1 - x, x)
    words = rng.permuted(np.add(chosen, (0, COLOURS)), axis=1)
    return x.astype(np.uint8), np.concatenate([words, np.full((n, 1), -1)], axis=1), chosen


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    x, tokens, _ = pictures(3000)
    options = {"hidden": (64,), "latent": 2, "width": 32, "blocks": 1}
    place, quiet = tmp_path_factory.mktemp("captions") / "run", vk.Silent()
    return vk.train(
        "cvae", vk.data.open(x, context=tokens), folder=place, arguments=options, epochs=25, lr=3e-3, report=quiet
    )


def told(made):
    """Colour and corner of the brightest square."""
    quarters = made.unflatten(2, (2, 3)).unflatten(4, (2, 3)).sum((3, 5))  # (N, colours, 2, 2)
    best = quarters.flatten(1).argmax(1)
    return torch.stack([best // CORNERS, best % CORNERS], 1)


@pytest.mark.slow
@pytest.mark.parametrize("held_out", [False, True])
def test_what_is_drawn_is_what_the_caption_says(run, held_out):
    _, tokens, chosen = pictures(300, held_out, seed=1)
    right = (told(run.sample(context=tokens)) == torch.from_numpy(chosen)).all(1)
    assert right.double().mean() > (0.8 if held_out else 0.99)


@pytest.mark.slow
def test_a_picture_is_far_less_likely_under_another_s_caption(run):
    x, tokens, chosen = pictures(300, seed=1)
    own = run.score(run.read(torch.from_numpy(x), context=tokens), samples=20)["log_likelihood"]
    other = np.roll(tokens, 1, axis=0)
    differs = torch.from_numpy((np.roll(chosen, 1, axis=0) != chosen).any(1))
    wrong = run.score(run.read(torch.from_numpy(x), context=other), samples=20)["log_likelihood"]
    assert (own - wrong)[differs].mean() > 20


@pytest.mark.slow
def test_padding_between_and_behind_words_changes_no_figure(run):
    x, tokens, _ = pictures(50, seed=2)
    longer = np.concatenate([tokens, np.full((50, 5), -3)], axis=1)
    a, b = (run.score(run.read(torch.from_numpy(x), context=given), samples=5) for given in (tokens, longer))
    assert all(torch.equal(a[name], b[name]) for name in a)
