"""Quantisers: indices against brute force, gradients and averages against steps worked out by hand."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from vaekit.conditionals import Quantised
from vaekit.networks import (
    MLP,
    Bits,
    Codebook,
    FiniteScalar,
    GroupedQuantiser,
    ResidualQuantiser,
    nearest_code,
    rotated,
)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def brute(x, codes):
    """Distances in float64, and whether the nearest is clear."""
    distances = torch.cdist(x.double(), codes.double(), compute_mode="donot_use_mm_for_euclid_dist").square()
    two = distances.topk(2, largest=False).values
    return distances.argmin(1), two[:, 1] - two[:, 0] > 1e-4 * two[:, 1]


@pytest.mark.parametrize(("n", "k", "d", "at_once"), [(1000, 37, 5, None), (999, 512, 64, 4096), (50, 300, 3, 7)])
def test_indices_are_those_of_brute_force_in_float64_away_from_ties(n, k, d, at_once):
    x, codes = torch.randn(n, d, dtype=torch.float32), torch.randn(k, d, dtype=torch.float32)
    expected, clear = brute(x, codes)
    assert clear.float().mean() > 0.99
    assert torch.equal(nearest_code(x, codes, at_once)[clear], expected[clear])


def test_of_equally_near_codes_the_first_is_taken_whatever_the_blocks():
    codes = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])
    x = torch.tensor([[0.0, 5.0], [2.0, 0.0], [-3.0, 0.0]])
    for at_once in (1, 4, 100):
        assert nearest_code(x, codes, at_once).tolist() == [0, 0, 1]


def fixed(vectors, **options) -> Codebook:
    book = Codebook(len(vectors), len(vectors[0]), **options)
    with torch.no_grad():
        book.vectors.copy_(torch.tensor(vectors))
    return book


X = [[[0.5, 0.0], [2.0, 1.5]], [[0.0, 0.4], [4.0, 4.0]]]  # two examples of two vectors
VECTORS = [[0.0, 0.0], [3.0, 3.0], [9.0, 9.0]]
NEAREST = [[0, 1], [0, 1]]


def test_straight_through_gives_the_embedding_exactly_and_the_gradient_unchanged():
    book, x = fixed(VECTORS), torch.tensor(X, requires_grad=True)
    found = book(x)
    assert found.code.squeeze(-1).tolist() == NEAREST
    assert torch.equal(found.value, book.embed(found.code))
    g = torch.randn(2, 2, 2)
    (gradient,) = torch.autograd.grad((found.value * g).sum(), x)
    assert_close(gradient, g)


def test_commitment_is_beta_times_the_squared_distance_and_pulls_the_input_alone():
    book, x = fixed(VECTORS, commitment=0.5), torch.tensor(X, requires_grad=True)
    penalty = book(x).penalty
    by_hand = [0.5 * (0.25 + (1.0 + 2.25)), 0.5 * (0.16 + (1.0 + 1.0))]
    assert_close(penalty, torch.tensor(by_hand))
    (gradient,) = torch.autograd.grad(penalty.sum(), x)
    assert_close(gradient[0], torch.tensor([[0.5, 0.0], [-1.0, -1.5]]))


def test_a_step_of_moving_averages_is_the_one_worked_out_by_hand():
    book = fixed(VECTORS, decay=0.9, expiry=0.0)
    for _ in range(2):
        book(torch.tensor(X))
        book.after_step()
    counts = torch.tensor([2.0, 2.0, 0.0]) * (1 - 0.9**2)
    assert_close(book.counts, counts)
    assert_close(book.vectors, torch.tensor([[0.25, 0.2], [3.0, 2.75], [9.0, 9.0]]))  # means; what nothing hit stays


def test_averages_forget_at_the_rate_of_the_decay():
    book = fixed([[0.0], [10.0]], decay=0.75, expiry=0.0)
    for value in (1.0, 3.0):
        book(torch.full((1, 1, 1), value))
        book.after_step()
    assert_close(book.vectors[0], torch.tensor([(0.75 * 1.0 + 3.0) / (0.75 + 1)]))


def test_a_codebook_learned_by_gradient_moves_by_twice_the_distance_summed():
    book, x = fixed(VECTORS, decay=None, commitment=0.0), torch.tensor(X)
    book(x).penalty.sum().backward()
    assert_close(book.vectors.grad, 2 * torch.tensor([[-0.5, -0.4], [0.0, 0.5], [0.0, 0.0]]))


def test_nothing_moves_in_evaluation_or_without_a_step():
    book = fixed(VECTORS).eval()
    before = {name: t.clone() for name, t in book.state_dict().items()}
    book(torch.tensor(X))
    book.after_step()
    for name, t in book.state_dict().items():
        assert torch.equal(t, before[name]), name


def test_pieces_of_a_batch_move_the_codebook_as_the_whole_does():
    whole, pieces, x = Codebook(8, 3), Codebook(8, 3), torch.randn(40, 2, 3)
    pieces.load_state_dict(whole.state_dict())
    for _ in range(30):
        x = torch.randn(40, 2, 3)
        whole(x)
        for part in x.split(16):
            pieces(part)
        whole.after_step()
        pieces.after_step()
    assert_close(pieces.vectors, whole.vectors)


def test_the_rotated_gradient_is_the_jacobian_of_turning_and_scaling():
    """At fixed x0, e: y(x) = (|e|/|x0|) R x, R x0/|x0| = e/|e|, R a rotation: checked by what defines it."""
    x, e = torch.randn(4, 6, requires_grad=True), torch.randn(4, 6)
    assert_close(rotated(x, e), e)
    for i in range(4):
        jacobian = torch.autograd.functional.jacobian(lambda v, i=i: rotated(v[None], e[i : i + 1])[0], x[i].detach())
        scale = e[i].norm() / x[i].norm()
        rotation = jacobian / scale
        assert_close(rotation @ rotation.T, torch.eye(6), atol=1e-5, rtol=0)
        assert_close(torch.linalg.det(rotation), torch.tensor(1.0))
        assert_close(rotation @ x[i].detach() / x[i].norm(), e[i] / e[i].norm())
        apart = torch.linalg.svd(torch.stack([x[i].detach(), e[i]])).Vh[2:]  # what is at right angles to both stays
        assert_close(apart @ rotation.T, apart, atol=1e-5, rtol=0)


def test_cosine_finds_the_code_of_the_smallest_angle():
    book, x = Codebook(16, 4, cosine=True), torch.randn(30, 2, 4) * torch.rand(30, 2, 1)
    angles = torch.nn.functional.cosine_similarity(x[:, :, None], book.vectors, dim=-1)
    assert torch.equal(book(x).code.squeeze(-1), angles.argmax(-1))
    book.after_step()
    assert_close(book.vectors.norm(dim=1), torch.ones(16))


def clusters(n: int, k: int, d: int = 8) -> torch.Tensor:
    """n vectors about k centres far apart."""
    centres = 10 * torch.randn(k, d)
    return (centres[torch.randint(k, (n,))] + torch.randn(n, d))[None]


def used(book: Codebook, x: torch.Tensor) -> int:
    return len(book.eval()(x).code.unique())


@pytest.mark.parametrize("decay", [0.99, None])
def test_dead_codes_are_used_again_by_default_and_stay_dead_without_expiry(decay):
    x = clusters(4000, 32)
    found = {}
    for expiry in (0.0, 0.1):
        torch.manual_seed(1)
        book = Codebook(32, 8, expiry=expiry, decay=decay)
        with torch.no_grad():
            book.vectors[1:] += 1000.0  # a bad start: one code is nearest to everything
        optimiser = torch.optim.Adam([book.vectors], 0.1) if decay is None else None
        for _ in range(400):
            penalty = book(x[:, torch.randint(4000, (500,))]).penalty.sum()
            if optimiser is not None:
                optimiser.zero_grad()
                penalty.backward()
                optimiser.step()
            book.after_step()
        found[expiry] = used(book, x)
    assert found[0.0] == 1
    assert found[0.1] >= 31


def test_expiry_is_the_same_after_a_restart():
    x, first = clusters(1000, 16), Codebook(16, 8)
    with torch.no_grad():
        first.vectors[1:] += 1000.0
    for i in range(60):
        if i == 30:
            again = Codebook(16, 8)
            again.load_state_dict(first.state_dict())
        first(x)
        first.after_step()
        if i >= 30:
            again(x)
            again.after_step()
    for name, t in first.state_dict().items():
        assert torch.equal(t, again.state_dict()[name]), name


def started(quantiser, x):
    for module in quantiser.modules():
        module.starting = True
    quantiser.eval()(x[None])
    for module in quantiser.modules():
        module.starting = False


def test_k_means_starts_at_the_clusters():
    x, book = clusters(4000, 12)[0], Codebook(64, 8)
    started(book, x)
    error = (x - book.embed(book(x[None]).code)[0]).square().sum(1).mean()
    assert error < 8.0  # what is left of one cluster about its centre


def test_more_codes_than_different_vectors_are_refused():
    x = torch.randn(20, 3).repeat(2, 1)
    started(Codebook(20, 3), x)
    with pytest.raises(ValueError, match="a codebook of 21 codes needs as many different vectors, the data give 20"):
        started(Codebook(21, 3), x)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 0}, "size"),
        ({"commitment": -1}, "commitment must be at least 0, got -1"),
        ({"decay": 1.0}, r"decay must be None or lie in \[0, 1\), got 1.0"),
        ({"expiry": 1.0}, r"expiry must lie in \[0, 1\), got 1.0"),
    ],
)
def test_settings_that_are_none_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Codebook(**{"size": 4, "dim": 2, **options})


@pytest.mark.parametrize("levels", [(8, 5, 5, 5), (3,), (2, 4)])
def test_every_finite_scalar_code_has_its_own_point_and_comes_back(levels):
    book, every = FiniteScalar(levels), torch.arange(math.prod(levels))[:, None]
    points = book.embed(every)
    assert len(points.unique(dim=0)) == len(every)
    assert points.min() == -1
    wide = 50 * torch.randn(20_000, 1, len(levels))
    near = 0.6 * torch.randn(200_000, 1, len(levels))
    reached = torch.cat([book(wide).code, book(near).code]).unique()
    assert torch.equal(reached, every.flatten())
    found = book(near)
    assert_close(found.value, book.embed(found.code))


def test_finite_scalars_pass_on_the_gradient_of_the_bounded_number():
    book, x = FiniteScalar((5,)), torch.tensor([[[0.3]]], requires_grad=True)
    (gradient,) = torch.autograd.grad(book(x).value.sum(), x)
    half = 4 * 1.001 / 2
    assert_close(gradient, (half * (1 - torch.tanh(x) ** 2) / 2).detach())


def test_an_input_of_zero_is_the_middle_level():
    assert FiniteScalar((8, 5))(torch.zeros(1, 1, 2)).value.abs().sum() == 0


@pytest.mark.parametrize("spherical", [False, True])
def test_bits_are_the_nearest_corner(spherical):
    book, x = Bits(4, spherical=spherical).eval(), torch.randn(50, 2, 4)
    corners = book.embed(torch.arange(16)[:, None])
    assert len(corners.unique(dim=0)) == 16
    found = book(x)
    expected, _ = brute(
        torch.nn.functional.normalize(x, dim=-1).flatten(0, 1) if spherical else x.flatten(0, 1), corners
    )
    assert torch.equal(found.code.flatten(), expected)
    assert_close(found.value, book.embed(found.code))


def test_entropies_of_bits_are_those_of_the_soft_assignment_to_all_corners():
    """P(corner | x) by exp(-|x - e|^2 / temperature) over all of them, summed by hand; bits are independent given x."""
    book = Bits(3, commitment=0.0, entropy=1.0, diversity=0.0, temperature=0.7)
    x, corners = torch.randn(5, 2, 3), torch.tensor(list(itertools.product((-1.0, 1.0), repeat=3)))
    q = torch.softmax(-(x[..., None, :] - corners).square().sum(-1) / 0.7, dim=-1)
    assert_close(book(x).penalty, torch.special.entr(q).sum((1, 2)))
    both = Bits(3, commitment=0.0, entropy=0.0, diversity=2.0, temperature=0.7)
    on = torch.stack([q[..., corners[:, i] > 0].sum(-1) for i in range(3)], dim=-1).mean((0, 1))
    assert_close(both(x).penalty, (-2 * 2 * (torch.special.entr(on) + torch.special.entr(1 - on)).sum()).expand(5))


def test_entropies_of_sure_bits_have_slopes():
    """In float32 the sigmoid of 20 is 1, where p log p has none: training of `lfq-vae` broke on it."""
    x = torch.tensor([[[30.0, -60.0, 0.1]]], dtype=torch.float32, requires_grad=True)
    for options in ({"entropy": 1.0, "diversity": 0.0}, {"entropy": 0.0, "diversity": 1.0}):
        x.grad = None
        Bits(3, commitment=0.0, **options)(x).penalty.sum().backward()
        assert x.grad.isfinite().all()
        assert x.grad[0, 0, 2].abs() > 0


@pytest.mark.parametrize(("quantiser", "least"), [(FiniteScalar((8, 5, 5, 5)), 200), (Bits(8), 200)], ids=repr)
def test_a_fresh_head_reaches_many_of_the_codes_that_move_to_no_data(quantiser, least):
    """With weights of a tenth it gave one code of 1,000 for everything, and `fsq-vae` stayed there."""
    network = MLP(16, 64, activation=torch.nn.SiLU)
    head = Quantised(network, quantiser.dim, quantiser)
    assert len(head.outputs(3 * torch.randn(4000, 16))["code"].unique()) > least


def test_residual_levels_quantise_what_is_left():
    parts = [fixed([[0.0, 0.0], [4.0, 4.0]]), fixed([[0.0, 1.0], [1.0, 0.0]])]
    book = ResidualQuantiser(parts).eval()
    found = book(torch.tensor([[[4.9, 4.1], [0.2, 0.8]]]))
    assert found.code.tolist() == [[[1, 1], [0, 0]]]
    assert_close(found.value, torch.tensor([[[5.0, 4.0], [0.0, 1.0]]]))
    assert_close(book.embed(found.code[..., :1]), torch.tensor([[[4.0, 4.0], [0.0, 0.0]]]))
    assert book.sizes == (2, 2)


def test_each_residual_level_started_from_data_leaves_less():
    x, book = clusters(3000, 40)[0], ResidualQuantiser([Codebook(8, 8) for _ in range(4)])
    started(book, x)
    code = book.eval()(x[None]).code
    left = [float((x - book.embed(code[..., : n + 1])[0]).square().mean()) for n in range(4)]
    assert left == sorted(left, reverse=True)
    assert left[-1] < 0.5 * left[0]


def test_quantiser_dropout_uses_the_first_levels_alone():
    book, x = ResidualQuantiser([Codebook(6, 3) for _ in range(4)], dropout=1.0), torch.randn(500, 2, 3)
    found = book(x)
    sums = torch.stack([book.embed(found.code[..., : n + 1]) for n in range(4)])
    which = [(found.value[i] - sums[:, i]).abs().amax((1, 2)).argmin() for i in range(len(x))]
    assert max(float((found.value[i] - sums[n, i]).abs().max()) for i, n in enumerate(which)) < 1e-6
    assert torch.bincount(torch.stack(which)).tolist() == pytest.approx([125] * 4, abs=35)
    assert_close(book.eval()(x).value, book.embed(book(x).code))


def test_groups_quantise_their_own_share():
    book = GroupedQuantiser([Codebook(5, 2), FiniteScalar((3, 3))]).eval()
    x = torch.randn(4, 3, 4)
    found = book(x)
    assert book.sizes == (5, 9)
    assert_close(found.value[..., :2], book.parts[0](x[..., :2]).value)
    assert_close(found.value, book.embed(found.code))


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="parts must hold at least one quantiser, got none"):
        ResidualQuantiser([])
    with pytest.raises(ValueError, match=r"parts must quantise vectors of one size, got sizes \[2, 3\]"):
        ResidualQuantiser([Codebook(4, 2), Codebook(4, 3)])
