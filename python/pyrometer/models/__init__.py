"""Models of other frameworks: the laws of their parameters, traced while the model is built.

Frameworks are imported when a model of theirs is given.
"""

from pyrometer.models import sklearn
from pyrometer.models._laws import laws

__all__ = ["laws", "sklearn"]
