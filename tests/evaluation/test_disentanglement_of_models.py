"""All scores of a model at once: a model whose codes are the factors, and one that knows nothing of them."""

import json

import numpy as np
import pytest
import torch
from models.small_hierarchy import hierarchy

import vaekit.data
from vaekit.conditionals import Gaussian
from vaekit.evaluation import disentanglement, factor_vae_score, mig
from vaekit.evaluation.disentanglement.dci import dci
from vaekit.models import VAE
from vaekit.networks import MLP
from vaekit.priors import StandardNormal

SIZES = (3, 4, 5)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Examples that are their own three factors, and two columns of noise; each combination ten times."""
    path = tmp_path_factory.mktemp("factors") / "own.npz"
    table = np.stack(np.unravel_index(np.arange(600), (*SIZES, 10)), 1)[:, :3]
    noise = np.random.default_rng(0).normal(size=(600, 2))
    x = np.concatenate([(table - table.mean(0)) / table.std(0), noise], 1)
    np.savez(path, x=x.astype(np.float32), factors=table, factor_names=["colour", "size", "place"])
    return vaekit.data.open(path, standardise=False, valid=100, test=200)


def reading(weights):
    """A VAE whose posterior mean is `weights` (D, 5) times x."""
    d = len(weights)
    model = VAE(StandardNormal(d), Gaussian(MLP(5), d), Gaussian(MLP(d), 5))
    with torch.no_grad():
        layer = model.encoder.last.layer
        layer.weight.copy_(torch.cat([weights, torch.zeros_like(weights)]))
        layer.bias.copy_(torch.zeros(2 * d))
    return model


def test_a_model_that_reads_the_factors_off_has_every_score(data):
    found = disentanglement(reading(torch.eye(5)), data, n=10_000)
    assert (found.latent, found.points, found.examples) == ("z", 600, "all examples")
    scores = found.scores()
    for name in ("beta-VAE score", "FactorVAE score", "DCI disentanglement", "DCI completeness", "DCI informativeness"):
        assert scores[name] > 0.97
    assert scores["MIG"] > 0.9
    assert found.mig.information[:3].argmax(1).tolist() == [0, 1, 2]


def test_a_model_that_reads_noise_alone_has_none(data):
    found = disentanglement(reading(torch.eye(5)[3:]), data).scores()
    assert found["FactorVAE score"] < 0.5
    assert found["MIG"] < 0.1
    assert found["DCI informativeness"] < 0.5


def test_it_is_the_scores_of_the_means_of_the_examples(data):
    weights = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    found = disentanglement(reading(weights), data, split="train", seed=4)
    codes, factors = data.train.x.double() @ weights.double().T, data.train.factors.long()
    assert (found.points, found.examples) == (300, "train")
    assert (
        disentanglement(hierarchy(3, 2, size=(5,)), data, latent="z1", learner=no_learner).dci.importance.shape[0] == 3
    )
    torch.testing.assert_close(found.mig.information, mig(codes, factors).information)
    assert found.dci.importance.shape == (4, 3)
    assert found.dci.disentanglement == pytest.approx(dci(codes, factors, seed=4).disentanglement, abs=1e-3)
    votes = factor_vae_score(codes, factors, seed=4)
    assert found.factor_vae.score == pytest.approx(votes.score, abs=1e-3)


def test_points_are_drawn_from_all_splits_under_the_seed(data):
    model = reading(torch.eye(5))
    one, same, other = (disentanglement(model, data, n=250, seed=seed, learner=no_learner) for seed in (1, 1, 2))
    assert one.points == 250
    assert one.to_dict() == same.to_dict() != other.to_dict()


def no_learner(z, values, new):
    """A learner that leans on all dimensions alike and always says 0."""
    return np.full(z.shape[1], 1 / z.shape[1]), np.zeros(len(new))


def test_the_learner_of_dci_is_a_choice(data):
    found = disentanglement(reading(torch.eye(5)), data, learner=no_learner)
    assert found.dci.disentanglement == pytest.approx(0, abs=1e-9)
    assert found.dci.informativeness < 0.5


def test_what_is_found_is_told_in_a_table_and_in_json(data):
    found = disentanglement(reading(torch.eye(5)), data, learner=no_learner)
    shown = str(found)
    for words in ("FactorVAE score", "DCI completeness", "size: dimension 1 knows 1.00 of it, the next best 0.0"):
        assert words in shown
    record = json.loads(json.dumps(found.to_dict()))
    assert record["factors"] == ["colour", "size", "place"]
    assert record["scores"]["MIG"] == found.mig.score
    assert np.array(record["information_nats"]).shape == (5, 3)


def test_data_without_known_factors_are_refused():
    digits = vaekit.data.open("digits")
    model = VAE(StandardNormal(2), Gaussian(MLP((1, 8, 8)), 2), Gaussian(MLP(2), (1, 8, 8)))
    with pytest.raises(ValueError, match="needs data whose factors are known, such as shapes or an "):
        disentanglement(model, digits)


def test_mistakes_are_named(data):
    model = reading(torch.eye(5))
    with pytest.raises(ValueError, match="split must be one of train, valid, test, got 'all'"):
        disentanglement(model, data, split="all")
    with pytest.raises(ValueError, match="latent must be one of z, got 'w'"):
        disentanglement(model, data, latent="w")
    with pytest.raises(
        ValueError, match="latent must be named where not one alone is continuous: this model has z1, z2"
    ):
        disentanglement(hierarchy(2, 2, size=(5,)), data)
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, got 0"):
        disentanglement(model, data, n=0)
    with pytest.raises(ValueError, match="must have at least 2"):
        disentanglement(model, data, n=5)
    with pytest.raises(ValueError, match="codes must have at least 2 columns, to tell one from another, got 1"):
        disentanglement(reading(torch.eye(5)[:1]), data)
