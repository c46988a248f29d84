"""From an array, a file or a named set to batches and a description of what they hold."""

from vaekit.data.domain import *
from vaekit.data.idx import *
from vaekit.data.opening import *
from vaekit.data.order import *
from vaekit.data.spec import *
from vaekit.data.split import *
