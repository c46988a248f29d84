"""A term of one's own in an objective: posterior means whose covariance is the identity (DIP-VAE-I)."""

import os

import torch
from torch import Tensor

import vaekit as vk

EPOCHS = int(os.environ.get("VAEKIT_EXAMPLE_EPOCHS", "100"))
LATENT = 8
WEIGHT = 10.0


class Decorrelation(vk.Term):
    """|cov_B E[z|x] - I|^2, a number of the batch; Kumar et al. 2018, eq. 6 with equal weights."""

    def __init__(self) -> None:
        super().__init__("decorrelation")

    def forward(self, inference: vk.Inference, coefficients: vk.Coefficients) -> Tensor:
        """()."""
        mean = inference.latents["z"].posterior.mean  # (B, D)
        return (mean.T.cov() - torch.eye(mean.shape[1])).square().sum()


def fitted(objective: vk.Objective) -> vk.Run:
    torch.manual_seed(0)
    model = vk.VAE(
        prior=vk.StandardNormal(LATENT),
        encoder=vk.Gaussian(vk.MLP((1, 8, 8), 256, 256), LATENT),
        decoder=vk.Bernoulli(vk.MLP(LATENT, 256, 256), (1, 8, 8)),
    )
    return vk.fit(model, objective, digits, epochs=EPOCHS)


digits = vk.data.open("digits", binarise="visit")
x = digits.test.batch(torch.arange(len(digits.test)))["x"]
plain = vk.Distortion() + vk.Rate()
for objective in (plain, plain + WEIGHT * Decorrelation()):
    run = fitted(objective)
    with torch.no_grad():
        mean = run.model.encode(x).mean
    correlation = mean.T.corrcoef().fill_diagonal_(0).abs().sum() / (LATENT * (LATENT - 1))
    elbo = run.evaluate(samples=10).elbo
    print(f"{objective}: mean |correlation| {correlation:.3f}, test ELBO {elbo} nats/example")
