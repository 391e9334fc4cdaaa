"""Pictures of results with matplotlib (``pip install 'pyrometer[plot]'``), which is imported when one is drawn.

Functions draw into `ax`, by default into a new figure, and return its Axes; none shows or saves it. Lines differ in
style or marker as well as in colour, so that they are told apart in grey and by the colour-blind.
"""

from pyrometer.plot._columns import columns
from pyrometer.plot._columns import drawn as drawn
from pyrometer.plot._drift import drift
from pyrometer.plot._engines import compare, layers
from pyrometer.plot._spectrum import residuals, spectrum
from pyrometer.plot._states import mixture, monitor, shift
from pyrometer.plot._sweep import sweep
from pyrometer.plot._temperature import scaled as scaled
from pyrometer.plot._temperature import temperature
from pyrometer.plot._training import path

__all__ = [
    "columns",
    "compare",
    "drift",
    "layers",
    "mixture",
    "monitor",
    "path",
    "residuals",
    "shift",
    "spectrum",
    "sweep",
    "temperature",
]
