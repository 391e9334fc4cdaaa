"""Second moments of rows: accumulated in memory, merged, and accumulated out of core."""

from pyrometer._public import publish
from pyrometer.data._moments import Moments
from pyrometer.data._scan import Scanned, scanned

__all__ = ["Moments", "Scanned", "scanned"]

publish(__name__)
