"""From an array, a file, a folder or a named set to batches and a description of what they hold."""

from vaekit.data.bouncing import *
from vaekit.data.characters import *
from vaekit.data.contexts import *
from vaekit.data.domain import *
from vaekit.data.factors import *
from vaekit.data.idx import *
from vaekit.data.opening import *
from vaekit.data.order import *
from vaekit.data.reading import *
from vaekit.data.scaling import *
from vaekit.data.sequences import *
from vaekit.data.shapes import *
from vaekit.data.spec import *
from vaekit.data.split import *
from vaekit.data.text import *
