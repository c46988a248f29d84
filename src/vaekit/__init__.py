"""vaekit: variational autoencoders, composed from parts, trained, and measured.

import vaekit as vk

model = vk.VAE(
    prior=vk.StandardNormal(8),
    encoder=vk.Gaussian(vk.MLP(64, 256, 256), 8),
    decoder=vk.DiscretisedLogistic(vk.MLP(8, 256, 256), (1, 8, 8), levels=17),
)
run = vk.fit(model, vk.Distortion() + 4.0 * vk.Rate(), vk.data.open("digits"), epochs=100)
print(run.evaluate(samples=1000))
"""

from types import ModuleType as _Module

from vaekit import data, evaluation, training
from vaekit.conditionals import *
from vaekit.models import *
from vaekit.networks import *
from vaekit.objectives import *
from vaekit.priors import *
from vaekit.recipes import System, recipe, recipes
from vaekit.runs import Run, fit, fit_prior, from_pretrained, load, rate_distortion, resume, train
from vaekit.sweeps import Sweep, sweep
from vaekit.training import Adam, Aggressive, Callback, Phase, Plan, Progress, Repeat, Silent, Trainer

# a room's star brings its files along as names; what is public here are the rooms and what they hold
for _name, _value in list(globals().items()):
    if isinstance(_value, _Module) and _value.__name__ != f"{__name__}.{_name}":
        del globals()[_name]
