"""vaekit: variational autoencoders, composed from parts, trained, and measured.

import vaekit as vk

model = vk.VAE(
    prior=vk.StandardNormal(8),
    encoder=vk.Gaussian(vk.MLP(64, 256, 256), 8),
    decoder=vk.Bernoulli(vk.MLP(8, 256, 256), (1, 8, 8)),
)
run = vk.fit(model, vk.Distortion() + 4.0 * vk.Rate(), vk.data.open("digits", binarise="visit"), epochs=30)
"""

from vaekit import data
from vaekit.conditionals import *
from vaekit.models import *
from vaekit.networks import *
from vaekit.objectives import *
from vaekit.priors import *
from vaekit.recipes import System, recipe, recipes
from vaekit.runs import Run, fit, load, resume, train
from vaekit.training import Adam, Aggressive, Phase, Plan, Repeat, Trainer
