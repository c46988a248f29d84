"""Networks: plain modules from tensors to tensors that say their `out_shape` and know nothing of probability."""

from vaekit.networks.convolution import *
from vaekit.networks.corruption import *
from vaekit.networks.inception import *
from vaekit.networks.mlp import *
from vaekit.networks.one_hot import *
from vaekit.networks.residual import *
