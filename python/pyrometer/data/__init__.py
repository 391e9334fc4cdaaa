"""Second moments of rows: accumulated in memory, merged, and accumulated out of core."""

from pyrometer._public import publish
from pyrometer.data._moments import Moments
from pyrometer.data._row_sizes import dependence_hidden, row_sizes, rows_of_one_size
from pyrometer.data._scan import Scanned, scanned

__all__ = ["Moments", "Scanned", "dependence_hidden", "row_sizes", "rows_of_one_size", "scanned"]

publish(__name__)
