"""A recipe of one's own: a function from what the data are to a system, for binary, grey and real data alike."""

import os

import vaekit as vk

EPOCHS = int(os.environ.get("VAEKIT_EXAMPLE_EPOCHS", "60"))


def bottleneck_vae(spec: vk.data.DataSpec, *, latent: int = 8, width: int = 256, warm_up: int = 500) -> vk.System:
    """A VAE whose rate warms up, with one narrow layer before the code; the likelihood fits the data's values."""
    pixels = spec.shape
    heads = {
        "binary": lambda network: vk.Bernoulli(network, pixels),
        "levels": lambda network: vk.DiscretisedLogistic(network, pixels, levels=spec.levels),
        "real": lambda network: vk.Gaussian(network, pixels),
    }
    if spec.domain not in heads:
        raise ValueError(f"this recipe is for {', '.join(heads)} data, got {spec.domain}")
    model = vk.VAE(
        prior=vk.StandardNormal(latent),
        encoder=vk.Gaussian(vk.MLP(pixels, width, 2 * latent), latent),
        decoder=heads[spec.domain](vk.MLP(latent, 2 * latent, width)),
    )
    objective = vk.Distortion() + vk.Linear(0.0, 1.0, steps=warm_up) * vk.Rate()
    return vk.System(model, objective)


for binarise in ("visit", None):
    digits = vk.data.open("digits", binarise=binarise)
    system = bottleneck_vae(digits.spec)
    run = vk.fit(system.model, system.objective, digits, epochs=EPOCHS)
    print(run.evaluate(samples=100))

again = vk.load(run.path, model=bottleneck_vae(digits.spec).model)  # the same recipe gives the same composition
print(f"loaded again from {again.path}: {again.sample(4).shape[0]} samples")
