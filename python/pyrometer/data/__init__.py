"""Second moments of rows: accumulated in memory, merged, and accumulated out of core."""

from pyrometer._public import publish
from pyrometer.data._moments import Moments
from pyrometer.data._row_sizes import dependence_hidden, rank_is_above, typical_sizes
from pyrometer.data._scan import Scanned, scanned

__all__ = ["Moments", "Scanned", "dependence_hidden", "rank_is_above", "scanned", "typical_sizes"]

publish(__name__)
