"""A VAE trained in a loop of one's own: a model, an objective and plain PyTorch."""

import os

import torch

import vaekit as vk

EPOCHS = int(os.environ.get("VAEKIT_EXAMPLE_EPOCHS", "100"))
LATENT = 8
BATCH = 100
WARM_UP = 500  # steps in which the rate's weight rises from 0 to 1

torch.manual_seed(0)
digits = vk.data.open("digits", binarise="visit")
model = vk.VAE(
    prior=vk.StandardNormal(LATENT),
    encoder=vk.Gaussian(vk.MLP((1, 8, 8), 256, 256), LATENT),
    decoder=vk.Bernoulli(vk.MLP(LATENT, 256, 256), (1, 8, 8)),
)
objective = vk.Distortion() + vk.Linear(0.0, 1.0, WARM_UP) * vk.Rate()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

step = 0
for epoch in range(EPOCHS):
    total = 0.0
    for rows in torch.randperm(len(digits.train)).split(BATCH):
        x = digits.train.batch(rows)["x"]
        loss = objective(model.infer(x), step)  # (B,) nats
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        total += loss.sum().item()
        step += 1
    if epoch % 10 == 9 or epoch == EPOCHS - 1:
        print(f"epoch {epoch + 1:3}  loss {total / len(digits.train):.2f} nats/example")

model.eval()
with torch.no_grad():
    x = digits.test.batch(torch.arange(len(digits.test)))["x"]
    inference = model.infer(x, samples=100)
    bound, better = inference.elbo().mean(), inference.log_mean_w().mean()
print(f"test ELBO {bound:.2f} nats/example; bound of 100 draws (IWAE) {better:.2f} nats/example")
