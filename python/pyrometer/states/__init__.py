"""States of data: shift, drift, monitoring and mixing (section 2.1, appendix A)."""

from pyrometer.states._shift import DataState, Shift, shift

__all__ = ["DataState", "Shift", "shift"]
