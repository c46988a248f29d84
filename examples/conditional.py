"""A VAE of digits given their class (Sohn et al. 2015): a picture with a row for each class."""

import os

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import pad

import vaekit as vk

EPOCHS = int(os.environ.get("VAEKIT_EXAMPLE_EPOCHS", "200"))
LATENT = 4
CLASSES = 10
COLUMNS = 16
ZOOM = 5
PICTURE = "runs/conditional.png"

digits = vk.data.open("digits", binarise="visit").conditioned_on_labels()
model = vk.VAE(
    prior=vk.StandardNormal(LATENT),
    encoder=vk.Gaussian(vk.MLP(64 + CLASSES, 256, 256), LATENT),
    decoder=vk.Bernoulli(vk.MLP(LATENT + CLASSES, 256, 256), (1, 8, 8)),
    context=vk.OneHot(CLASSES),
)

run = vk.fit(model, vk.Distortion() + vk.Rate(), digits, epochs=EPOCHS)
print(run.evaluate(samples=100))

with torch.no_grad():
    z = torch.randn(COLUMNS, LATENT, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(CLASSES).repeat_interleave(COLUMNS)
    x = model.decode(z.repeat(CLASSES, 1), labels).mean  # (CLASSES * COLUMNS, 1, 8, 8)
tiles = pad(x.squeeze(1), (1, 1, 1, 1)).view(CLASSES, COLUMNS, 10, 10)
grid = tiles.transpose(1, 2).reshape(CLASSES * 10, COLUMNS * 10)
plt.imsave(PICTURE, grid.kron(torch.ones(ZOOM, ZOOM)), cmap="gray_r", vmin=0, vmax=1)
print(f"{PICTURE}: a row for each class, a column for each z")
