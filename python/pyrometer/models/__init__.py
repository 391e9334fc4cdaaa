"""Models of other frameworks: laws of their parameters, traced while a model is built, and energies of their layers.

Frameworks are imported when a model of theirs is given.
"""

from pyrometer.models import sklearn
from pyrometer.models._balance import balance
from pyrometer.models._balanced import Balance
from pyrometer.models._laws import laws
from pyrometer.models._measure import measure
from pyrometer.results import ModelLayers

__all__ = ["Balance", "ModelLayers", "balance", "laws", "measure", "sklearn"]
