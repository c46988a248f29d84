"""Networks: plain modules from tensors to tensors that say their `out_shape` and know nothing of probability."""

from vaekit.networks.attention import *
from vaekit.networks.batch_norm import *
from vaekit.networks.bottleneck import *
from vaekit.networks.causal import *
from vaekit.networks.cells import *
from vaekit.networks.codebook import *
from vaekit.networks.convolution import *
from vaekit.networks.corruption import *
from vaekit.networks.inception import *
from vaekit.networks.many_codes import *
from vaekit.networks.maps import *
from vaekit.networks.mlp import *
from vaekit.networks.nearest_code import *
from vaekit.networks.numbers import *
from vaekit.networks.observed import *
from vaekit.networks.one_hot import *
from vaekit.networks.quantiser import *
from vaekit.networks.recurrent import *
from vaekit.networks.residual import *
from vaekit.networks.scalar_codes import *
from vaekit.networks.scales import *
from vaekit.networks.squeeze_excitation import *
from vaekit.networks.weight_norm import *
