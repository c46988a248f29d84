"""The bound of log p(x) by its number of draws (Burda et al. 2016): it rises towards log p(x)."""

import os

import vaekit as vk

EPOCHS = int(os.environ.get("VAEKIT_EXAMPLE_EPOCHS", "100"))
DRAWS = (1, 10, 100, 1000)
LATENT = 8

digits = vk.data.open("digits", binarise="visit")
model = vk.VAE(
    prior=vk.StandardNormal(LATENT),
    encoder=vk.Gaussian(vk.MLP((1, 8, 8), 256, 256), LATENT),
    decoder=vk.Bernoulli(vk.MLP(LATENT, 256, 256), (1, 8, 8)),
)
run = vk.fit(model, vk.Distortion() + vk.Rate(), digits, epochs=EPOCHS)

print(f"{'draws':>6}  test bound, nats/example (± standard error over examples)")
for draws in DRAWS:
    print(f"{draws:6}  {run.evaluate(samples=draws).log_likelihood}")
