"""A beta-VAE (Higgins et al. 2017) on scikit-learn's digits, composed from parts, trained and evaluated."""

import os

import vaekit as vk

EPOCHS = int(os.environ.get("VAEKIT_EXAMPLE_EPOCHS", "100"))
LATENT = 8
BETA = 4.0

digits = vk.data.open("digits")  # (1, 8, 8) in 17 grey levels
model = vk.VAE(
    prior=vk.StandardNormal(LATENT),
    encoder=vk.Gaussian(vk.MLP((1, 8, 8), 256, 256), LATENT),
    decoder=vk.DiscretisedLogistic(vk.MLP(LATENT, 256, 256), (1, 8, 8), levels=17),
)
objective = vk.Distortion() + BETA * vk.Rate()

run = vk.fit(model, objective, digits, epochs=EPOCHS)
print(run.evaluate(samples=100))
print(f"pictures and weights: {run.path}")
