"""States of data: shift, drift, monitoring and mixing (section 2.1, appendix A)."""

from pyrometer._public import publish
from pyrometer.states._as_state import as_state
from pyrometer.states._drift import Drift, drift
from pyrometer.states._mixture import Mixture, mix, pooling_test, retraining
from pyrometer.states._monitor import RefreshMonitor
from pyrometer.states._of_columns import OfColumns
from pyrometer.states._predictions import predicted
from pyrometer.states._reading import BatchShift, Event, Reading
from pyrometer.states._records import clearest, why_undefined
from pyrometer.states._shift import DataState, Shift, shift

__all__ = [
    "BatchShift",
    "DataState",
    "Drift",
    "Event",
    "Mixture",
    "OfColumns",
    "Reading",
    "RefreshMonitor",
    "Shift",
    "as_state",
    "clearest",
    "drift",
    "mix",
    "pooling_test",
    "predicted",
    "retraining",
    "shift",
    "why_undefined",
]

publish(__name__)
